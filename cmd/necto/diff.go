package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/diff"
	"github.com/necto-dev/necto/record"
)

type diffOptions struct {
	a, b   string
	json   bool
	strict bool
	proto  protoFlags
}

func newDiffCmd(io stdio, run func(context.Context, stdio, diffOptions) error) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff [flags] A B",
		Short: "Say what is different between two recordings",
		Long: `Diff compares the exchanges of two recordings, those of the same method and URL in the
order in which they began, and the messages of WebSocket connections. It prints what
was added (+), removed (-) and changed (~), with JSON pointers to the values.

Values that are new in each run (dates, UUIDs, long hex ids, tokens, durations, ports
of this machine, fields such as Date) are volatile: they are marked, and are no
difference unless --strict is given.

With --proto, messages of gRPC are compared as JSON.

The exit code is 3 if there are differences.`,
		Example: `  necto diff yesterday.jsonl today.jsonl
  necto diff --strict a.jsonl b.jsonl   # dates and ids count, too
  necto diff --proto api a.jsonl b.jsonl
  necto diff --json a.jsonl b.jsonl | jq -c 'select(.kind == "changed")'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("diff needs two recordings, not %d", len(args)).
					hinted("for example `necto diff yesterday.jsonl today.jsonl`")
			}
			o.a, o.b = args[0], args[1]
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.strict, "strict", false, "count volatile values, such as dates and ids, as differences")
	flags.BoolVar(&o.json, "json", false, "print JSON lines")
	o.proto.bind(flags)
	return cmd
}

// diffPrinter prints a comparison.
type diffPrinter interface {
	Exchange(*diff.Exchange) error
	Summary(diff.Summary) error
}

func runDiff(ctx context.Context, io stdio, o diffOptions) error {
	protos, err := o.proto.load()
	if err != nil {
		return err
	}
	a, err := record.Open(o.a)
	if err != nil {
		return replayHint(err)
	}
	defer a.Close()
	b, err := record.Open(o.b)
	if err != nil {
		return replayHint(err)
	}
	defer b.Close()
	var printer diffPrinter = diff.NewPrinter(io.out, io.colored())
	if o.json {
		printer = diff.NewEncoder(io.out)
	}
	summary, err := diff.Compare(a, b, diff.Options{Strict: o.strict, Protos: protos}, func(x *diff.Exchange) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return printer.Exchange(x)
	})
	warnOf(io, a, b)
	if err == nil {
		err = printer.Summary(summary)
	}
	switch {
	case isBrokenPipe(err):
		return nil
	case err != nil:
		return err
	case summary.Different():
		return &exitError{code: exitCheck}
	}
	return nil
}

// warnOf tells what was wrong with recordings that were read.
func warnOf(io stdio, files ...*record.File) {
	for _, f := range files {
		for _, warning := range f.Warnings() {
			io.note("warning: %s", warning)
		}
	}
}
