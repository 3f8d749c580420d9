package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/rules"
)

type rulesTestOptions struct {
	files   []string
	against string
	expect  string
	json    bool
	protos  *protoset.Set // nil for none
}

func newRulesTestCmd(io stdio, run func(context.Context, stdio, rulesTestOptions) error) *cobra.Command {
	var o rulesTestOptions
	var proto protoFlags
	cmd := &cobra.Command{
		Use:   "test FILE|FOLDER... --against RECORDING",
		Short: "Say what rules would have done to recorded exchanges",
		Long: `Test tries rules and breakpoints on the exchanges of a recording, in the order in
which they began. It prints which of them would have done something to which exchange,
and what would have been different. Nothing is sent and nobody waits: what goes on to
the origin is answered as it was then, and a breakpoint without a resume of its own
lets it go on. Rules that have not done anything are told on standard error.

Values that are redacted in the recording are seen so by the rules, too.

With --expect the output is compared with a file, in which you keep what it once was.
If they differ, the difference is printed and the exit code is 3.`,
		Example: `  necto rules test rules.yaml --against run.jsonl
  necto rules test rules.yaml --against run.jsonl >expected.txt
  necto rules test rules.yaml --against run.jsonl --expect expected.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || o.against == "" {
				return usagef("test needs rules files and a recording").
					hinted("for example `necto rules test rules.yaml --against run.jsonl`")
			}
			o.files = args
			var err error
			if o.protos, err = proto.load(); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.against, "against", "", "the `recording` (or HAR) to try the rules on")
	flags.StringVar(&o.expect, "expect", "", "compare the output with `file`")
	flags.BoolVar(&o.json, "json", false, "print JSON lines")
	proto.bind(flags)
	return cmd
}

func runRulesTest(ctx context.Context, io stdio, o rulesTestOptions) error {
	set, err := loadRules(o.files, o.protos)
	if err != nil {
		return rulesError(io, err)
	}
	var expected []byte
	if o.expect != "" {
		if expected, err = os.ReadFile(o.expect); err != nil {
			return usagef("--expect: %w", err).hinted("the output of the same command without --expect is what to put there")
		}
	}
	file, err := record.Open(o.against)
	if err != nil {
		return replayHint(err)
	}
	defer file.Close()
	t := rulesTest{file: file, engine: rules.NewEngine(rules.NewStore(set), newStatus(io).log()), used: map[string]bool{}}
	t.engine.Protos = o.protos
	t.print = printTrial
	if o.json {
		t.print = encodeTrial
	}
	err = t.run(ctx)
	warnOf(io, file)
	if err != nil {
		return err
	}
	t.summarize(io, set)
	return t.finish(io, o, expected)
}

// rulesTest tries rules on a recording.
type rulesTest struct {
	file   *record.File
	engine *rules.Engine
	print  func(*bytes.Buffer, *trial)
	out    bytes.Buffer
	used   map[string]bool // names of rules and breakpoints, behind their kind
	total  int
	with   int // exchanges that something was done to
}

// trial is what rules would have done to an exchange.
type trial struct {
	entry *record.Entry
	*rules.Rehearsal
}

// linePlace is where a line is.
type linePlace struct {
	id     uint64
	offset int64
	length int
}

func (t *rulesTest) run(ctx context.Context) error {
	places, err := exchangePlaces(t.file)
	if err != nil {
		return err
	}
	for _, at := range places {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := t.try(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// exchangePlaces returns where the last line of each exchange is, in the order in
// which they began.
func exchangePlaces(f *record.File) ([]linePlace, error) {
	byID := make(map[uint64]linePlace)
	err := f.Scan(func(l record.Line) error {
		switch l.Type {
		case record.TypeHTTP, record.TypePending, record.TypeWSOpen:
			byID[l.ID] = linePlace{l.ID, l.Offset, l.Length}
		}
		return nil
	})
	places := make([]linePlace, 0, len(byID))
	for _, p := range byID {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b linePlace) int { return cmp.Compare(a.id, b.id) })
	return places, err
}

func (t *rulesTest) try(ctx context.Context, at linePlace) error {
	raw, err := t.file.ReadLine(at.offset, at.length)
	if err != nil {
		return err
	}
	entry, err := record.ParseEntry(raw)
	if err != nil {
		return fmt.Errorf("exchange %d: %w", at.id, err)
	}
	x := entry.Exchange(t.file)
	defer x.ReleaseBodies()
	r, err := t.engine.Rehearse(ctx, x)
	if err != nil {
		return fmt.Errorf("exchange %d: %w", at.id, err)
	}
	t.total++
	if len(r.Applied)+len(r.Held)+len(r.Differences) == 0 {
		return nil
	}
	t.with++
	for _, a := range r.Applied {
		t.used["rule "+a.Rule] = true
	}
	for _, h := range r.Held {
		t.used["breakpoint "+h.Breakpoint] = true
	}
	t.print(&t.out, &trial{entry, r})
	return nil
}

// summarize tells what was tried, and which rules have done nothing.
func (t *rulesTest) summarize(io stdio, set *rules.Set) {
	io.note("rules would have done something to %d of %s", t.with, plural(int64(t.total), "exchange"))
	for _, r := range set.Rules() {
		if r.On() && !t.used["rule "+r.Name] {
			io.note("%s: rule %q has done nothing", r.At, r.Name)
		}
	}
	for _, b := range set.Breakpoints() {
		if b.Armed() && !t.used["breakpoint "+b.Name] {
			io.note("%s: breakpoint %q has held nothing", b.At, b.Name)
		}
	}
}

// finish prints the result, or how it differs from what was expected.
func (t *rulesTest) finish(io stdio, o rulesTestOptions, expected []byte) error {
	got := t.out.Bytes()
	if o.expect == "" {
		_, err := io.out.Write(got)
		return err
	}
	// Version control may have given the file other line ends.
	expected = bytes.ReplaceAll(expected, []byte("\r\n"), []byte("\n"))
	if bytes.Equal(got, expected) {
		return nil
	}
	if _, err := io.out.Write(diff.Diff(o.expect, expected, "now", got)); err != nil {
		return err
	}
	return &exitError{code: exitCheck, err: withHint(
		errors.New("the rules do something else than "+o.expect+" says"),
		"if that is right, keep the new output: `necto rules test %s --against %s >%s`", strings.Join(o.files, " "), o.against, o.expect)}
}
