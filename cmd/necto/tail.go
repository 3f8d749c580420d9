package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/tail"
)

// standardInput is how - is called where it has to have a name.
const standardInput = "standard input"

type tailOptions struct {
	// files are recordings; - is standard input, http://host:port an event server,
	// redis://host:port/stream a stream.
	files []string
	group string // of those who share the lines of a stream, "" for none
	print tail.Options
}

// tailFlags are the flags of tail whose text complete reads.
type tailFlags struct {
	filter, dir, opcode, search string
	since, format               string
	last                        int
	proto                       protoFlags
}

func newTailCmd(io stdio, run func(context.Context, stdio, tailOptions) error) *cobra.Command {
	var o tailOptions
	var f tailFlags
	cmd := &cobra.Command{
		Use:   "tail [flags] FILE|URL...|-",
		Short: "Print recordings and live traffic for people",
		Long: `Tail prints recordings, also while they are being written, what an event server
(necto serve, or --events) publishes, and what recorders send to a stream of a Redis:
first what there is, then what comes, until Ctrl-C or the end of the server. An
exchange is a line, and so is a frame of a WebSocket connection, in local time. -->
is a frame from the client to the server, <-- one in the other direction. Where
several connections are open their frames have the number that the handshake has. On
a terminal lines are cut to its width. A gRPC call has the name of its status, and
with --proto its messages below it as JSON.

With --dir, --opcode or --search only frames are printed. --json prints lines as
they are in the recording; what it prints is a recording. Lines of a stream have the
member "recorder" then: with "seq" it tells each from all others.

The fields of --format are Type Source Time ID Conn Method URL Scheme Host Path
Query Proto Status Reason Code ContentType RequestSize Size Duration Client Server
Error Rules Tags Frame Direction Opcode RequestBody Body, and RequestHeader "NAME"
and ResponseHeader "NAME".`,
		Example: `  necto tail run.jsonl
  necto tail -f run.jsonl                          # while necto record writes it
  necto tail --filter 'status:5xx or error' run.jsonl
  necto tail --filter ws --dir in -n 20 run.jsonl  # the last of what the server sent
  necto tail --stats --since 10m run.jsonl
  necto tail --proto api/ --filter 'grpc-status!=OK' run.jsonl
  necto tail --format '{{.Method}} {{.Status}} {{.Path}}' run.jsonl
  necto record -o - | necto tail -
  necto tail http://127.0.0.1:8889                 # while necto serve runs
  necto tail redis://127.0.0.1:6379/ci             # what all recorders send there`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd, args, f); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	bindTailFlags(cmd, &o.print, &f)
	bindGroup(cmd, &o.group)
	return cmd
}

func bindTailFlags(cmd *cobra.Command, o *tail.Options, f *tailFlags) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVarP(&o.Follow, "follow", "f", false, "print what is added to the files until Ctrl-C, also when others take their place")
	flags.IntVarP(&f.last, "lines", "n", 0, "print only the last `N` lines of each file")
	flags.StringVar(&f.since, "since", "", "print only what began at a `time` or later: 10m (ago), or 2026-01-02T15:04:05Z")
	flags.StringVar(&f.filter, "filter", "", "print only what matches an `expression`, such as 'host:api and status:5xx'")
	flags.StringVar(&f.dir, "dir", "", "print only frames of one `direction`: client-to-server (out) or server-to-client (in)")
	flags.StringVar(&f.opcode, "opcode", "", "print only frames of one `kind`: text, binary, continuation, close, ping, pong or a number")
	flags.StringVar(&f.search, "search", "", "print only frames that have `text` in them, in upper or lower case")
	flags.BoolVar(&o.Headers, "headers", false, "add header fields")
	flags.BoolVar(&o.Body, "body", false, "add bodies")
	flags.BoolVar(&o.Pretty, "pretty", false, "print JSON over several lines")
	f.proto.bind(flags)
	flags.BoolVar(&o.Hex, "hex", false, "add a hex dump to binary content")
	flags.BoolVar(&o.Stats, "stats", false, "print a summary instead: counts, errors and durations by host and route")
	flags.BoolVar(&o.JSON, "json", false, "print the lines of the recording as they are, or the summary as JSON")
	flags.StringVar(&f.format, "format", "", "print what a Go `template` makes of each line")
}

// bindGroup adds the flag of those who share a stream.
func bindGroup(cmd *cobra.Command, group *string) {
	cmd.Flags().StringVar(group, "group", "", "share the lines of a redis:// stream with all who name the same `group`: each line is for one")
}

// complete validates the flags and arguments and fills in the options.
func (o *tailOptions) complete(cmd *cobra.Command, args []string, f tailFlags) error {
	if err := o.checkFiles(args); err != nil {
		return err
	}
	if err := o.checkOutput(f); err != nil {
		return err
	}
	if cmd.Flags().Changed("lines") {
		if f.last < 0 {
			return usagef("-n: %d is negative", f.last)
		}
		o.print.Last = &f.last
	}
	var err error
	if o.print.Since, err = parseSince(f.since, time.Now()); err != nil {
		return err
	}
	if f.format != "" {
		if o.print.Format, err = tail.ParseFormat(f.format); err != nil {
			return usagef("--format: %w", err).hinted("`%s --help` has the fields", cmd.CommandPath())
		}
	}
	if o.print.Protos, err = f.proto.load(); err != nil {
		return err
	}
	o.print.Filter, err = f.parse()
	return err
}

// checkFiles notes what is printed.
func (o *tailOptions) checkFiles(args []string) error {
	if len(args) == 0 {
		return usagef("no recording given").hinted("for example `necto tail %s`", defaultRecording)
	}
	piped, streams := 0, 0
	for _, arg := range args {
		if fleet.IsTarget(arg) {
			streams++
		}
		if arg == "-" {
			piped++
		}
		if isLive(arg) {
			o.print.Follow = true // it has no end
		}
	}
	switch {
	case o.group != "" && streams == 0:
		return usagef("--group needs a stream").hinted("for example `necto tail --group ci redis://127.0.0.1:6379/ci`")
	case piped > 1:
		return usagef("standard input is given twice")
	case piped > 0 && o.print.Follow:
		return usagef("-f excludes standard input, and so do event servers and streams").hinted("leave -f out: what comes through a pipe is printed as it comes")
	}
	o.files = args
	return nil
}

// isLive reports whether an argument is the address of an event server or of a
// stream.
func isLive(arg string) bool {
	return strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") || fleet.IsTarget(arg)
}

// checkOutput finds flags of which only one can be obeyed.
func (o *tailOptions) checkOutput(f tailFlags) error {
	details := o.print.Headers || o.print.Body || o.print.Hex || o.print.Pretty
	switch {
	case o.print.JSON && f.format != "":
		return usagef("--json excludes --format")
	case o.print.Stats && f.format != "":
		return usagef("--stats excludes --format")
	case details && o.print.JSON:
		return usagef("--json excludes --headers, --body, --hex and --pretty")
	case details && o.print.Stats:
		return usagef("--stats excludes --headers, --body, --hex and --pretty")
	case details && f.format != "":
		return usagef("--format excludes --headers, --body, --hex and --pretty")
	}
	return nil
}

// parseSince reads how long ago something was, or when. "" is the zero time.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, usagef("--since: %q is neither a duration nor a time", s).
			hinted("write how long ago it was, such as 10m, or when, such as 2026-01-02T15:04:05Z")
	}
	return at, nil
}

// parse returns the filter that the flags are together, nil for none.
func (f *tailFlags) parse() (*filter.Filter, error) {
	terms, err := f.frameTerms()
	if err != nil {
		return nil, err
	}
	if f.filter != "" {
		// By itself, so that an error shows what the user wrote.
		own, err := parseFilter("--filter", f.filter)
		if err != nil || len(terms) == 0 {
			return own, err
		}
		terms = append(terms, "("+own.String()+")")
	}
	if len(terms) == 0 {
		return nil, nil
	}
	return parseFilter("--search", strings.Join(terms, " and "))
}

// frameTerms returns what --dir, --opcode and --search mean.
func (f *tailFlags) frameTerms() ([]string, error) {
	var terms []string
	if f.dir != "" {
		directions := []string{"client-to-server", "out", "server-to-client", "in"}
		if !slices.Contains(directions, strings.ToLower(f.dir)) {
			return nil, usagef("--dir: %q is neither client-to-server (out) nor server-to-client (in)", f.dir)
		}
		terms = append(terms, "dir:"+f.dir)
	}
	if f.opcode != "" {
		term := "opcode:" + quoteTerm(f.opcode)
		if _, err := filter.Parse(term); err != nil {
			return nil, usagef("--opcode: %q is none of text, binary, continuation, close, ping, pong, nor a number from 0 to 15", f.opcode)
		}
		terms = append(terms, term)
	}
	if f.search != "" {
		terms = append(terms, "frame:"+quoteTerm(f.search))
	}
	return terms, nil
}

// quoteTerm quotes a value of the filter language.
func quoteTerm(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// runTail prints recordings. That nobody reads the output any more, as in
// "necto tail run.jsonl | head", is no failure.
func runTail(ctx context.Context, io stdio, o tailOptions) error {
	// Without Notify the signal would end the process before a write can fail.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if o.print.Follow {
		var stop func()
		ctx, stop = signal.NotifyContext(ctx, stopSignals...)
		defer stop()
	}
	sources, err := o.sources(ctx, io)
	if err != nil {
		return err
	}
	o.print.Color, o.print.Width = io.colored(), io.width()
	o.print.Warn = func(text string) { io.note("warning: %s", text) }
	err = tail.Run(ctx, io.out, sources, o.print)
	switch {
	case isBrokenPipe(err):
		return nil
	case errors.Is(err, eventclient.ErrRefused):
		return withHint(err, "name its token: http://host:port/?token=..., which `necto serve --json` prints")
	}
	return replayHint(err)
}

// sources returns what is printed.
func (o *tailOptions) sources(ctx context.Context, io stdio) ([]tail.Source, error) {
	sources := make([]tail.Source, len(o.files))
	for i, file := range o.files {
		switch {
		case file == "-":
			sources[i] = tail.NewStream(standardInput, io.in)
		case fleet.IsTarget(file):
			stream, err := openStream(ctx, file, o.group)
			if err != nil {
				return nil, err
			}
			sources[i] = stream
		case isLive(file):
			server, err := findServer(file)
			if err != nil {
				return nil, err
			}
			sources[i] = tail.NewLive(server.URL, server.Token)
		default:
			sources[i] = tail.NewFile(file, o.print.Follow)
		}
	}
	return sources, nil
}

// colored reports whether standard output is a terminal that may be coloured
// (https://no-color.org).
func (s stdio) colored() bool {
	return s.width() != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// commonWidth is that of a terminal that does not say how wide it is.
const commonWidth = 80

// width returns how to ask for the width of the terminal that standard output
// is, nil if it is none.
func (s stdio) width() func() int {
	f, ok := s.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func() int {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
		return commonWidth
	}
}
