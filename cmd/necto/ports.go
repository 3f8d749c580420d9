package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"
)

// portsOptions are those of the commands about a pool that runs.
type portsOptions struct {
	server string
	json   bool // of ls and test
}

func newPortsCmd(io stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ports",
		Short: "Run a pool of local ports that lead to origins, upstream proxies or recordings",
		Long: `Ports keeps many local ports open, each of which leads to something else: an origin,
an upstream proxy, a recording, any server. What passes them is recorded and obeys
rules like all that passes the proxy. See docs/ports.md for the file that says what
leads where.`,
		Example: `  necto ports up ports.yaml
  necto ports ls
  necto ports test`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPortsUpCmd(io, runServe), newPortsLsCmd(io), newPortsRmCmd(io), newPortsRestoreCmd(io), newPortsTestCmd(io))
	return cmd
}

// poolCommand returns a command that speaks with the pool of a running necto. It has
// at least so many arguments, and if most is not -1 not more than that.
func poolCommand(o *portsOptions, least, most int, run func(context.Context, *apiClient, []string) error) *cobra.Command {
	cmd := &cobra.Command{
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < least || most >= 0 && len(args) > most {
				return usagef("%s does not take %s", cmd.Name(), plural(int64(len(args)), "argument"))
			}
			for _, arg := range args {
				if n, err := strconv.ParseUint(arg, 10, 16); err != nil || n == 0 {
					return usagef("%.20q is no port", arg)
				}
			}
			server, err := findServer(o.server)
			if err != nil {
				return err
			}
			client := newAPIClient(server)
			return run(cmd.Context(), &client, args)
		},
	}
	cmd.Flags().StringVar(&o.server, "server", "", "the `address` of the event server (default: the one that runs)")
	return cmd
}
