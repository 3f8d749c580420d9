package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

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
