package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// eachCommand calls fn for every command of necto but those that cobra makes.
func eachCommand(fn func(*cobra.Command)) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		fn(cmd)
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRootCmd(stdio{}))
}

func TestEveryCommandIsExplained(t *testing.T) {
	eachCommand(func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s: Short, Long and Example are needed", cmd.CommandPath())
		}
	})
}

func TestExamplesAreValidCommandLines(t *testing.T) {
	root := newRootCmd(stdio{})
	eachCommand(func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			line, _, _ = strings.Cut(line, "#")
			line, _, _ = strings.Cut(line, " >")
			line, _, _ = strings.Cut(line, " | ")
			words := strings.Fields(line)
			if len(words) == 0 || words[0] != "necto" {
				continue // another program that uses necto
			}
			found, args, err := root.Find(words[1:])
			if err == nil {
				err = found.ParseFlags(args)
			}
			if err == nil && found == root && len(words) > 1 {
				err = unknownCommand(root, words[1:])
			}
			if err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			}
		}
	})
}
