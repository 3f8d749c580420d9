package main

import (
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/rules"
)

func newRulesSchemaCmd(io stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of rules files",
		Long: `Schema prints a JSON Schema (draft 2020-12). Editors that have a YAML language
server complete and check rules files with it where the first line says

  # yaml-language-server: $schema=rules.schema.json`,
		Example: `  necto rules schema >rules.schema.json`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.out.Write(rules.Schema())
			return err
		},
	}
}
