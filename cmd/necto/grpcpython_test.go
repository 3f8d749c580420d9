package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func missingPythonCalls() string {
	if exec.Command(debianPython, "-c", "import grpc").Run() != nil {
		return "grpcio (Debian: python3-grpcio)"
	}
	return ""
}

// heardByPython is what grpcio hears of callService.
var heardByPython = strings.Split(strings.TrimSpace(`
unary hello 1012 b'\n\x07\x12\x05HELLO\x12\xe8\x07nnnnnnnnnnnnnnnnnnnnnnnnnnnn' behind
unary hello 1012 b'\n\x07\x12\x05HELLO\x12\xe8\x07nnnnnnnnnnnnnnnnnnnnnnnnnnnn' behind
unary fail NOT_FOUND nichts gefunden: größer 100%
unary fail NOT_FOUND nichts gefunden: größer 100%
deadline DEADLINE_EXCEEDED
server streaming 5 b'\n\x03\x12\x01x'
server streaming 104 b'\nf\x12dxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
server streaming 2 b'\n\x00'
server streaming OK
client streaming 2 b'\x08\n' None
turn b'\n\x07\x12\x05re: a'
turn b'\n\x07\x12\x05re: b'
turn ABORTED as you wish
`), "\n")

// TestPythonCallsAreRecordedAndReplayed is TestCallsAreRecordedAndReplayed with the
// library that all languages but Go and Java have.
func TestPythonCallsAreRecordedAndReplayed(t *testing.T) {
	if missing := missingPythonCalls(); missing != "" {
		t.Skipf("%s is not installed: Python was NOT tested as a client of gRPC", missing)
	}
	for _, way := range callWays {
		t.Run(way.name, func(t *testing.T) {
			l := newCallLab(t, way)
			calls := func(what string) func(callTarget) {
				return func(target callTarget) {
					if diff := cmp.Diff(heardByPython, l.callPython(t, target)); diff != "" {
						t.Errorf("%s: %s", what, diff)
					}
				}
			}
			l.record(t, calls("recorded"))
			l.replay(t, calls("replayed"))
		})
	}
}

// callPython returns what a program in Python hears.
func (l *callLab) callPython(t *testing.T, target callTarget) []string {
	t.Helper()
	task := map[string]string{"target": target.addr, "roots": ""}
	if l.way.secure {
		task["roots"] = l.authority.CertPath()
	}
	content, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), callPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, debianPython, clientFile("calls.py"))
	cmd.Env = append(os.Environ(), "grpc_proxy=", "https_proxy=", "http_proxy=", "no_grpc_proxy=", "no_proxy=", "PYTHONIOENCODING=utf-8")
	if target.proxy != "" {
		cmd.Env = append(cmd.Env, "grpc_proxy=http://"+target.proxy)
	}
	cmd.Stdin = bytes.NewReader(content)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("python: %v\n%s%s", err, out.String(), errs.String())
	}
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}
