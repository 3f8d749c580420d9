package rules

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestMocks(t *testing.T) {
	tests := map[string]struct {
		mock   string
		status int
		kind   string
		body   string // an expression
	}{
		"nothing":            {`{}`, 200, "", `^$`},
		"text":               {`{status: 201, body: hello}`, 201, "text/plain; charset=utf-8", `^hello$`},
		"json":               {`{json: {b: 1, a: [true, null, 1.50]}}`, 200, "application/json", `^\{"b":1,"a":\[true,null,1.50\]\}$`},
		"file":               {`{file: page.html}`, 200, "text/html; charset=utf-8", `^\{\{\.Method\}\}$`},
		"base64":             {`{base64: AAE=}`, 200, "application/octet-stream", `^\x00\x01$`},
		"own type":           {`{headers: {content-type: x/y}, json: 1}`, 200, "x/y", `^1$`},
		"braces are text":    {`{body: "{{.Method}}"}`, 200, "text/plain; charset=utf-8", `^\{\{\.Method\}\}$`},
		"template":           {`{template: true, body: "{{.Method}} {{.URL}} {{.Query.Get \"q\"}} {{.Path.id}} {{.Header.Get \"X-A\"}} {{.JSON.user.name}} {{.Count}}"}`, 200, "text/plain; charset=utf-8", `^POST https://api.test/u/a%20b\?q=1 1 a b one Ada 1$`},
		"template of a file": {`{template: true, file: page.html}`, 200, "text/html; charset=utf-8", `^POST$`},
		"functions":          {`{template: true, body: "{{uuid}} {{now.Year}} {{json .JSON.user}}"}`, 200, "text/plain; charset=utf-8", `^[0-9a-f-]{36} 20\d\d \{"n":1\.50,"name":"Ada"\}$`},
		"json stays json":    {`{template: true, json: {a: '{{.JSON.quote}}', b: ["{{.Count}}", 1], c: plain}}`, 200, "application/json", `^\{"a":"\\"\\n","b":\["1",1\],"c":"plain"\}$`},
		"what is not there":  {`{template: true, body: "[{{.Path.none}}{{.Query.Get \"none\"}}]"}`, 200, "text/plain; charset=utf-8", `^\[\]$`},
		"no content":         {`{status: 204}`, 204, "", `^$`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, "- {name: a, match: {path: '/u/{id}'}, mock: "+test.mock+"}\n", map[string]string{"page.html": "{{.Method}}"})
			req := post(t, `{"user":{"name":"Ada","n":1.50},"quote":"\"\n"}`, field("X-A", "one"))
			req.URL.Target = "/u/a%20b?q=1"
			resp, body := r.do(t, req)
			if resp.Status != test.status || resp.Header.Get("Content-Type") != test.kind || !regexp.MustCompile(test.body).MatchString(body) {
				t.Errorf("%d %s %q", resp.Status, resp.Header.Get("Content-Type"), body)
			}
			if resp.Length != int64(len(body)) || resp.Header.Has("Content-Length") == (test.status == 204) || r.sent != nil {
				t.Errorf("length %d, %v", resp.Length, resp.Header)
			}
		})
	}
}

func TestTemplatesCannotMakeFields(t *testing.T) {
	r := newRoad(t, `- {name: a, mock: {template: true, headers: {X-A: '{{.Query.Get "q"}}'}}}`+"\n", map[string]string{})
	resp, _ := r.get(t, "http://a.example/?q=a%0d%0aX-B:%20b%00")
	if got := resp.Header.Get("X-A"); got != "a  X-B: b " || resp.Header.Has("X-B") {
		t.Errorf("%q %v", got, resp.Header)
	}
}

// TestMocksThatCannotBeMade go on to the origin.
func TestMocksThatCannotBeMade(t *testing.T) {
	tests := map[string]struct{ mock, reason string }{
		"file is gone":   {"{file: gone.txt}", "gone.txt"},
		"template fails": {`{template: true, body: '{{index .Query "a" 5}}'}`, "out of range"},
		"too much":       {`{template: true, body: '{{$a := "0123456789"}}{{range $i := slice "0123456789012345678901234567890"}}{{$a = print $a $a}}{{end}}'}`, "range can't iterate"},
		"doubled texts":  {`{template: true, body: '{{$a := "0123456789"}}{{range 40}}{{$a = print $a $a}}{{end}}'}`, "more than 8 MiB"},
		"endless loop":   {`{template: true, body: '{{range 3000000000}}{{end}}'}`, "100,000 steps"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, "- {name: a, mock: "+test.mock+"}\n", map[string]string{"gone.txt": ""})
			if err := os.Remove(filepath.Join(r.dir, "gone.txt")); err != nil {
				t.Fatal(err)
			}
			_, body := r.get(t, "http://a.example/")
			if log := r.log.String(); body != "from the origin" || !strings.Contains(log, test.reason) || !strings.Contains(log, "rules.yaml:3:3") {
				t.Errorf("%q, told %s", body, log)
			}
		})
	}
}

func TestEventsComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad(t, `- {name: a, mock: {delay: 1s, template: true, sse: [{event: tick, id: 7, data: "{{.Method}}\r\ntwo"}, {after: 2s, data: ""}]}}`+"\n", map[string]string{})
		start := time.Now()
		resp, err := r.ask(t.Context(), request(t, "GET", "http://a.example/"))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("the head came after %v", took)
		}
		if got, want := readAll(resp), "event: tick\nid: 7\ndata: GET\ndata: two\n\ndata: \n\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("the end came after %v", took)
		}
		if resp.Length != -1 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("length %d, %v", resp.Length, resp.Header)
		}
	})
}

func TestAStreamEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad(t, `- {name: a, mock: {sse: [{after: 1h, data: x}]}}`+"\n", map[string]string{})
		ctx, leave := context.WithCancel(t.Context())
		resp, err := r.ask(ctx, request(t, "GET", "http://a.example/"))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, leave)
		if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestBlocks(t *testing.T) {
	for block, end := range map[string]traffic.End{"{close: true}": traffic.EndClose, "{reset: true}": traffic.EndReset} {
		r := newRoad(t, "- {name: a, block: "+block+"}\n", map[string]string{})
		_, err := r.ask(t.Context(), request(t, "GET", "http://a.example/"))
		wantFailure(t, err, traffic.FailFault, `blocked by rule "a"`)
		if f, ok := errors.AsType[*traffic.Failure](err); !ok || f.End != end {
			t.Errorf("%s: %+v", block, f)
		}
	}
	r := newRoad(t, "- {name: a, block: {status: 451}}\n", map[string]string{})
	resp, body := r.get(t, "http://a.example/")
	if resp.Status != 451 || resp.Reason != "Unavailable For Legal Reasons" || body != "" || resp.Header.Get("Content-Length") != "0" {
		t.Errorf("%d %s %q", resp.Status, resp.Reason, body)
	}
}

// site is what map_local is tested with.
func site(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"site/index.html": "<home>", "site/a b.txt": "0123456789", "site/sub/index.html": "<sub>",
		"secret.txt": "secret", "site/empty/.keep": "",
	}
}

func TestFilesAreServed(t *testing.T) {
	tests := map[string]struct {
		target string
		fields traffic.Fields
		status int
		header string // one field
		body   string
	}{
		"index":               {"/s/", nil, 200, "Content-Type: text/html; charset=utf-8", "<home>"},
		"a name in code":      {"/s/a%20b.txt", nil, 200, "Accept-Ranges: bytes", "0123456789"},
		"a folder":            {"/s/sub/?q", nil, 200, "Content-Length: 5", "<sub>"},
		"a folder, no slash":  {"/s/sub?q=1", nil, 302, "Location: /s/sub/?q=1", "/s/sub/?q=1\n"},
		"the folder itself":   {"/s", nil, 302, "Location: /s/", "/s/\n"},
		"no index":            {"/s/empty/", nil, 404, "", "there is no such file\n"},
		"not there":           {"/s/none", nil, 404, "", "there is no such file\n"},
		"a file, and a slash": {"/s/a%20b.txt/", nil, 404, "", "there is no such file\n"},
		"another path":        {"/stuff", nil, 404, "", "there is no such file\n"},
		"a range":             {"/s/a%20b.txt", traffic.Fields{field("Range", "bytes=2-4")}, 206, "Content-Range: bytes 2-4/10", "234"},
		"the end":             {"/s/a%20b.txt", traffic.Fields{field("Range", "bytes=-3")}, 206, "Content-Length: 3", "789"},
		"beyond the end":      {"/s/a%20b.txt", traffic.Fields{field("Range", "bytes=20-")}, 416, "Content-Range: bytes */10", "invalid range: failed to overlap\n"},
		"dots":                {"/s/../secret.txt", nil, 404, "", "there is no such file\n"},
		"dots in code":        {"/s/%2e%2e/secret.txt", nil, 404, "", "there is no such file\n"},
		"a slash in code":     {"/s/..%2fsecret.txt", nil, 404, "", "there is no such file\n"},
		"a zero byte":         {"/s/a%00", nil, 404, "", "there is no such file\n"},
		"bad code":            {"/s/%zz", nil, 404, "", "there is no such file\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, "- {name: a, map_local: {path: site, strip: /s/}}\n", site(t))
			resp, body := r.get(t, "http://a.example"+test.target, test.fields...)
			field, value, _ := strings.Cut(test.header, ": ")
			if resp.Status != test.status || body != test.body || resp.Header.Get(field) != value {
				t.Errorf("%d %q %v", resp.Status, body, resp.Header)
			}
			if resp.Length >= 0 && resp.Length != int64(len(body)) || r.sent != nil {
				t.Errorf("length %d", resp.Length)
			}
		})
	}
}

func TestFilesThatTheClientHas(t *testing.T) {
	r := newRoad(t, "- {name: a, map_local: {path: site/index.html}}\n", site(t))
	first, _ := r.get(t, "http://a.example/any/path")
	for _, f := range []traffic.Field{
		field("If-None-Match", first.Header.Get("ETag")), field("If-Modified-Since", first.Header.Get("Last-Modified")),
	} {
		resp, body := r.get(t, "http://a.example/", f)
		if resp.Status != 304 || body != "" || resp.Length != 0 || f.Value == "" {
			t.Errorf("%s %q: %d %q of %d", f.Name, f.Value, resp.Status, body, resp.Length)
		}
	}
	resp, body := r.do(t, request(t, "HEAD", "http://a.example/"))
	if resp.Status != 200 || body != "" || resp.Header.Get("Content-Length") != "6" {
		t.Errorf("HEAD: %d %q %v", resp.Status, body, resp.Header)
	}
	resp, _ = r.do(t, post(t, "x"))
	if resp.Status != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", resp.Status, resp.Header)
	}
}

// TestAnswersSayTheirOwnLength, whatever fields were copied into the file.
func TestAnswersSayTheirOwnLength(t *testing.T) {
	const fields = "headers: {Transfer-Encoding: chunked, Content-Length: '999', Trailer: X, X-A: a}"
	r := newRoad(t, "- {name: text, match: {path: /text}, mock: {body: hello, "+fields+"}}\n"+
		"- {name: stream, mock: {sse: [{data: a}], "+fields+"}}\n", map[string]string{})
	for path, want := range map[string]traffic.Fields{
		"/text":   {field("X-A", "a"), field("Content-Type", "text/plain; charset=utf-8"), field("Content-Length", "5")},
		"/stream": {field("X-A", "a"), field("Content-Type", "text/event-stream"), field("Cache-Control", "no-store")},
	} {
		resp, _ := r.get(t, "http://a.example"+path)
		if !slices.Equal(want, resp.Header) {
			t.Errorf("%s: got %v, want %v", path, resp.Header, want)
		}
	}
}

// TestLinksDoNotLeadOut of the folder that is served, not even to what is beside
// the rules file.
func TestLinksDoNotLeadOut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights")
	}
	r := newRoad(t, "- {name: a, map_local: {path: site}}\n", site(t))
	for name, target := range map[string]string{
		"beside": "../secret.txt", "up": "../..", "absolute": filepath.Join(r.dir, "secret.txt"), "inside": "sub/index.html",
	} {
		if err := os.Symlink(target, filepath.Join(r.dir, "site", name)); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for _, name := range []string{"beside", "up/etc/passwd", "absolute", "inside"} {
		_, got[name] = r.get(t, "http://a.example/"+name)
	}
	const refused = "the file cannot be read\n"
	want := map[string]string{"beside": refused, "up/etc/passwd": refused, "absolute": refused, "inside": "<sub>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestNothingButFilesIsOpened: opening a folder fails, opening a named pipe would
// wait for ever.
func TestNothingButFilesIsOpened(t *testing.T) {
	r := newRoad(t, "- {name: a, mock: {file: sub}}\n- {name: b, map_local: {path: pipe}}\n", map[string]string{"sub": "", "pipe": ""})
	sub := filepath.Join(r.dir, "sub")
	if err := errors.Join(os.Remove(sub), os.Mkdir(sub, 0o700)); err != nil {
		t.Fatal(err)
	}
	makePipe(t, filepath.Join(r.dir, "pipe"))
	resp, body := r.get(t, "http://a.example/")
	if resp.Status != 403 || body != "the file cannot be read\n" {
		t.Errorf("%d %q", resp.Status, body)
	}
	if log := r.log.String(); !strings.Contains(log, "not a regular file") {
		t.Errorf("told %s", log)
	}
}

func FuzzMapLocal(f *testing.F) {
	for _, path := range []string{"/", "/..", "/%2e%2e/secret.txt", `/..\secret.txt`, "/a//b", "/%00", "/C:/x"} {
		f.Add(path)
	}
	r := newRoad(f, "- {name: a, map_local: {path: site, strip: /s}}\n", map[string]string{"site/index.html": "public", "secret.txt": "secret"})
	f.Fuzz(func(t *testing.T, path string) {
		req := request(t, "GET", "http://a.example/")
		req.URL.Target = path
		resp, body := r.do(t, req)
		if strings.Contains(body, "secret") && !strings.Contains(path, "secret") || resp.Status == 200 && body != "public" {
			t.Errorf("%q: %d %q", path, resp.Status, body)
		}
	})
}

func TestTemplatesAreCheckedAtLoad(t *testing.T) {
	for text, want := range map[string]string{
		`mock: {template: true, body: "{{.Method"}`:                  `rules.yaml:3:44: rule "a": template:1: unclosed action`,
		`mock: {template: true, headers: {X: "{{none 1}}"}}`:         `rules.yaml:3:47: rule "a": template:1: function "none" not defined`,
		`mock: {template: true, json: {a: ["{{if}}"]}}`:              `rules.yaml:3:44: rule "a": template:1: missing value for if`,
		`mock: {template: true, sse: [{data: "{{end}}"}]}`:           `rules.yaml:3:43: rule "a": template:1: unexpected {{end}}`,
		`mock: {template: true, file: bad.txt}`:                      `rules.yaml:3:44: rule "a": template:1: unclosed action`,
		`tag: "{{"`:                                                  `rules.yaml:3:20: rule "a": template:1: unclosed action`,
		`modify: {request: {body: {json: {set: {"": 1}}}}}`:          `rules.yaml:3:53: rule "a": path "": path cannot be empty`,
		`modify: {response: {body: {json: {remove: "a.99999999"}}}}`: `rules.yaml:3:57: rule "a": path "a.99999999": an index is at most 10000`,
	} {
		dir := t.TempDir()
		write(t, dir, "bad.txt", "{{")
		path := write(t, dir, "rules.yaml", "version: 1\nrules:\n  - {name: a, "+text+"}\n")
		_, err := Load(path)
		if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), dir+string(filepath.Separator)), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}
