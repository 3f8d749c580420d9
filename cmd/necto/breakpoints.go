package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/necto-dev/necto/traffic"
)

// breakpointsOptions are those of all commands about hits.
type breakpointsOptions struct {
	server string
	json   bool // of list
	edit   bool // of resume
	mock   bool // of resume
}

func newBreakpointsCmd(io stdio) *cobra.Command {
	var o breakpointsOptions
	cmd := &cobra.Command{
		Use:   "breakpoints",
		Short: "List and resume what a running necto holds at breakpoints",
		Long: `Breakpoints speaks with a necto that runs with an event server (serve, or --events)
about what its breakpoints hold. Without --server it is the one that runs.`,
		Example: `  necto breakpoints list
  necto breakpoints resume 3 --edit
  necto breakpoints abort 3`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&o.server, "server", "", "the `address` of the event server (default: the one that runs)")
	list := hitCommand(&o, "list", "List what is held", 0, func(ctx context.Context, c *hitClient, _ string) error {
		return listHits(ctx, io, c, o.json)
	})
	list.Long = `List prints a line for each request, response and message that is held now: its
number, the breakpoint, what it is, and how long it is held at most.`
	list.Example = `  necto breakpoints list
  necto breakpoints list --json`
	list.Flags().BoolVar(&o.json, "json", false, "print JSON lines")
	resume := hitCommand(&o, "resume ID", "Let something go on", 1, func(ctx context.Context, c *hitClient, path string) error {
		return resumeHit(ctx, io, c, path, o)
	})
	resume.Long = `Resume lets go on what is held: as it is, as you have edited it, or with an answer
of yours in place of the origin's.`
	resume.Example = `  necto breakpoints resume 3
  necto breakpoints resume 3 --edit
  necto breakpoints resume 3 --mock`
	resume.Flags().BoolVar(&o.edit, "edit", false, "open it in $EDITOR first: what you save goes on")
	resume.Flags().BoolVar(&o.mock, "mock", false, "open an answer in $EDITOR, which goes to the client in place of the origin's")
	resume.MarkFlagsMutuallyExclusive("edit", "mock")
	show := hitCommand(&o, "show ID", "Print what is held", 1, func(ctx context.Context, c *hitClient, path string) error {
		return showHit(ctx, io, c, path)
	})
	show.Long = `Show prints a request, response or message that is held, the way resume --edit
opens it.`
	show.Example = `  necto breakpoints show 3`
	abort := hitCommand(&o, "abort ID", "Give something up: its connection is closed, a message is dropped", 1,
		func(ctx context.Context, c *hitClient, path string) error {
			return c.call(ctx, http.MethodPost, path+"/abort", nil, nil)
		})
	abort.Long = `Abort ends a request or response that is held, and with it the client's
connection. Of a WebSocket connection the message that is held is dropped.`
	abort.Example = `  necto breakpoints abort 3`
	cmd.AddCommand(list, resume, show, abort)
	return cmd
}

// hitCommand returns a command that calls run, with the path of the hit that the
// argument names if there is to be one.
func hitCommand(
	o *breakpointsOptions, use, short string, args int, run func(context.Context, *hitClient, string) error,
) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) != args {
				return usagef("%s needs %s, not %d", cmd.Name(), plural(int64(args), "argument"), len(given))
			}
			path := ""
			if args > 0 {
				var err error
				if path, err = hitPath(given[0]); err != nil {
					return err
				}
			}
			server, err := findServer(o.server)
			if err != nil {
				return err
			}
			return run(cmd.Context(), newHitClient(server), path)
		},
	}
}

func listHits(ctx context.Context, io stdio, c *hitClient, asJSON bool) error {
	hits, err := c.list(ctx)
	if err != nil {
		return err
	}
	if !asJSON && len(hits) == 0 {
		io.note("nothing is held")
		return nil
	}
	table := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
	for _, raw := range hits {
		if asJSON {
			if _, err := fmt.Fprintf(io.out, "%s\n", raw); err != nil {
				return err
			}
			continue
		}
		var h apiHit
		if err := json.Unmarshal(raw, &h); err != nil {
			return err
		}
		fmt.Fprintln(table, h.row())
	}
	return table.Flush()
}

// row returns a line of the table.
func (h *apiHit) row() string {
	left := "no timeout"
	if h.Deadline != 0 {
		left = time.Until(time.UnixMilli(h.Deadline)).Round(time.Second).String() + " left"
	}
	what := h.Method + " " + h.URL
	if h.Phase == string(traffic.PhaseResponse) {
		what = fmt.Sprintf("%s -> %d", what, h.Status)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", oneLine(h.ID), oneLine(h.Breakpoint), oneLine(h.Phase), left, oneLine(what))
}

func showHit(ctx context.Context, io stdio, c *hitClient, path string) error {
	hit, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	if f, ok := io.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) { // to which content must not do anything
		printHit(io.out, newHitText(hit))
		return nil
	}
	_, err = io.out.Write(newHitText(hit).render())
	return err
}

func resumeHit(ctx context.Context, io stdio, c *hitClient, path string, o breakpointsOptions) error {
	resume := func(r traffic.Resume) error { return c.resume(ctx, path, r) }
	if !o.edit && !o.mock {
		return resume(traffic.Resume{Action: traffic.ResumeContinue})
	}
	hit, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	text, comment := newHitText(hit), editComment(hit)
	parse := text.resume
	if o.mock {
		text, comment = newMockText(hit), mockComment(hit)
		parse = text.mock
	}
	return editHit(ctx, editor{io}, text.render(comment), parse, resume)
}
