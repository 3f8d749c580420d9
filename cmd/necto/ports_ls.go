package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/ports"
)

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
