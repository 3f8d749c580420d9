package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
)

// client is a program that prints the content of URLs, one after the other.
type client struct {
	name    string
	program string   // what has to be installed
	args    []string // before the URLs
}

// The clients that a recording has to work for as they are, by the environment
// alone.
var clients = []client{
	{name: "curl", program: "curl", args: []string{"--silent", "--show-error", "--compressed"}},
	{name: "python", program: "python3", args: []string{"-c", pythonClient}},
	{name: "node", program: "node", args: []string{"-e", nodeClient}},
	{name: "go", program: "fetch"},
}

const pythonClient = `
import sys, urllib.request
for url in sys.argv[1:]:
    sys.stdout.buffer.write(urllib.request.urlopen(url).read())
`

const nodeClient = `
const get = url => new Promise((done, failed) =>
  require(url.startsWith("https:") ? "https" : "http").get(url, answer => {
    answer.on("data", data => process.stdout.write(data));
    answer.on("end", done);
    answer.on("error", failed);
  }).on("error", failed));
(async () => { for (const url of process.argv.slice(1)) await get(url); })();
`

func TestRealClientsAreRecordedAndReplayed(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			if _, err := exec.LookPath(c.program); err != nil {
				t.Skipf("%s is not installed: it was NOT tested as a client", c.program)
			}
			t.Parallel()
			testClient(t, c)
		})
	}
}

func testClient(t *testing.T, c client) {
	plain, secure := nectest.NewOrigin(t), nectest.NewTLSOrigin(t)
	dir := t.TempDir()
	recording, trust := filepath.Join(dir, "run.jsonl"), filepath.Join(dir, "origin.pem")
	if err := os.WriteFile(trust, secure.CertPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	caDir := "--ca-dir=" + filepath.Join(dir, "ca")
	recorded := necto(t, c, "record", caDir, "-o", recording, "--upstream-ca", trust,
		"--resolve", resolveTo("80", plain), "--resolve", resolveTo("443", secure))
	for _, want := range []string{`"name":"necto"`, "quick brown fox", "data: 2\n\n"} {
		if !bytes.Contains(recorded, []byte(want)) {
			t.Errorf("the client did not get %q", want)
		}
	}

	plain.Close()
	secure.Close()
	replayed := necto(t, c, "replay", caDir, recording)
	if !bytes.Equal(replayed, recorded) {
		t.Errorf("the recording gave %d bytes, the origin %d; they differ", len(replayed), len(recorded))
	}
}

// resolveTo returns a value of --resolve that leads to an origin.
func resolveTo(port string, o *nectest.Origin) string {
	return nectest.OriginHost + ":" + port + ":" + o.Addr
}

// necto runs the client in necto and returns what it printed.
func necto(t *testing.T, c client, args ...string) []byte {
	t.Helper()
	args = append(args, "--", c.program)
	args = append(args, c.args...)
	for _, target := range []string{"http://%/json", "https://%/json", "https://%/gzip", "http://%/sse", "https://%/bytes?n=100000"} {
		args = append(args, strings.Replace(target, "%", nectest.OriginHost, 1))
	}
	cmd := exec.CommandContext(t.Context(), "necto", args...)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); err != nil {
		t.Fatalf("necto %s: %v\n%s", args[0], err, diag.Bytes())
	}
	return out.Bytes()
}
