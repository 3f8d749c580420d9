package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/rules"
)

func newRulesCheckCmd(io stdio) *cobra.Command {
	var proto protoFlags
	cmd := &cobra.Command{
		Use:   "check FILE|FOLDER...",
		Short: "Say what is wrong with rules files",
		Long: `Check reads rules files, and those in folders, as if they were used together. What
is wrong is told with file, line and column, and makes the exit code 2. Messages of gRPC in
them are checked by the descriptions of --proto.`,
		Example: `  necto rules check rules.yaml
  necto rules check --proto api/ common.yaml rules/`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no rules file given").hinted("for example `necto rules check rules.yaml`")
			}
			protos, err := proto.load()
			if err != nil {
				return err
			}
			return runRulesCheck(io, args, protos)
		},
	}
	proto.bind(cmd.Flags())
	return cmd
}

func runRulesCheck(io stdio, paths []string, protos *protoset.Set) error {
	set, err := loadRules(paths, protos)
	if err != nil {
		return rulesError(io, err)
	}
	io.note("%s: %s and %s in order", strings.Join(paths, ", "),
		english.Plural(len(set.Rules()), "rule", ""), english.Plural(len(set.Breakpoints()), "breakpoint", ""))
	return nil
}

// rulesError tells what is wrong with rules files, a line each that begins with
// file:line:column as editors and CI understand it, and returns the error that
// sums it up.
func rulesError(io stdio, err error) error {
	wrong, ok := errors.AsType[*rules.LoadError](err)
	if !ok {
		if errors.Is(err, fs.ErrNotExist) {
			return usagef("%w", err)
		}
		return err
	}
	for _, p := range wrong.Problems {
		fmt.Fprintln(io.err, oneLine(p.String()))
	}
	n := len(wrong.Problems) + wrong.More
	return usagef("%s in rules files", english.Plural(n, "problem", "")).hinted("`necto rules schema` prints a schema that editors complete and check them with")
}
