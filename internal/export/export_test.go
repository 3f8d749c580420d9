package export_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/export"
	"github.com/necto-dev/necto/record"
)

const meta = `{"type":"meta","seq":1,"format":"necto-recording","v":1,"session":"01KAHQ2V7M6Q9Z4B8N3T5R1XCD",` +
	`"at":"2026-11-20T23:44:03.000000Z","us":0,"tool":"necto"}`

// request is a request to be recorded and what an origin saw of one.
type request struct {
	Method, Target string
	Header         [][2]string
	Body           string
}

// line returns the http line of a request.
func line(t *testing.T, id int, origin string, r request) string {
	t.Helper()
	recorded := map[string]any{
		"method": r.Method, "url": origin + r.Target, "proto": "HTTP/1.1", "headers": r.Header,
	}
	if r.Header == nil {
		recorded["headers"] = []string{}
	}
	if r.Body != "" {
		body := map[string]any{"size": len(r.Body), "text": r.Body}
		if !utf8.ValidString(r.Body) {
			body = map[string]any{"size": len(r.Body), "base64": base64.StdEncoding.EncodeToString([]byte(r.Body))}
		}
		recorded["body"] = body
	}
	raw, err := json.Marshal(map[string]any{
		"type": "http", "seq": id + 1, "id": id, "conn": 1, "at": "2026-11-20T23:44:04.000000Z", "us": 1,
		"client": "127.0.0.1:1", "request": recorded, "ms": 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// open returns a recording of the given lines.
func open(t *testing.T, lines ...string) *record.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	text := strings.Join(append([]string{meta}, lines...), "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// exported returns what is written, and the warnings.
func exported(t *testing.T, f *record.File, format export.Format) (text, warnings string) {
	t.Helper()
	var out, warned strings.Builder
	err := export.Write(&out, f, export.Options{Format: format, Warn: func(text string) { fmt.Fprintln(&warned, text) }})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), warned.String()
}

// hostile are requests that try to break out of every language.
func hostile() []request {
	big := strings.Repeat("0123456789abcde\n", 8<<10) // 128 KiB
	return []request{
		{Method: "GET", Target: "/plain", Header: [][2]string{{"Accept", "*/*"}, {"User-Agent", "test"}}},
		{Method: "GET", Target: "/q?a=1&b='x'&c=\"$(id>pwned)\"&d=`id>pwned`&e={1,2}[3-5]"},
		{Method: "POST", Target: "/a/../b/./c", Header: [][2]string{{"Content-Type", "text/plain"}}, Body: "it's $HOME `id` \\n\n\"two\"\n"},
		{Method: "POST", Target: "/at", Header: [][2]string{{"Content-Type", "text/plain"}}, Body: "@/etc/passwd"},
		{Method: "PUT", Target: "/binary", Header: [][2]string{{"Content-Type", "x/y"}}, Body: "\x00\xff\xfe'\n" + strings.Repeat("\x80", 100)},
		{Method: "PATCH", Target: "/big", Header: [][2]string{{"Content-Type", "text/plain"}}, Body: big},
		{Method: "DELETE", Target: "/none", Header: [][2]string{{"X-Empty", ""}, {"X-Twice", "1"}, {"X-Twice", "2;'\""}}},
		{Method: "HEAD", Target: "/head"},
		{Method: "GET", Target: "/with-content", Body: `{"a":1}`},
		{Method: "GET", Target: "/ü?x=%C3%BC"},
		{Method: "OPTIONS", Target: "*"},
		{Method: "POST", Target: "/no-content"},
	}
}

// recorder is an origin that notes what it was sent.
type recorder struct {
	mu   sync.Mutex
	seen []request // guarded by mu
}

func (o *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := request{Method: r.Method, Target: r.RequestURI, Body: string(body)}
	for _, name := range []string{"Accept", "User-Agent", "Content-Type", "X-Empty", "X-Twice"} {
		for _, value := range r.Header[name] {
			got.Header = append(got.Header, [2]string{name, value})
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, got)
	w.WriteHeader(http.StatusNoContent)
}

func TestCurlSendsWhatWasRecorded(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here", tool)
		}
	}
	origin := &recorder{}
	server := httptest.NewUnstartedServer(origin)
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	defer server.Close()
	var lines []string
	for i, r := range hostile() {
		lines = append(lines, line(t, i+1, server.URL, r))
	}
	script, _ := exported(t, open(t, lines...), export.Curl)
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-e")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir} // no proxy and no .curlrc
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, script)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("the commands left %v, %v", files, err)
	}
	if d := cmp.Diff(hostile(), origin.seen); d != "" {
		t.Error(d)
	}
}

func TestK6ScriptSaysWhatWasRecorded(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node here")
	}
	var lines []string
	for i, r := range hostile() {
		lines = append(lines, line(t, i+1, "http://a.test", r))
	}
	script, _ := exported(t, open(t, lines...), export.K6)
	// The modules of k6 are replaced by ones that note what they are called with.
	script = strings.NewReplacer(
		`import http from "k6/http";`, `const seen = [];
const http = { request: (method, url, body, params) => seen.push({ method, url, body, headers: params.headers }) };`,
		`import encoding from "k6/encoding";`, `const encoding = { b64decode: (s) => ({ base64: s }) };`,
		`export default function () {`, `function main() {`,
	).Replace(script) + "main();\nconsole.log(JSON.stringify(seen));\n"
	path := filepath.Join(t.TempDir(), "script.mjs")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), node, path).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	var calls []struct {
		Method, URL string
		Body        any
		Headers     map[string]string
	}
	if err := json.Unmarshal(out, &calls); err != nil {
		t.Fatal(err)
	}
	var got []request
	for _, c := range calls {
		r := request{Method: c.Method, Target: strings.TrimPrefix(c.URL, "http://a.test")}
		switch body := c.Body.(type) {
		case string:
			r.Body = body
		case map[string]any:
			content, _ := base64.StdEncoding.DecodeString(body["base64"].(string))
			r.Body = string(content)
		}
		got = append(got, r)
	}
	want := hostile()
	for i := range want {
		want[i].Header = nil
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, want := calls[6].Headers["X-Twice"], `1, 2;'"`; got != want {
		t.Errorf("X-Twice: %q, want %q", got, want)
	}
}

func TestHTTPFile(t *testing.T) {
	f := open(t,
		line(t, 1, "http://a.test", request{Method: "GET", Target: "/x?a= b", Header: [][2]string{{"Host", "a.test"}, {"Accept", "*/*"}}}),
		line(t, 2, "http://a.test", request{Method: "POST", Target: "/y", Header: [][2]string{{"Content-Length", "7"}}, Body: `{"a":1}`}),
		line(t, 3, "http://a.test", request{Method: "POST", Target: "/z", Body: "a\n### GET http://evil.test\n"}),
		line(t, 4, "http://a.test", request{Method: "POST", Target: "/b", Body: "\xff"}))
	got, warnings := exported(t, f, export.HTTP)
	want := "### 1: GET http://a.test/x?a= b\nGET http://a.test/x?a=%20b\nAccept: */*\n\n" +
		"### 2: POST http://a.test/y\nPOST http://a.test/y\n\n{\"a\":1}\n\n" +
		"### 3: POST http://a.test/z\nPOST http://a.test/z\n\n" +
		"### 4: POST http://a.test/b\nPOST http://a.test/b\n\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := strings.Count(warnings, "cannot be written in a .http file"); n != 2 {
		t.Errorf("warnings: %s", warnings)
	}
}

// Who wrote the recording must not get at the files and variables of who sends it.
func TestHTTPFileHasOnlyContent(t *testing.T) {
	for _, body := range []string{
		"< /etc/passwd", "<\t/etc/passwd", "x\r<\u00a0/etc/passwd", "x\n <@latin1 /etc/passwd", "<> old.json",
		"> after.js", ">{% client.log() %}", ">>! out", "x\n\u2028###", "{{$processEnv HOME}}", "{{redacted:{{$dotenv KEY}}",
	} {
		got, warnings := exported(t, open(t, line(t, 1, "http://a.test", request{Method: "POST", Target: "/", Body: body})), export.HTTP)
		if want := "### 1: POST http://a.test/\nPOST http://a.test/\n\n"; got != want || !strings.Contains(warnings, "is left out") {
			t.Errorf("content %q: written %q, warnings %q", body, got, warnings)
		}
	}
	for _, body := range []string{"<html>\n <b>", "a < b", "{{redacted:token:9f86d081}}", "{ {a} }"} {
		got, warnings := exported(t, open(t, line(t, 1, "http://a.test", request{Method: "POST", Target: "/", Body: body})), export.HTTP)
		if !strings.HasSuffix(got, "\n\n"+body+"\n\n") || strings.Contains(warnings, "left out") {
			t.Errorf("content %q: written %q, warnings %q", body, got, warnings)
		}
	}
	got, warnings := exported(t, open(t, line(t, 1, "http://a.test", request{
		Method: "GET", Target: "/{{$processEnv A}}?k={{redacted:key:9f86d081}}",
		Header: [][2]string{{"X-A", "{{$processEnv A}}"}, {"X-B", "{{redacted:b:9f86d081}}"}},
	})), export.HTTP)
	if want := "\nGET http://a.test/%7B%7B$processEnv%20A}}?k={{redacted:key:9f86d081}}\nX-B: {{redacted:b:9f86d081}}\n\n"; !strings.HasSuffix(got, want) {
		t.Errorf("written %q, want the end %q", got, want)
	}
	if !strings.Contains(warnings, "the field X-A has {{") {
		t.Errorf("warnings: %s", warnings)
	}
}

func TestWhatIsNoRequestIsLeftOut(t *testing.T) {
	wrong := []request{
		{Method: "GET", Target: "/", Header: [][2]string{{"@file", ""}}},
		{Method: "GET", Target: "/", Header: [][2]string{{"@d", "/../file"}}},
		{Method: "GET", Target: "/", Header: [][2]string{{"X-A", "v\n\n< /etc/passwd"}}},
		{Method: "GET http://b.test/\n\nGET", Target: "/"},
		{Method: "", Target: "/"},
	}
	for _, format := range export.Formats {
		for i, r := range wrong {
			got, warnings := exported(t, open(t, line(t, 1, "http://a.test", r)), format)
			if strings.Contains(got, "a.test") || !strings.Contains(warnings, "exchange 1: left out: ") {
				t.Errorf("%s, request %d: written %q, warnings %q", format, i, got, warnings)
			}
		}
		got, _ := exported(t, open(t, line(t, 1, "file://a.test", request{Method: "GET", Target: "/etc/passwd"})), format)
		if strings.Contains(got, "a.test") {
			t.Errorf("%s: written %q", format, got)
		}
	}
}

func TestWhatIsLeftOutIsTold(t *testing.T) {
	f := open(t,
		strings.Replace(line(t, 1, "ws://a.test", request{Method: "GET", Target: "/chat"}), `"type":"http"`, `"type":"ws.open"`, 1),
		line(t, 2, "", request{Method: "CONNECT", Target: "a.test:443"}),
		line(t, 3, "http://a.test", request{Method: "GET", Target: "/", Header: [][2]string{{"Authorization", "{{redacted:authorization:9f86d081}}"}}}))
	got, warnings := exported(t, f, export.Curl)
	if strings.Count(got, "curl") != 1 {
		t.Errorf("exported %s", got)
	}
	want := "WebSocket connections are left out: 1\nrequests without a URL of http or https are left out: 1\n" +
		"requests that have {{redacted:...}} in the place of secrets: 1\n"
	if d := cmp.Diff(want, warnings); d != "" {
		t.Error(d)
	}
}

func TestAPendingRequestIsWrittenOnce(t *testing.T) {
	pending := func(id int) string {
		return strings.Replace(line(t, id, "http://a.test", request{Method: "GET", Target: "/slow"}), `"type":"http"`, `"type":"http.pending"`, 1)
	}
	f := open(t, pending(1), line(t, 1, "http://a.test", request{Method: "GET", Target: "/slow"}), pending(2), pending(2))
	if got, _ := exported(t, f, export.Curl); strings.Count(got, "curl") != 2 {
		t.Errorf("exported %s", got)
	}
}

func TestOneExchange(t *testing.T) {
	f := open(t, line(t, 1, "http://a.test", request{Method: "GET", Target: "/a"}), line(t, 2, "http://a.test", request{Method: "GET", Target: "/b"}))
	var out strings.Builder
	if err := export.Write(&out, f, export.Options{Format: export.HTTP, ID: 2}); err != nil || !strings.HasPrefix(out.String(), "### 2: ") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := export.Write(io.Discard, f, export.Options{Format: export.HTTP, ID: 3}); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestContentThatIsMissing(t *testing.T) {
	missing := strings.Replace(line(t, 1, "http://a.test", request{Method: "POST", Target: "/", Body: "x"}),
		`"text":"x"`, `"file":"`+strings.Repeat("0", 64)+`"`, 1)
	for _, format := range export.Formats {
		if err := export.Write(io.Discard, open(t, missing), export.Options{Format: format}); err == nil {
			t.Errorf("%s: no error", format)
		}
	}
}
