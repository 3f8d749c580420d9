package main

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"
)

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
