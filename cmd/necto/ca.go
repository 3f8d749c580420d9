package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/ca"
)

// caOptions are the options of `necto ca` and its commands.
type caOptions struct {
	dir    string
	dryRun bool
	system ca.System
}

// caRun is what a command of `necto ca` does.
type caRun func(ctx context.Context, io stdio, o caOptions) error

func newCACmd(io stdio) *cobra.Command {
	o := caOptions{system: ca.SystemHere()}
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Show, trust and untrust the certificate authority",
		Long: `necto shows clients certificates that its own certificate authority signs. There
is one per machine, created when it is first needed; its key never leaves the
machine. Commands run by necto (record -- command) trust it by themselves. For
other clients, install it or set the variables that "necto env" prints.`,
		Example: `  necto ca install --dry-run
  necto ca install
  curl --cacert "$(necto ca path)" --proxy http://127.0.0.1:8888 https://example.com/
  necto ca uninstall`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	bindCADir(cmd.PersistentFlags(), &o.dir)
	cmd.AddCommand(
		newCASubcommand(io, &o, runCAPath, &cobra.Command{
			Use:     "path",
			Short:   "Print the path of the certificate",
			Long:    "Print the path of the certificate, a PEM file. The authority is created when absent.",
			Example: `  curl --cacert "$(necto ca path)" https://example.com/`,
		}),
		newCASubcommand(io, &o, runCAPrint, &cobra.Command{
			Use:     "print",
			Short:   "Print the certificate as PEM",
			Long:    "Print the certificate as PEM. The authority is created when absent.",
			Example: `  necto ca print >necto.crt`,
		}),
		withDryRun(&o, newCASubcommand(io, &o, runCAInstall, &cobra.Command{
			Use:   "install",
			Short: "Make this machine trust the authority",
			Long: `Put the certificate into the system's trust store with the system's own tools,
through sudo where that is needed. Each command is shown before it is run.
Firefox, Chrome on Linux and most Javas have stores of their own.`,
			Example: "  necto ca install --dry-run\n  necto ca install",
		})),
		withDryRun(&o, newCASubcommand(io, &o, runCAUninstall, &cobra.Command{
			Use:   "uninstall",
			Short: "Make this machine forget the authority",
			Long: `Take the certificate out of the system's trust store. Nothing happens where it is
not installed. The authority itself stays in its folder.`,
			Example: "  necto ca uninstall",
		})),
	)
	return cmd
}

// newCASubcommand completes cmd with what all commands of `necto ca` share.
func newCASubcommand(io stdio, o *caOptions, run caRun, cmd *cobra.Command) *cobra.Command {
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), io, *o) }
	return cmd
}

func withDryRun(o *caOptions, cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only print the commands, on stdout")
	return cmd
}

func runCAPath(_ context.Context, io stdio, o caOptions) error {
	authority, err := ca.Load(o.dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(io.out, authority.CertPath())
	return err
}

func runCAPrint(_ context.Context, io stdio, o caOptions) error {
	authority, err := ca.Load(o.dir)
	if err != nil {
		return err
	}
	_, err = io.out.Write(authority.CertPEM())
	return err
}

func runCAInstall(ctx context.Context, io stdio, o caOptions) error {
	authority, err := ca.Load(o.dir)
	if err != nil {
		return err
	}
	plan, err := ca.InstallPlan(o.system, authority.Certificate(), authority.CertPath())
	if err != nil {
		return withHint(err, "give clients the file that `necto ca path` prints, or the variables of `necto env`")
	}
	return runCAPlan(ctx, io, o, plan)
}

// runCAUninstall needs neither a key nor a valid certificate, and creates no
// authority to remove.
func runCAUninstall(ctx context.Context, io stdio, o caOptions) error {
	cert, path, err := ca.ReadCertificate(o.dir)
	if errors.Is(err, fs.ErrNotExist) {
		io.note("there is no %s, and so nothing to uninstall", path)
		return nil
	}
	if err != nil {
		return err
	}
	plan, err := ca.UninstallPlan(o.system, cert, path)
	if err != nil {
		return err
	}
	return runCAPlan(ctx, io, o, plan)
}

// runCAPlan runs the steps of a plan, showing each before. In a dry run it
// prints them instead.
func runCAPlan(ctx context.Context, io stdio, o caOptions, plan []ca.Command) error {
	for _, step := range plan {
		line := shellescape.QuoteCommand(step.Args)
		if o.dryRun {
			if step.When != nil {
				line = shellescape.QuoteCommand(step.When) + " && " + line
			}
			if _, err := fmt.Fprintln(io.out, line); err != nil {
				return err
			}
			continue
		}
		if step.When != nil && exec.CommandContext(ctx, step.When[0], step.When[1:]...).Run() != nil {
			continue
		}
		io.note("running %s", line)
		cmd := exec.CommandContext(ctx, step.Args[0], step.Args[1:]...)
		// What tools say is no data.
		cmd.Stdin, cmd.Stdout, cmd.Stderr = io.in, io.err, io.err
		if err := cmd.Run(); err != nil {
			err = fmt.Errorf("run %s: %w", line, err)
			return withHint(err, "changing the trust store needs an administrator; `--dry-run` shows the commands")
		}
	}
	return nil
}
