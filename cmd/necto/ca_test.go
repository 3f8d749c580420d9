package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/ca"
)

// caStdio returns a stdio and what is written to it.
func caStdio() (io stdio, out, diag *bytes.Buffer) {
	out, diag = new(bytes.Buffer), new(bytes.Buffer)
	return stdio{in: new(bytes.Buffer), out: out, err: diag}, out, diag
}

// debian is a system that has what Debian has.
func debian() ca.System {
	return ca.System{
		GOOS:       "linux",
		Admin:      true,
		HasDir:     func(path string) bool { return path == "/usr/local/share/ca-certificates" },
		HasProgram: func(string) bool { return true },
	}
}

func TestCAPathAndPrint(t *testing.T) {
	dir := t.TempDir()
	io, out, _ := caStdio()
	if err := runCAPath(t.Context(), io, caOptions{dir: dir}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ca.pem")
	if out.String() != path+"\n" {
		t.Errorf("printed %q, want %q", out, path)
	}
	out.Reset()
	if err := runCAPrint(t.Context(), io, caOptions{dir: dir}); err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(path); err != nil || out.String() != string(want) {
		t.Errorf("printed %q, want what is in %s: %v", out, path, err)
	}
}

func TestCADryRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder")
	o := caOptions{dir: dir, dryRun: true, system: debian()}
	io, out, diag := caStdio()
	if err := runCAInstall(t.Context(), io, o); err != nil {
		t.Fatal(err)
	}
	if err := runCAUninstall(t.Context(), io, o); err != nil {
		t.Fatal(err)
	}
	cert, path, err := ca.ReadCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := "/usr/local/share/ca-certificates/necto-" + ca.ID(cert) + ".crt"
	want := "install -m 0644 '" + path + "' " + file + "\nupdate-ca-certificates\nrm -f " + file + "\nupdate-ca-certificates\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	if diag.Len() > 0 {
		t.Errorf("stderr %q", diag)
	}
}

func TestCADryRunShowsConditions(t *testing.T) {
	io, out, _ := caStdio()
	plan := []ca.Command{{When: []string{"has", "a b"}, Args: []string{"remove", "a b"}}}
	if err := runCAPlan(t.Context(), io, caOptions{dryRun: true}, plan); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "has 'a b' && remove 'a b'\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestCAPlanRuns(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh: whether commands of a plan are run is not tested")
	}
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	io, out, diag := caStdio()
	err := runCAPlan(t.Context(), io, caOptions{}, []ca.Command{
		{Args: sh("echo one")},
		{When: sh("false"), Args: sh("echo two")},
		{When: sh("true"), Args: sh("echo three")},
		{Args: sh("exit 7")},
		{Args: sh("echo five")},
	})
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("error %v, want exit status 7", err)
	}
	var hinter interface{ Hint() string }
	if !errors.As(err, &hinter) {
		t.Errorf("no hint with %v", err)
	}
	want := "necto: running sh -c 'echo one'\none\nnecto: running sh -c 'echo three'\nthree\nnecto: running sh -c 'exit 7'\n"
	if diff := cmp.Diff(want, diag.String()); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
	if out.Len() > 0 {
		t.Errorf("stdout %q: what tools say is no data", out)
	}
}

func TestCAUninstallWithoutAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "absent")
	io, out, diag := caStdio()
	if err := runCAUninstall(t.Context(), io, caOptions{dir: dir, system: debian()}); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 || !strings.Contains(diag.String(), "nothing to uninstall") {
		t.Errorf("stdout %q, stderr %q", out, diag)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an authority was created to be removed: %v", err)
	}
}

func TestCAWithoutStore(t *testing.T) {
	dir := t.TempDir()
	io, _, _ := caStdio()
	o := caOptions{dir: dir, system: ca.System{GOOS: "plan9"}}
	if err := runCAInstall(t.Context(), io, o); !errors.Is(err, ca.ErrNoStore) {
		t.Errorf("install: %v, want ErrNoStore", err)
	}
	if err := runCAUninstall(t.Context(), io, o); !errors.Is(err, ca.ErrNoStore) {
		t.Errorf("uninstall: %v, want ErrNoStore", err)
	}
}

func TestCAFlags(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		args []string
		code int
		out  string
	}{
		{"path", []string{"ca", "path", "--ca-dir", dir}, 0, filepath.Join(dir, "ca.pem")},
		{"folder before the command", []string{"ca", "--ca-dir", dir, "path"}, 0, filepath.Join(dir, "ca.pem")},
		{"no command", []string{"ca"}, 0, "install"},
		{"unknown command", []string{"ca", "remove"}, exitUsage, ""},
		{"argument too many", []string{"ca", "path", "x", "--ca-dir", dir}, exitUsage, ""},
		{"dry run of what only prints", []string{"ca", "path", "--dry-run"}, exitUsage, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			io, out, diag := caStdio()
			if code := run(t.Context(), io, tt.args); code != tt.code {
				t.Errorf("exit code %d, want %d; stderr %q", code, tt.code, diag)
			}
			if !strings.Contains(out.String(), tt.out) {
				t.Errorf("stdout %q does not say %q", out, tt.out)
			}
		})
	}
}
