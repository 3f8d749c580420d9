package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// debianPython has the packages of Debian; another one before it in PATH has
// not.
const debianPython = "/usr/bin/python3"

// clientFile returns the path of a file of testdata/clients.
func clientFile(name string) string {
	return filepath.Join("..", "..", "testdata", "clients", name)
}

func missingNode() string {
	if _, err := exec.LookPath("node"); err != nil {
		return "node"
	}
	if _, err := os.Stat(clientFile("node_modules/ws")); err != nil {
		return "ws (npm ci in testdata/clients)"
	}
	return ""
}

func missingPython() string {
	if exec.Command(debianPython, "-c", "import websockets").Run() != nil {
		return "websockets (Debian: python3-websockets)"
	}
	return ""
}

func callNode(t *testing.T, c wsCall) { runScript(t, c, "node", clientFile("echo.mjs")) }

func callPython(t *testing.T, c wsCall) { runScript(t, c, debianPython, clientFile("echo.py")) }

// task returns what a script is told, as JSON.
func (c wsCall) task() any {
	return map[string]any{
		"url": c.url, "proxy": c.proxy, "ca": c.ca.CertPath(), "deflate": c.deflate, "messages": c.messages,
	}
}

// runScript gives a program its task and waits for it to end.
func runScript(t *testing.T, c wsCall, program ...string) {
	t.Helper()
	task, err := json.Marshal(c.task())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), wsPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], program[1:]...)
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+c.ca.CertPath())
	cmd.Stdin = bytes.NewReader(task)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program[0], err, out)
	}
}
