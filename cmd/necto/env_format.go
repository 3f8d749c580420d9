package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/necto-dev/necto/internal/childenv"
)

// envFormat writes variables. dir is the folder their files are in.
type envFormat func(out io.Writer, vars []childenv.Var, dir string) error

// envFormats are the values of --format.
var envFormats = map[string]envFormat{
	"sh":     writeEnvShell,
	"dotenv": writeEnvDotenv,
	"github": writeEnvGitHub,
	"docker": writeEnvDocker,
	"json":   writeEnvJSON,
}

func envFormatNames() []string { return slices.Sorted(maps.Keys(envFormats)) }

func writeEnvShell(out io.Writer, vars []childenv.Var, _ string) error {
	var b strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&b, "export %s=%s\n", v.Name, shellescape.Quote(v.Value))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writeEnvDotenv quotes as little as possible: readers of .env files agree on
// plain values, mostly on single quotes, and least on escapes.
func writeEnvDotenv(out io.Writer, vars []childenv.Var, _ string) error {
	var b strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&b, "%s=%s\n", v.Name, quoteDotenv(v.Value))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func quoteDotenv(value string) string {
	special := func(r rune) bool {
		return r < 0x80 && !strings.ContainsRune("-_./:@%+,=", r) &&
			(r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	switch {
	case strings.IndexFunc(value, special) < 0:
		return value
	case !strings.ContainsAny(value, "'\r\n"):
		return "'" + value + "'"
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`", "\n", `\n`, "\r", `\r`)
	return `"` + escape.Replace(value) + `"`
}

// writeEnvGitHub writes what a workflow appends to $GITHUB_ENV. The runner fails
// a step that sets NODE_OPTIONS there.
func writeEnvGitHub(out io.Writer, vars []childenv.Var, _ string) error {
	var b strings.Builder
	for _, v := range vars {
		switch {
		case v.Name == "NODE_OPTIONS":
		case strings.ContainsAny(v.Value, "\r\n"):
			end := "NECTO_END"
			for strings.Contains(v.Value, end) {
				end += "_"
			}
			fmt.Fprintf(&b, "%s<<%s\n%s\n%[2]s\n", v.Name, end, v.Value)
		default:
			fmt.Fprintf(&b, "%s=%s\n", v.Name, v.Value)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// writeEnvDocker writes one line, for a shell to evaluate.
func writeEnvDocker(out io.Writer, vars []childenv.Var, dir string) error {
	// host-gateway is what Docker on Linux needs to know the name at all.
	args := []string{"--add-host", dockerHost + ":host-gateway", "-v", dir + ":" + dockerDir + ":ro"}
	for _, v := range vars {
		args = append(args, "-e", v.Name+"="+v.Value)
	}
	_, err := fmt.Fprintln(out, shellescape.QuoteCommand(args))
	return err
}

func writeEnvJSON(out io.Writer, vars []childenv.Var, _ string) error {
	object := make(map[string]string, len(vars))
	for _, v := range vars {
		object[v.Name] = v.Value
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(object)
}
