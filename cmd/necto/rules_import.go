package main

import (
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/necto-dev/necto/rules"
)

// maxImport is the most that rules import reads, in bytes.
const maxImport = 16 << 20

func newRulesImportCmd(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|-",
		Short: "Print rules of NectoProxy as a rules file",
		Long: `Import reads rules and breakpoints as NectoProxy's API returns them (/api/rules,
/api/breakpoints) and prints the rules file that does the same. What there is no
equivalent for is left out, and told on standard error.`,
		Example: `  curl -s http://localhost:8889/api/rules | necto rules import - >rules.yaml
  necto rules import nectoproxy.json >rules.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("import reads one file").hinted("for example `necto rules import nectoproxy.json`")
			}
			return runRulesImport(std, args[0])
		},
	}
}

func runRulesImport(std stdio, name string) error {
	data, err := readImport(std, name)
	if err != nil {
		return err
	}
	file, notes, err := rules.Import(data)
	if err != nil {
		return usagef("%s: %w", name, err)
	}
	for _, note := range notes {
		std.note("warning: %s", note)
	}
	_, err = std.out.Write(file)
	return err
}

// readImport reads a file, or standard input for "-".
func readImport(std stdio, name string) ([]byte, error) {
	in := std.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	if err == nil && len(data) > maxImport {
		err = fmt.Errorf("%s: over %s", name, humanize.IBytes(maxImport))
	}
	return data, err
}
