package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/export"
	"github.com/necto-dev/necto/record"
)

type exportOptions struct {
	file string
	as   string
	id   uint64
}

func newExportCmd(io stdio, run func(context.Context, stdio, exportOptions) error) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [flags] FILE",
		Short: "Write recorded requests as curl commands, a k6 script or a .http file",
		Long: `Export writes the requests of a recording to standard output: as commands for a shell
(curl), as a script for k6, or as a file for the REST clients of JetBrains and Visual
Studio Code (http). Secrets that the recording does not have are {{redacted:...}}
there, too. WebSocket connections are left out.`,
		Example: `  necto export --as curl --id 3 run.jsonl
  necto export --as k6 run.jsonl > load.js
  necto export --as http run.jsonl > requests.http`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd, args); err != nil {
				return err
			}
			return run(cmd.Context(), io, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.as, "as", "", "`format`: curl, k6 or http")
	flags.Uint64Var(&o.id, "id", 0, "write only the exchange with the `number` that necto tail --format '{{.ID}}' shows")
	return cmd
}

func (o *exportOptions) complete(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) != 1:
		return usagef("export needs one recording, not %d", len(args)).
			hinted("for example `necto export --as curl %s`", defaultRecording)
	case !export.Known(o.as):
		return usagef("--as: %q is none of curl, k6, http", o.as)
	case cmd.Flags().Changed("id") && o.id == 0:
		return usagef("--id: exchanges are numbered from 1")
	}
	o.file = args[0]
	return nil
}

func runExport(_ context.Context, io stdio, o exportOptions) error {
	f, err := record.Open(o.file)
	if err != nil {
		return replayHint(err)
	}
	defer f.Close()
	err = export.Write(io.out, f, export.Options{
		Format: export.Format(o.as), ID: o.id,
		Warn: func(text string) { io.note("warning: %s", text) },
	})
	warnOf(io, f)
	switch {
	case isBrokenPipe(err):
		return nil
	case errors.Is(err, export.ErrNotFound):
		return withHint(err, "`necto tail --format '{{.ID}} {{.Method}} {{.URL}}' %s` shows the numbers", o.file)
	}
	return err
}
