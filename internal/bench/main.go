//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// runLimit bounds a whole run, with room for a machine slower than usual.
const runLimit = 15 * time.Minute

func main() {
	var err error
	if len(os.Args) > 1 && helpers[os.Args[1]] != nil {
		err = runHelper(os.Args[1], os.Args[2:])
	} else {
		err = run(os.Args[1:], os.Stdout, os.Stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		os.Exit(1)
	}
}

// run measures the rows asked for and prints the report to out, progress to
// notes. Missed targets are not errors; wrong answers are, and servers that
// do not start, but the rows that went well are still printed.
func run(args []string, out, notes io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "shorter windows and fewer rounds")
	only := flags.String("only", "", "measure only these `rows`, separated by commas")
	asJSON := flags.Bool("json", false, "print JSON with every sample")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := selectRows(*only)
	if err != nil {
		return err
	}
	p := fullPlan
	if *quick {
		p = quickPlan
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	l, err := newLab(ctx, notes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()

	rep := newReport()
	var failed error
	for _, r := range chosen {
		results, err := r.run(ctx, l, p)
		if ctx.Err() != nil {
			return errors.Join(failed, err)
		}
		if err != nil {
			fmt.Fprintln(notes, err)
			failed = errors.Join(failed, err)
			continue
		}
		rep.add(r, results)
	}
	if *asJSON {
		return errors.Join(failed, rep.writeJSON(out))
	}
	return errors.Join(failed, rep.writeMarkdown(out))
}
