package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/necto-dev/necto/internal/tail"
	"github.com/necto-dev/necto/record"
)

// tailBuffer is how much output is gathered while there is more to read.
const tailBuffer = 64 << 10

type tailOptions struct {
	file   string // - is standard input
	follow bool
	print  tail.Options
}

// tailFlags are the flags of tail that need a second look.
type tailFlags struct {
	filter, dir, opcode string
}

func newTailCmd(io stdio, run func(context.Context, stdio, tailOptions) error) *cobra.Command {
	var o tailOptions
	var f tailFlags
	cmd := &cobra.Command{
		Use:   "tail [flags] FILE|-",
		Short: "Print a recording for people, also while it is being written",
		Long: `Tail prints a recording: an exchange a line, a frame of a WebSocket connection a
line, in local time. --> is a frame from the client to the server, <-- one in the
other direction. Where several connections are open their frames have the number
that the handshake has.

With --dir, --opcode or --search only frames are printed. --json prints lines as
they are in the recording; what it prints is a recording.`,
		Example: `  necto tail run.jsonl
  necto tail -f run.jsonl                      # while necto record writes it
  necto tail --filter ws --dir in run.jsonl    # what the server sent
  necto tail --opcode binary --hex run.jsonl
  necto record -o - | necto tail -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args, f); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVarP(&o.follow, "follow", "f", false, "print what is added to the file until Ctrl-C")
	flags.StringVar(&f.filter, "filter", "", "print only `ws` (with wss), wss, http (with https) or https")
	flags.StringVar(&f.dir, "dir", "", "print only frames of one `direction`: client-to-server (out) or server-to-client (in)")
	flags.StringVar(&f.opcode, "opcode", "", "print only frames of one `kind`: text, binary, continuation, close, ping, pong or a number")
	flags.StringVar(&o.print.Search, "search", "", "print only frames that have `text` in them, in upper or lower case")
	flags.BoolVar(&o.print.Hex, "hex", false, "add a hex dump to binary frames")
	flags.BoolVar(&o.print.Pretty, "pretty", false, "print JSON in frames over several lines")
	flags.BoolVar(&o.print.JSON, "json", false, "print the lines of the recording as they are")
	return cmd
}

// complete validates the flags and arguments and fills in the options.
func (o *tailOptions) complete(args []string, f tailFlags) error {
	switch {
	case len(args) == 0:
		return usagef("no recording given").hinted("for example `necto tail %s`", defaultRecording)
	case len(args) > 1:
		return usagef("unexpected argument %q", args[1]).hinted("tail prints one recording")
	case o.print.JSON && (o.print.Hex || o.print.Pretty):
		return usagef("--json excludes --hex and --pretty")
	}
	o.file = args[0]
	if f.filter != "" {
		kind, err := tail.ParseKind(f.filter)
		if err != nil {
			return usagef("--filter: %w", err).hinted("only these keywords are understood so far; see also --dir, --opcode, --search")
		}
		o.print.Kind = kind
	}
	if f.dir != "" {
		dir, err := tail.ParseDirection(f.dir)
		if err != nil {
			return usagef("--dir: %w", err)
		}
		o.print.Dir = &dir
	}
	if f.opcode != "" {
		opcode, err := tail.ParseOpcode(f.opcode)
		if err != nil {
			return usagef("--opcode: %w", err)
		}
		o.print.Opcode = &opcode
	}
	return nil
}

// runTail prints a recording. That nobody reads the output any more, as in
// "necto tail run.jsonl | head", is no failure.
func runTail(ctx context.Context, io stdio, o tailOptions) error {
	// Without Notify the signal would end the process before a write can fail.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	o.print.Color = io.colored()
	out := bufio.NewWriterSize(io.out, tailBuffer)
	err := o.scan(ctx, io, out)
	err = errors.Join(err, out.Flush())
	if isBrokenPipe(err) {
		return nil
	}
	return replayHint(err)
}

// scan prints the recording to out.
func (o *tailOptions) scan(ctx context.Context, io stdio, out *bufio.Writer) error {
	name, in := "standard input", io.in
	if o.file != "-" {
		file, err := record.Open(o.file)
		if err != nil {
			return err
		}
		defer file.Close()
		o.print.Bodies = file
		lines, err := os.Open(o.file)
		if err != nil {
			return err
		}
		defer lines.Close()
		name, in = o.file, lines
		if o.follow {
			var stop func()
			ctx, stop = signal.NotifyContext(ctx, stopSignals...)
			defer stop()
			in = tail.Follow(ctx, lines)
		}
	}
	o.print.Live = o.follow
	p := tail.New(out, o.print)
	warn := func(text string) { io.note("warning: %s", text) }
	if err := record.ScanStream(name, flushing{in, out}, warn, p.Line); err != nil {
		return err
	}
	return p.Finish()
}

// flushing flushes what was printed before it reads, which may take long.
type flushing struct {
	r io.Reader
	w *bufio.Writer
}

func (f flushing) Read(p []byte) (int, error) {
	if err := f.w.Flush(); err != nil {
		return 0, err
	}
	return f.r.Read(p)
}

// colored reports whether standard output is a terminal that may be coloured
// (https://no-color.org).
func (s stdio) colored() bool {
	f, ok := s.out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
