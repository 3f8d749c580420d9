package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/childenv"
)

// oddVars have values that each format has to quote.
var oddVars = []childenv.Var{
	{Name: "A_PLAIN", Value: "http://127.0.0.1:8888"},
	{Name: "B_EMPTY", Value: ""},
	{Name: "C_SPACES", Value: `a  b "c" $HOME #d`},
	{Name: "D_QUOTE", Value: "it's `x` \\ $y"},
	{Name: "E_LINES", Value: "one\nNECTO_END\n'two'\n"},
	{Name: "NODE_OPTIONS", Value: "--require x"},
}

func formatted(t *testing.T, format string) string {
	t.Helper()
	var out bytes.Buffer
	if err := envFormats[format](&out, oddVars, "/a dir"); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestEnvFormats(t *testing.T) {
	tests := map[string]string{
		"dotenv": `A_PLAIN=http://127.0.0.1:8888
B_EMPTY=
C_SPACES='a  b "c" $HOME #d'
D_QUOTE="it's \` + "`x\\`" + ` \\ \$y"
E_LINES="one\nNECTO_END\n'two'\n"
NODE_OPTIONS='--require x'
`,
		"github": `A_PLAIN=http://127.0.0.1:8888
B_EMPTY=
C_SPACES=a  b "c" $HOME #d
D_QUOTE=it's ` + "`x`" + ` \ $y
E_LINES<<NECTO_END_
one
NECTO_END
'two'

NECTO_END_
`,
	}
	for format, want := range tests {
		t.Run(format, func(t *testing.T) {
			if diff := cmp.Diff(want, formatted(t, format)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnvFormatJSON(t *testing.T) {
	got := make(map[string]string)
	if err := json.Unmarshal([]byte(formatted(t, "json")), &got); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, v := range oddVars {
		want[v.Name] = v.Value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A shell that evaluates the output gets the values back.
func TestEnvFormatsInShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh: whether it reads the formats is not tested")
	}
	var values, args strings.Builder
	args.WriteString("--add-host|host.docker.internal:host-gateway|-v|/a dir:/etc/necto:ro|")
	for _, v := range oddVars {
		values.WriteString(v.Value + "|")
		args.WriteString("-e|" + v.Name + "=" + v.Value + "|")
	}
	tests := []struct{ format, script, want string }{
		{"sh", `eval "$1"; printf '%s|' "$A_PLAIN" "$B_EMPTY" "$C_SPACES" "$D_QUOTE" "$E_LINES" "$NODE_OPTIONS"`, values.String()},
		{"docker", `eval "printf '%s|' $1"`, args.String()},
	}
	for _, tt := range tests {
		t.Run(tt.format, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), sh, "-c", tt.script, "sh", formatted(t, tt.format)).Output()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(out)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// envJSON returns what `necto env --format json` and more arguments prints.
func envJSON(t *testing.T, args ...string) map[string]string {
	t.Helper()
	io, out, diag := caStdio()
	if code := run(t.Context(), io, append([]string{"env", "--format", "json"}, args...)); code != 0 {
		t.Fatalf("exit code %d: %s", code, diag)
	}
	vars := make(map[string]string)
	if err := json.Unmarshal(out.Bytes(), &vars); err != nil {
		t.Fatal(err)
	}
	return vars
}

func TestEnv(t *testing.T) {
	dir := t.TempDir()
	vars := envJSON(t, "--ca-dir", dir, "--proxy", "http://127.0.0.1:4711")
	if got := vars["HTTPS_PROXY"]; got != "http://127.0.0.1:4711" {
		t.Errorf("HTTPS_PROXY=%q", got)
	}
	// The files outlive the process, at the same place each time.
	if got, want := vars["SSL_CERT_FILE"], filepath.Join(dir, "env", "host", "bundle.pem"); got != want {
		t.Errorf("SSL_CERT_FILE=%q, want %q", got, want)
	}
	if diff := cmp.Diff(vars, envJSON(t, "--ca-dir", dir, "--proxy", "http://127.0.0.1:4711")); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
}

func TestEnvDocker(t *testing.T) {
	t.Setenv("JAVA_TOOL_OPTIONS", "-Dhost.only=1")
	dir := t.TempDir()
	io, out, _ := caStdio()
	if err := runEnv(t.Context(), io, envOptions{format: "docker", proxy: "http://127.0.0.1:4711", caDir: dir}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		":/etc/necto:ro", "-e SSL_CERT_FILE=/etc/necto/bundle.pem", "-e HTTP_PROXY=http://host.docker.internal:4711",
		"-Dhttp.proxyHost=host.docker.internal",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	// The folder with the key must not be mounted, nor the host's settings kept.
	for _, bad := range []string{dir + ":", "-Dhost.only=1"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("%q in %s", bad, out)
		}
	}
}

func TestDockerProxy(t *testing.T) {
	for proxy, want := range map[string]string{
		"http://127.0.0.1:8888":      "http://host.docker.internal:8888",
		"http://localhost:8888":      "http://host.docker.internal:8888",
		"http://[::1]:8888":          "http://host.docker.internal:8888",
		"http://me:x@127.0.0.1:8888": "http://me:x@host.docker.internal:8888",
		"http://172.17.0.1:8888":     "http://172.17.0.1:8888",
		"http://proxy.example:8888":  "http://proxy.example:8888",
	} {
		if got := dockerProxy(proxy); got != want {
			t.Errorf("dockerProxy(%s) = %s, want %s", proxy, got, want)
		}
	}
}

func TestEnvFlags(t *testing.T) {
	io, _, _ := caStdio()
	var got envOptions
	cmd := newEnvCmd(io, func(_ context.Context, _ stdio, o envOptions) error {
		got = o
		return nil
	})
	cmd.SetArgs([]string{"--format", "github", "--proxy", "http://p:1", "--ca-dir", "d"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := envOptions{format: "github", proxy: "http://p:1", caDir: "d"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(envOptions{})); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}

	for _, args := range [][]string{
		{"env", "--format", "xml"},
		{"env", "--proxy", "localhost:8888", "--ca-dir", t.TempDir()},
		{"env", "--proxy", "http://[::1", "--ca-dir", t.TempDir(), "--format", "docker"},
		{"env", "extra"},
	} {
		io, out, diag := caStdio()
		if code := run(t.Context(), io, args); code != exitUsage || out.Len() > 0 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %d and no output", args, code, out, diag, exitUsage)
		}
	}
}
