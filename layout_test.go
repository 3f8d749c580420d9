package necto_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/necto-dev/necto"

// mayImport is the house: which package may import which of ours. Tests may in
// addition import what testsMayImport says.
var mayImport = map[string][]string{
	"traffic":              {},
	"internal/h1":          {"traffic"},
	"internal/h2":          {"traffic"},
	"internal/fingerprint": {},
	"internal/grpcwire":    {"traffic", "internal/coding"},
	"internal/protoset":    {"traffic", "internal/coding", "internal/grpcwire"},
	"internal/fleet":       {"traffic", "record", "internal/jsondoc", "internal/jsonenc"},
	"internal/ports":       {"traffic", "internal/yamldoc"},
	"internal/ca":          {},
	"internal/coding":      {},
	"internal/childenv":    {"internal/ca"},
	"internal/jsondoc":     {},
	"internal/jsonenc":     {},
	"internal/socks":       {},
	"internal/eventclient": {},
	"internal/nectest":     {"traffic"},
	"internal/wsframe":     {"traffic"},
	"internal/yamldoc":     {},
	"internal/peeruser":    {},
	"internal/loopback":    {},
	"internal/filter":      {"traffic", "internal/grpcwire", "internal/jsondoc"},
	"internal/convert":     {"traffic", "har", "record", "internal/diff", "internal/filter", "internal/jsondoc", "internal/protoset"},
	"internal/diff":        {"traffic", "record", "internal/grpcwire", "internal/protoset"},
	"internal/export":      {"traffic", "record"},
	"internal/lookback":    {"traffic", "record"},
	"internal/tail":        {"traffic", "record", "internal/eventclient", "internal/filter", "internal/grpcwire", "internal/protoset", "internal/wsframe"},
	"har":                  {"traffic", "internal/jsondoc", "internal/jsonenc"},
	"record":               {"traffic", "har", "internal/coding", "internal/filter", "internal/jsondoc", "internal/jsonenc", "internal/protoset"},
	"replay":               {"traffic", "record", "internal/coding", "internal/filter", "internal/grpcwire", "internal/protoset", "internal/wsframe"},
	"rules":                {"traffic", "internal/coding", "internal/filter", "internal/grpcwire", "internal/jsondoc", "internal/protoset", "internal/yamldoc"},
	"proxy":                {"traffic", "internal/h1", "internal/h2", "internal/ca", "internal/fingerprint", "internal/grpcwire", "internal/loopback", "internal/socks", "internal/wsframe"},
	"eventserver/mockttp":  {"traffic", "internal/coding", "internal/jsonenc"},
	"eventserver/channel":  {"traffic", "internal/loopback", "internal/ports"},
	"eventserver":          {"traffic", "rules", "replay", "eventserver/mockttp", "internal/coding", "internal/filter", "internal/jsonenc", "internal/loopback", "internal/peeruser", "internal/wsframe"},
	"cmd/necto": {
		"traffic", "har", "record", "replay", "rules", "proxy", "eventserver", "eventserver/channel",
		"internal/h1", "internal/ca", "internal/coding", "internal/childenv",
		"internal/convert", "internal/diff", "internal/eventclient", "internal/export", "internal/filter", "internal/tail",
		"internal/fleet", "internal/lookback", "internal/ports", "internal/protoset",
	},
}

// testsMayImport is what tests of every package may import beside what the
// package itself may.
var testsMayImport = []string{"internal/eventclient", "internal/nectest"}

// goPackage is what this test reads of the output of go list -json.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestImportsFollowTheHouse(t *testing.T) {
	for _, pkg := range listPackages(t) {
		room := strings.TrimPrefix(strings.TrimPrefix(pkg.ImportPath, module), "/")
		if room == "" {
			continue // this test
		}
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("package %s has no place in the house: add it to mayImport", room)
			continue
		}
		checkEdges(t, room, pkg.Imports, allowed)
		inTests := slices.Concat(allowed, testsMayImport, []string{room})
		checkEdges(t, room+" (tests)", slices.Concat(pkg.TestImports, pkg.XTestImports), inTests)
	}
}

func TestForbiddenEdgesAreFound(t *testing.T) {
	imports := []string{"fmt", module + "/proxy", module + "/traffic", "golang.org/x/sync"}
	want := []string{"proxy"}
	if got := forbidden(imports, []string{"traffic"}); !slices.Equal(got, want) {
		t.Errorf("forbidden imports: got %q, want %q", got, want)
	}
}

func checkEdges(t *testing.T, room string, imports, allowed []string) {
	t.Helper()
	for _, other := range forbidden(imports, allowed) {
		t.Errorf("%s must not import %s", room, other)
	}
}

// forbidden returns those of our packages among imports that are not allowed.
func forbidden(imports, allowed []string) []string {
	var wrong []string
	for _, p := range imports {
		if room, ours := strings.CutPrefix(p, module+"/"); ours && !slices.Contains(allowed, room) {
			wrong = append(wrong, room)
		}
	}
	return wrong
}

// listPackages returns the packages of this module for every platform necto is
// built for, so that no build constraint hides an import.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	var all []goPackage
	for _, goos := range []string{"linux", "darwin", "windows"} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", path.Join(module, "..."))
		cmd.Env = append(cmd.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v", goos, err)
		}
		for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
			var pkg goPackage
			if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			all = append(all, pkg)
		}
	}
	return all
}
