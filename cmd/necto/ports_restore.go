package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

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
