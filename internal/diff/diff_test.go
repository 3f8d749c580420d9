package diff_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/diff"
	"github.com/necto-dev/necto/record"
)

const meta = `{"type":"meta","seq":1,"format":"necto-recording","v":1,"session":"01KAHQ2V7M6Q9Z4B8N3T5R1XCD",` +
	`"at":"2026-11-20T23:44:03.000000Z","us":0,"tool":"necto"}`

// exchange returns an http line.
func exchange(id int, method, url, requestBody, status, header, body string) string {
	if requestBody != "" {
		requestBody = `,"body":{"size":1,"text":` + quoted(requestBody) + `}`
	}
	return fmt.Sprintf(`{"type":"http","seq":%d,"id":%d,"conn":1,"at":"2026-11-20T23:44:%02d.000000Z","us":1,"client":"127.0.0.1:1",`+
		`"request":{"method":%q,"url":%q,"proto":"HTTP/1.1","headers":[]%s},`+
		`"response":{"status":%s,"reason":"","proto":"HTTP/1.1","headers":%s,"body":{"size":1,"text":%s}},"ms":1}`,
		id+1, id, id, method, url, requestBody, status, header, quoted(body))
}

func get(id int, url, body string) string {
	return exchange(id, "GET", url, "", "200", "[]", body)
}

func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // no string fails
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

// compare returns a line for each exchange that differs and for each change of it.
func compare(t *testing.T, a, b *record.File, o diff.Options) ([]string, diff.Summary) {
	t.Helper()
	var got []string
	summary, err := diff.Compare(a, b, o, func(x *diff.Exchange) error {
		if x.Kind != diff.Same {
			got = append(got, fmt.Sprintf("%s %s %s %d %d", x.Kind, x.Method, x.URL, x.A, x.B))
		}
		for _, c := range x.Changes {
			from, _ := json.Marshal(c.From)
			to, _ := json.Marshal(c.To)
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", c.Kind, c.Path, from, to, c.Shape)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, summary
}

func TestExchangesAreAlignedByKeyAndOrder(t *testing.T) {
	a := open(t,
		get(1, "http://a.test/users", "one"), get(2, "http://a.test/old", ""), get(3, "http://a.test/users", "two"),
		get(4, "http://a.test/orders/6f1e4b6e-6f0a-4c1e-9d9b-0d6d8a4c2b11?ts=1763680000", ""))
	b := open(t,
		get(1, "http://a.test/new", ""), get(2, "http://a.test/users", "one"), get(3, "http://a.test/users", "three"),
		get(4, "http://a.test/users", "four"),
		get(5, "http://a.test/orders/0b5e5a32-13c1-4a4e-8c39-f3f2b1a80f55?ts=1763690000", ""))
	got, summary := compare(t, a, b, diff.Options{})
	want := []string{
		"removed GET http://a.test/old 2 0",
		"changed GET http://a.test/users 3 3",
		`changed /response/body/0 "two" "three"`,
		"volatile GET http://a.test/orders/6f1e4b6e-6f0a-4c1e-9d9b-0d6d8a4c2b11?ts=1763680000 4 5",
		`changed /request/url "http://a.test/orders/6f1e4b6e-6f0a-4c1e-9d9b-0d6d8a4c2b11?ts=1763680000" ` +
			`"http://a.test/orders/0b5e5a32-13c1-4a4e-8c39-f3f2b1a80f55?ts=1763690000" uuid`,
		"added GET http://a.test/new 0 1",
		"added GET http://a.test/users 0 4",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if want := (diff.Summary{Same: 1, Volatile: 1, Changed: 1, Added: 2, Removed: 1}); summary != want {
		t.Errorf("summary %+v, want %+v", summary, want)
	}
}

func TestContent(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want []string
	}{
		"json member": {
			`{"user":{"name":"Ada","a/b~c":1}}`, `{"user":{"name":"Grace","a/b~c":2}}`,
			[]string{`changed /response/body/user/a~1b~0c 1 2`, `changed /response/body/user/name "Ada" "Grace"`},
		},
		"json key order and spacing": {`{"a":1,"b":[1.0]}`, "{\"b\": [1],\n\"a\":1}", nil},
		"integers beyond a float":    {`[9007199254740993]`, `[9007199254740992]`, []string{`changed /response/body/0 9007199254740993 9007199254740992`}},
		"json of another type":       {`{"a":{}}`, `{"a":[]}`, []string{`changed /response/body/a {} []`}},
		"null is not absent":         {`{"a":null}`, `{}`, []string{`removed /response/body/a null null`}},
		"element put in":             {`[{"n":1},{"n":2}]`, `[{"n":0},{"n":1},{"n":2}]`, []string{`added /response/body/0 null {"n":0}`}},
		"element taken out":          {`["a","b","c"]`, `["a","c"]`, []string{`removed /response/body/1 "b" null`}},
		"line put in":                {"a\nb\n", "a\nx\nb\n", []string{`added /response/body/1 null "x"`}},
		"line changed":               {"a\nb\nc", "a\nx\nc", []string{`changed /response/body/1 "b" "x"`}},
		"volatile number beside text": {
			`{"id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","at":1763680000123,"n":1}`,
			`{"id":"550e8400-e29b-41d4-a716-446655440000","at":1763690000999,"n":2}`,
			[]string{
				`changed /response/body/at 1763680000123 1763690000999 timestamp`,
				`changed /response/body/id "7c9e6679-7425-40de-944b-e07fc1f90ae7" "550e8400-e29b-41d4-a716-446655440000" uuid`,
				`changed /response/body/n 1 2`,
			},
		},
		"json and text": {`{"a":1}`, "oops", []string{`changed /response/body/0 "{\"a\":1}" "oops"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := compare(t, open(t, get(1, "http://a.test/", test.a)), open(t, get(1, "http://a.test/", test.b)), diff.Options{})
			if len(got) > 0 {
				got = got[1:] // the exchange
			}
			if d := cmp.Diff(test.want, got, cmp.Transformer("none", func(s []string) string { return strings.Join(s, "\n") })); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestShapes(t *testing.T) {
	for shape, pair := range map[string][2]string{
		"uuid":      {"id 7c9e6679-7425-40de-944b-e07fc1f90ae7.", "id 550e8400-e29b-41d4-a716-446655440000."},
		"ulid":      {"01KAHQ2V7M6Q9Z4B8N3T5R1XCD", "01KAHQ2V7M6Q9Z4B8N3T5R1XCE"},
		"time":      {"2026-11-20T23:44:03.131877Z", "2026-11-21T01:02:03+01:00"},
		"date":      {"on 2026-11-20", "on 2026-11-21"},
		"timestamp": {"1763680000", "1763680000123"},
		"hex":       {"9f86d081884c7d65", "60303ae22b998861"},
		"duration":  {"took 12.5ms", "took 1s"},
		"port":      {"http://127.0.0.1:41233/x", "http://127.0.0.1:8888/x"},
		"jwt":       {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIyIn0.Z25p"},
		"secret":    {"{{redacted:token:9f86d081}}", "{{redacted:token:11aa22bb}}"},
		"":          {"at 12 o'clock 2026-11-20", "at 13 o'clock 2026-11-21"},
	} {
		a := open(t, get(1, "http://a.test/", quoted(pair[0])))
		b := open(t, get(1, "http://a.test/", quoted(pair[1])))
		got, summary := compare(t, a, b, diff.Options{})
		if len(got) != 2 || !strings.HasSuffix(got[1], `" `+shape) && shape != "" || summary.Different() != (shape == "") {
			t.Errorf("%q: %q, %+v", shape, got, summary)
		}
		if _, summary = compare(t, a, b, diff.Options{Strict: true}); !summary.Different() {
			t.Errorf("%q: strict finds no difference", shape)
		}
	}
}

func TestNamesThatLookLikeIDs(t *testing.T) {
	for _, pair := range [][2]string{
		{"4111111111111111", "4242424242424242"},
		{"abcdefabcdefabcdef", "fedcbafedcbafedcba"},
		{"/users/1", "/users/2"},
		{"http://api.example.com:8080/", "http://api.example.com:9090/"},
	} {
		_, summary := compare(t, open(t, get(1, "http://a.test/", quoted(pair[0]))),
			open(t, get(1, "http://a.test/", quoted(pair[1]))), diff.Options{})
		if !summary.Different() {
			t.Errorf("%q is taken for volatile", pair)
		}
	}
}

func TestHeadersAndStatus(t *testing.T) {
	a := open(t, exchange(1, "POST", "http://a.test/", `{"n":1}`, "200",
		`[["Date","Fri, 20 Nov 2026 23:44:03 GMT"],["X-A","1"],["Set-Cookie","a=1"],["Set-Cookie","b=2"],["Old","x"],["Content-Length","1"]]`, "x"))
	b := open(t, exchange(1, "POST", "http://a.test/", `{"n":2}`, "500",
		`[["x-a","2"],["date","Fri, 20 Nov 2026 23:45:00 GMT"],["set-cookie","a=1"],["set-cookie","b=3"],["New","y"],["Content-Length","2"]]`, "x"))
	got, _ := compare(t, a, b, diff.Options{})
	want := []string{
		"changed POST http://a.test/ 1 1",
		`changed /request/body/n 1 2`,
		`changed /response/status 200 500`,
		`changed /response/headers/date "Fri, 20 Nov 2026 23:44:03 GMT" "Fri, 20 Nov 2026 23:45:00 GMT" field`,
		`changed /response/headers/x-a "1" "2"`,
		`changed /response/headers/set-cookie ["a=1","b=2"] ["a=1","b=3"]`,
		`removed /response/headers/old "x" null`,
		`changed /response/headers/content-length "1" "2" length`,
		`added /response/headers/new null "y"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestMultipartBoundariesAreVolatile(t *testing.T) {
	header := func(boundary string) string { return `[["Content-Type","multipart/mixed; boundary=` + boundary + `"]]` }
	a := open(t, exchange(1, "GET", "http://a.test/", "", "200", header("one"), "--one\r\n\r\nx\r\n--one--"))
	b := open(t, exchange(1, "GET", "http://a.test/", "", "200", header("other"), "--other\r\n\r\nx\r\n--other--"))
	got, summary := compare(t, a, b, diff.Options{})
	if summary.Volatile != 1 || len(got) != 2 || !strings.HasSuffix(got[1], " boundary") {
		t.Errorf("%q, %+v", got, summary)
	}
}

// socket returns the lines of a conversation; a message begins with > or <.
func socket(code int, messages ...string) []string {
	lines := []string{`{"type":"ws.open","seq":2,"id":1,"conn":1,"at":"2026-11-20T23:44:04.000000Z","us":1,"client":"127.0.0.1:1",` +
		`"request":{"method":"GET","url":"ws://a.test/chat","proto":"HTTP/1.1","headers":[["Sec-WebSocket-Key","x` + fmt.Sprint(code) + `"]]},` +
		`"response":{"status":101,"reason":"","proto":"HTTP/1.1","headers":[]}}`}
	for i, m := range messages {
		dir := "client-to-server"
		if m[0] == '<' {
			dir = "server-to-client"
		}
		lines = append(lines, fmt.Sprintf(`{"type":"ws.frame","seq":3,"id":1,"n":%d,"at":"2026-11-20T23:44:05.000000Z","us":1,`+
			`"dir":%q,"opcode":1,"fin":true,"length":%d,"text":%s}`, i+1, dir, len(m)-1, quoted(m[1:])))
	}
	return append(lines, fmt.Sprintf(`{"type":"ws.close","seq":9,"id":1,"at":"2026-11-20T23:44:09.500000Z","us":1,"code":%d,"reason":"",`+
		`"by":"client","frames":{"client-to-server":1,"server-to-client":1},"ms":1}`, code))
}

func TestConversations(t *testing.T) {
	a := open(t, socket(1000, `>{"join":"a"}`, `<hello`, `<{"n":1}`, `<bye`)...)
	b := open(t, socket(1001, `<hello`, `>{"join":"b"}`, `<extra`, `<{"n":1}`, `<bye`)...)
	got, _ := compare(t, a, b, diff.Options{})
	want := []string{
		"changed GET ws://a.test/chat 1 1",
		`changed /request/headers/sec-websocket-key "x1000" "x1001" field`,
		`changed /messages/client-to-server/0/join "a" "b"`,
		`added /messages/server-to-client/1 null "extra"`,
		`changed /close/code 1000 1001`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPendingAndFailed(t *testing.T) {
	line := func(lineType, failure string) string {
		return `{"type":"` + lineType + `","seq":2,"id":1,"conn":1,"at":"2026-11-20T23:44:04.000000Z","us":1,` +
			`"request":{"method":"GET","url":"http://a.test/","proto":"HTTP/1.1","headers":[]}` + failure + `,"ms":1}`
	}
	failure := `,"error":{"kind":"dns","side":"upstream","text":"no such host"}`
	a := open(t, line("http.pending", ""), line("http", failure))
	b := open(t, get(1, "http://a.test/", ""))
	got, _ := compare(t, a, b, diff.Options{})
	want := []string{
		"changed GET http://a.test/ 1 1",
		`added /response null {"status":200}`,
		`removed /error {"kind":"dns","text":"no such host"} null`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestTheErrorOfVisitIsReturned(t *testing.T) {
	f := open(t, get(1, "http://a.test/", ""))
	stop := errors.New("stop")
	if _, err := diff.Compare(f, f, diff.Options{}, func(*diff.Exchange) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestPrintedValuesCannotMoveTheCursor(t *testing.T) {
	a := open(t, get(1, "http://a.test/\u202e", "a\x1b[2J"))
	b := open(t, get(1, "http://a.test/\u202e", strings.Repeat("b", 500)))
	var out strings.Builder
	p := diff.NewPrinter(&out, false)
	summary, err := diff.Compare(a, b, diff.Options{}, p.Exchange)
	if err != nil || p.Summary(summary) != nil {
		t.Fatal(err)
	}
	want := "~ GET http://a.test/\\u202e  (#1, #1)\n" +
		"    /response/body/0  \"a\\u001b[2J\" -> \"" + strings.Repeat("b", 119) + "…\n1 changed\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

func BenchmarkCompare(b *testing.B) {
	dir := b.TempDir()
	var files [2]*record.File
	for i := range files {
		var text strings.Builder
		text.WriteString(meta + "\n")
		for id := range 2000 {
			text.WriteString(get(id+1, fmt.Sprintf("http://a.test/users/%d", id), fmt.Sprintf(`{"n":%d,"list":[1,2,3]}`, id+i)) + "\n")
		}
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		var err error
		if files[i], err = record.Open(path); err != nil {
			b.Fatal(err)
		}
		defer files[i].Close()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := diff.Compare(files[0], files[1], diff.Options{}, func(*diff.Exchange) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
