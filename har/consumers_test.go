package har_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/internal/nectest"
)

// patience is what a program of another maker is given.
const patience = 2 * time.Minute

// runNode runs a script of testdata/clients and returns what it printed. Without
// Node.js or a package the test is skipped.
func runNode(t *testing.T, needs, script string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("node is not installed: %s was NOT tested with HAR files", needs)
	}
	clients := filepath.Join("..", "testdata", "clients")
	if _, err := os.Stat(filepath.Join(clients, "node_modules", needs)); err != nil {
		t.Skipf("%s is not installed (npm ci in testdata/clients): it was NOT tested with HAR files", needs)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join(clients, script)}, args...)...)
	cmd.WaitDelay = time.Second
	var diag bytes.Buffer
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, diag.Bytes())
	}
	return out
}

// chromium returns the path of the browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("chromium is not installed: Playwright was NOT tested with HAR files")
	return ""
}

// write writes a HAR of the entries and returns its path.
func write(t *testing.T, o har.Options, entries ...*har.Entry) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.har")
	w, err := har.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	w.SetNecto(json.RawMessage(`{"v":1}`))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// entriesOf returns the entries of samples.
func entriesOf(all []sample) []*har.Entry {
	entries := make([]*har.Entry, len(all))
	for i, s := range all {
		entries[i] = s.entry
	}
	return entries
}

func TestValidatorsAndConvertersTakeEveryKind(t *testing.T) {
	all := samples()
	names := []string{"all", "none", "http-only"}
	files := []string{
		write(t, har.Options{Version: "1", Comment: "a comment"}, entriesOf(all)...),
		write(t, har.Options{}),
		write(t, har.Options{Profile: har.ProfileHTTPOnly}, entriesOf(all)...),
	}
	for _, s := range all { // one each, to know which it is
		names = append(names, s.name)
		files = append(files, write(t, har.Options{}, s.entry))
	}
	found := json.NewDecoder(bytes.NewReader(runNode(t, "har-validator", "har-check.mjs", files...)))
	for _, name := range names {
		var f struct {
			HarValidator, HarSDK []string
			K6                   string
		}
		if err := found.Decode(&f); err != nil {
			t.Fatal(err)
		}
		if name == "none" { // which HAR 1.2 allows and the SDK does not
			f.HarSDK = nil
		}
		if len(f.HarValidator) > 0 || len(f.HarSDK) > 0 {
			t.Errorf("%s: har-validator says %q, @har-sdk/validator %q", name, f.HarValidator, f.HarSDK)
		}
		if !strings.Contains(f.K6, "export default function") || name == "all" && !strings.Contains(f.K6, `'{"item":"a1"}'`) {
			t.Errorf("%s: har-to-k6 made %s", name, f.K6)
		}
		if name == "http-only" && strings.Contains(f.K6, "wss:") {
			t.Error("http-only has a WebSocket connection")
		}
	}
}

func TestPlaywrightServesAPage(t *testing.T) {
	path := write(t, har.Options{}, entriesOf(samples())...)
	out := runNode(t, "playwright-core", "har-browser.mjs", "serve", chromium(t), path, "https://example.test/")
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	want := map[string]any{
		"title": "from the HAR", "image": 1.0, "json": `{"say":"ok \ud83d"}`, "post": "created", "bytes": "bytes",
		"otherPost": "refused", "coded": 1000.0, "long": 320_000.0, "longBinary": 480_001.0,
		"redirected": true, "empty": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// recordedPage calls an origin of nectest and a WebSocket of it.
const recordedPage = `<!doctype html><title>recorded</title><link rel="icon" href="data:,"><script>
window.report = (async () => {
  await (await fetch("/json")).text();
  await (await fetch("/gzip")).text();
  await (await fetch("/echo", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"item":"a1"}'})).text();
  await (await fetch("/bytes?n=300")).arrayBuffer();
  const ws = new WebSocket("ws://" + location.host + "/ws");
  ws.binaryType = "arraybuffer";
  const next = name => new Promise(done => ws.addEventListener(name, done, {once: true}));
  await next("open");
  ws.send('{"say":"größer"}');
  const text = (await next("message")).data;
  ws.send(new Uint8Array([0, 1, 255]));
  const size = (await next("message")).data.byteLength;
  ws.close(1000, "bye");
  await next("close");
  return {text, size};
})();
</script>`

// TestPlaywrightRecords holds what the reader is to understand. With UPDATE set it
// makes testdata/har/playwright.har, if that is not there.
func TestPlaywrightRecords(t *testing.T) {
	browser := chromium(t)
	mux := http.NewServeMux()
	mux.Handle("/", nectest.NewOriginHandler())
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(recordedPage)) // shows in the report
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	path := filepath.Join(t.TempDir(), "playwright.har")
	out := runNode(t, "playwright-core", "har-browser.mjs", "record", browser, path, server.URL+"/")
	if got := strings.TrimSpace(string(out)); got != `{"text":"{\"say\":\"größer\"}","size":3}` {
		t.Errorf("the page reports %s", got)
	}
	keep := filepath.Join("..", "testdata", "har", "playwright.har")
	if _, err := os.Stat(keep); os.Getenv("UPDATE") != "" && err != nil {
		if err := os.WriteFile(keep, readFile(t, path), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
