package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/replay"
)

// serveOptions are those of a proxy, or of what is played in its place.
type serveOptions struct {
	record recordOptions
	// from is the recording to play, "" for a proxy.
	from string
	play replay.PlayOptions
}

// fromFlags are the flags that --from works with, beside itself.
var fromFlags = []string{"speed", "loop", "follow", "events", "require-token", "cors", "lag", "ready-file", "json"}

func newServeCmd(io stdio, run func(context.Context, stdio, serveOptions) error) *cobra.Command {
	var o serveOptions
	var f recordFlags
	var speed string
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Run a proxy whose traffic other programs follow and control",
		Long: `Serve runs an intercepting proxy, obeys rules and breakpoints, and publishes what
happens over Socket.IO, with a REST API at the same address. It runs until Ctrl-C.
With -o it records as well.

With --from it has no proxy: it publishes a recording in the same way, at the pace
at which it was recorded.

Your programs on this machine and web pages from it may connect without a password;
others need the token, which --ready-file and --json tell. Other necto commands
find the server and the token by themselves.`,
		Example: `  necto serve
  necto serve --rules rules.yaml -o run.jsonl
  necto serve --cluster redis://127.0.0.1:6379   # what others in the cluster see, too
  necto serve --events 127.0.0.1:0 --require-token --json
  necto serve --from run.jsonl --speed 2x --loop
  necto serve --from run.jsonl --follow      # while necto record writes it`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(io, cmd, f, speed); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	bindServe(cmd, &o, &f, &speed)
	return cmd
}

func bindServe(cmd *cobra.Command, o *serveOptions, f *recordFlags, speed *string) {
	flags := cmd.Flags()
	flags.SortFlags = false
	o.record.serve.bind(flags)
	o.record.events.bind(flags, defaultEvents)
	o.record.events.cluster.bind(flags)
	o.record.rules.bind(flags)
	o.record.ports.bind(flags, true)
	bindOutput(flags, &o.record, f, "")
	bindProxy(flags, &o.record, f)
	flags.StringVar(&o.from, "from", "", "publish the recording `file`, without a proxy")
	flags.StringVar(speed, "speed", replay.Recorded.String(), "`pace` of --from: recorded, a speed such as 2x, or instant")
	flags.BoolVar(&o.play.Loop, "loop", false, "begin --from again at its end")
	flags.BoolVar(&o.play.Follow, "follow", false, "go on with what is added to --from")
}

// complete validates the flags and fills in the options.
func (o *serveOptions) complete(io stdio, cmd *cobra.Command, f recordFlags, speed string) error {
	flags := cmd.Flags()
	if o.record.events.addr == "" {
		return usagef("--events: empty address").hinted("to record without events there is `necto record`")
	}
	if err := o.record.events.cluster.complete(); err != nil {
		return err
	}
	if flags.Changed("output") && o.record.output == "" {
		return usagef("-o: empty file name")
	}
	if flags.Changed("from") {
		return o.completeFrom(flags, speed)
	}
	for _, name := range []string{"speed", "loop", "follow"} {
		if flags.Changed(name) {
			return usagef("--%s needs --from", name)
		}
	}
	for _, name := range []string{"append", "force", "redact", "filter", "har-profile"} {
		if flags.Changed(name) && o.record.output == "" {
			return usagef("--%s needs -o", name)
		}
	}
	if err := o.record.ports.load(io, o.record.serve.readyFile); err != nil {
		return err
	}
	return o.record.completeServer(cmd, f)
}

// completeFrom validates the flags of a recording that is played.
func (o *serveOptions) completeFrom(flags *pflag.FlagSet, speed string) (err error) {
	if o.from == "" {
		return usagef("--from: empty file name")
	}
	flags.Visit(func(flag *pflag.Flag) {
		if flag.Name != "from" && !slices.Contains(fromFlags, flag.Name) && err == nil {
			err = usagef("--from excludes --%s: there is no proxy", flag.Name)
		}
	})
	if err != nil {
		return err
	}
	if o.play.Loop && o.play.Follow {
		return usagef("--loop excludes --follow")
	}
	if o.play.Speed, err = replay.ParseTiming(speed); err != nil {
		return usagef("--speed: %w", err)
	}
	return o.record.events.check(flags)
}

// runServe runs until a signal.
func runServe(ctx context.Context, io stdio, o serveOptions) error {
	if o.from != "" {
		return runRepublish(ctx, io, o)
	}
	return runRecord(ctx, io, o.record)
}
