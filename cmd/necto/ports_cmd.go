package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/ports"
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

func newPortsLsCmd(io stdio) *cobra.Command {
	var o portsOptions
	cmd := poolCommand(&o, 0, 0, func(ctx context.Context, c *apiClient, _ []string) error { return listPorts(ctx, io, c, o.json) })
	cmd.Use, cmd.Short = "ls", "List the ports in use"
	cmd.Long = `Ls prints a line for each port in use: whether it is online, what it leads to, how
many connections are open, how many bytes clients have sent and received, and how
often it was led elsewhere.`
	cmd.Example = `  necto ports ls
  necto ports ls --json`
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON lines")
	return cmd
}

func newPortsRmCmd(io stdio) *cobra.Command {
	var o portsOptions
	cmd := poolCommand(&o, 1, -1, func(ctx context.Context, c *apiClient, args []string) error {
		for _, port := range args {
			if err := c.call(ctx, http.MethodDelete, "/v1/ports/"+port, nil, nil); err != nil {
				return err
			}
			io.note("port %s is free", port)
		}
		return nil
	})
	cmd.Use, cmd.Short = "rm PORT...", "Free ports"
	cmd.Long = `Rm closes ports. Connections that are open get five seconds to end. A state file
forgets the ports; a ports file is not changed.`
	cmd.Example = `  necto ports rm 60003`
	return cmd
}

func newPortsRestoreCmd(io stdio) *cobra.Command {
	var o portsOptions
	cmd := poolCommand(&o, 0, 0, func(ctx context.Context, c *apiClient, _ []string) error {
		var restored struct{ Ports []int }
		if err := c.call(ctx, http.MethodPost, "/v1/restore", nil, &restored); err != nil {
			return err
		}
		io.note("%s restored%s", plural(int64(len(restored.Ports)), "port"), portsText(restored.Ports))
		return nil
	})
	cmd.Use, cmd.Short = "restore", "Open again what is saved and not open"
	cmd.Long = `Restore opens the ports that the ports file or the state file have and that are not
open, because somebody else listened there when necto began.`
	cmd.Example = `  necto ports restore`
	return cmd
}

// portsText lists ports behind a colon, nothing for none.
func portsText(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
	}
	if len(texts) == 0 {
		return ""
	}
	return ": " + strings.Join(texts, ", ")
}

func newPortsTestCmd(io stdio) *cobra.Command {
	var o portsOptions
	cmd := poolCommand(&o, 0, -1, func(ctx context.Context, c *apiClient, args []string) error {
		return testPorts(ctx, io, c, args, o.json)
	})
	cmd.Use, cmd.Short = "test [PORT...]", "Say which ports are online"
	cmd.Long = `Test tries to reach what is behind ports, all that are in use or those named. If one
is not online the exit code is 3.`
	cmd.Example = `  necto ports test
  necto ports test 60000 60001`
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON lines")
	return cmd
}

// listPorts prints the ports in use.
func listPorts(ctx context.Context, io stdio, c *apiClient, asJSON bool) error {
	var list struct {
		Ports []json.RawMessage `json:"ports"`
	}
	if err := c.call(ctx, http.MethodGet, "/v1/ports", nil, &list); err != nil {
		return err
	}
	if asJSON {
		for _, raw := range list.Ports {
			if _, err := fmt.Fprintf(io.out, "%s\n", raw); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list.Ports) == 0 {
		io.note("no port is in use")
		return nil
	}
	table := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PORT\tSTATE\tKIND\tLEADS TO\tOPEN\tUP\tDOWN\tREFRESHED")
	for _, raw := range list.Ports {
		var s ports.Status
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("read the answer of %s: %w", c.server.URL, err)
		}
		fmt.Fprintln(table, portRow(&s))
	}
	return table.Flush()
}

// portRow returns a line of the table.
func portRow(s *ports.Status) string {
	state, where := "online", s.Binding
	if !s.IsOnline {
		state = "offline"
	}
	if s.ProxyID != "" {
		where = s.ProxyID + " " + where
	}
	size := func(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%d\t%s\t%s\t%d", s.Index, state, s.BindingType, oneLine(where),
		s.Streams, size(s.Bandwidth.BytesWrite), size(s.Bandwidth.BytesRead), s.CountRefresh)
}

// testPorts prints which ports are online.
func testPorts(ctx context.Context, io stdio, c *apiClient, args []string, asJSON bool) error {
	named := "all"
	if len(args) > 0 {
		named = strings.Join(args, ",")
	}
	var checked struct {
		Error   bool
		Message string
		Data    []struct {
			Port   int  `json:"port"`
			Online bool `json:"online"`
		}
	}
	if err := c.call(ctx, http.MethodGet, "/api/port_check?t=2&ports="+url.QueryEscape(named), nil, &checked); err != nil {
		return err
	}
	if checked.Error {
		return errors.New(checked.Message)
	}
	offline := 0
	for _, one := range checked.Data {
		state := "online"
		if !one.Online {
			state = "offline"
			offline++
		}
		line := fmt.Sprintf("%d  %s", one.Port, state)
		if asJSON {
			text, err := json.Marshal(one)
			if err != nil {
				return err
			}
			line = string(text)
		}
		if _, err := fmt.Fprintln(io.out, line); err != nil {
			return err
		}
	}
	if offline > 0 {
		return &exitError{code: exitCheck, err: fmt.Errorf("%d of %s offline", offline, plural(int64(len(checked.Data)), "port"))}
	}
	return nil
}
