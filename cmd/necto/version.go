package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is set at link time by a release build.
var version string

// buildVersion says which necto this is: "0.1.0", or "devel" for a build from
// a working copy.
func buildVersion() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); v == "" && ok {
		v = info.Main.Version
	}
	if v == "" || v == "(devel)" {
		return "devel"
	}
	return strings.TrimPrefix(v, "v")
}

// buildCommit returns the commit built from, "" if it is not known.
func buildCommit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

type versionOptions struct {
	json bool
}

func newVersionCmd(io stdio) *cobra.Command {
	var o versionOptions
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Print the version of necto, the Go it was built with, and the platform.",
		Example: `  necto version
  necto version --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return runVersion(io, o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON object")
	return cmd
}

func runVersion(io stdio, o versionOptions) error {
	info := struct {
		Version string `json:"version"`
		Commit  string `json:"commit,omitempty"`
		Go      string `json:"go"`
		OS      string `json:"os"`
		Arch    string `json:"arch"`
	}{buildVersion(), buildCommit(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
	if o.json {
		return json.NewEncoder(io.out).Encode(info)
	}
	_, err := fmt.Fprintf(io.out, "necto %s (%s, %s/%s)\n", info.Version, info.Go, info.OS, info.Arch)
	return err
}
