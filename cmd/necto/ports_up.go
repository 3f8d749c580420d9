package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newPortsUpCmd(io stdio, run func(context.Context, stdio, serveOptions) error) *cobra.Command {
	var o serveOptions
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "up [flags] FILE",
		Short: "Open the ports that a file describes",
		Long: `Up is ` + "`necto serve --ports FILE`" + `: it opens the ports beside a proxy and an event
server, and runs until Ctrl-C. The other commands find it by themselves.`,
		Example: `  necto ports up ports.yaml
  necto ports up ports.yaml -o run.jsonl --state ports.state
  necto ports up ports.yaml --channel 127.0.0.1:8881 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("up needs a ports file, not %s", plural(int64(len(args)), "argument")).hinted("for example `%s ports.yaml`", cmd.CommandPath())
			}
			o.record.ports.file = args[0]
			if err := o.complete(io, cmd, f, ""); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.record.ports.bind(flags, false)
	o.record.serve.bind(flags)
	o.record.events.bind(flags, defaultEvents)
	o.record.rules.bind(flags)
	bindOutput(flags, &o.record, &f, "")
	bindProxy(flags, &o.record, &f)
	return cmd
}
