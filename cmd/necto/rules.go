package main

import (
	"github.com/spf13/cobra"
)

func newRulesCmd(io stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check, try, find and translate rules files",
		Long: `Rules files are YAML files in which you say what becomes of your traffic: answers,
edits, delays, faults, breakpoints. See docs/rules.md for all that they can have.`,
		Example: `  necto rules check rules.yaml
  necto rules test rules.yaml --against run.jsonl
  necto rules schema >rules.schema.json
  necto rules import nectoproxy.json >rules.yaml`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRulesCheckCmd(io), newRulesSchemaCmd(io), newRulesImportCmd(io),
		newRulesTestCmd(io, runRulesTest), newRulesInferCmd(io, runRulesInfer))
	return cmd
}
