package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// run executes a command line and returns the exit code.
func run(ctx context.Context, io stdio, args []string) int {
	root := newRootCmd(io)
	root.SetArgs(args)
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	cmd, err := root.ExecuteContextC(ctx)
	if usage, ok := errors.AsType[*usageError](err); ok && usage.hint == "" {
		usage.hint = "see `" + cmd.CommandPath() + " --help`"
	}
	return report(io, err)
}

func newRootCmd(io stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "necto",
		Short: "Record HTTP and HTTPS traffic, and replay it as a mock backend",
		Long: `necto is an intercepting proxy. It records what passes through it as JSON lines,
and answers from such recordings with no network at all.`,
		Example: `  necto demo                              # see it work, without a network
  necto record -o run.jsonl -- npm test   # record what a command asks for
  necto replay run.jsonl -- npm test      # the same command against the recording
  necto tail run.jsonl                    # look at it`,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newRecordCmd(io, runRecord),
		newReplayCmd(io, runReplay),
		newServeCmd(io, runServe),
		newTailCmd(io, runTail),
		newDiffCmd(io, runDiff),
		newExportCmd(io, runExport),
		newConvertCmd(io, runConvert),
		newRedactCmd(io, runRedact),
		newRulesCmd(io),
		newBreakpointsCmd(io),
		newPortsCmd(io),
		newDemoCmd(io),
		newCACmd(io),
		newEnvCmd(io, runEnv),
		newVersionCmd(io),
	)
	return root
}

// unknownCommand refuses arguments that name no command.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := usagef("unknown command %q", args[0])
	if near := nearest(cmd, args[0]); near != "" {
		return err.hinted("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return err
}

// flagError turns what pflag says into a usage error that names the nearest
// flag.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	usage := usagef("%w", err)
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if near := nearest(flagNames(cmd), unknown.GetSpecifiedName()); near != "" {
			return usage.hinted("did you mean --%s?", near)
		}
	}
	return usage
}

// flagNames returns a command that has cmd's flags as commands, so that cobra
// can find the nearest of them.
func flagNames(cmd *cobra.Command) *cobra.Command {
	names := &cobra.Command{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	return names
}

// nearest returns the subcommand of cmd that the user most likely meant, "" if
// there is none.
func nearest(cmd *cobra.Command, name string) string {
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(name)
	if len(near) == 0 {
		return ""
	}
	return near[0]
}

// noArgs refuses arguments.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q", args[0])
	}
	return nil
}
