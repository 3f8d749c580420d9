package replay

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMissExplains(t *testing.T) {
	order := post(jsonType, text(`{"item":"a1","amount":3,"password":"{{redacted:password:12345678}}"}`), "ok")
	order.Request.URL = "https://api.example.com/v1/orders?expand=items"
	users := get("/", "ok")
	users.Request.URL = "https://api.example.com/v1/users?page=1&token={{redacted:token:12345678}}"
	other := users
	other.Request.URL = "https://api.example.com/v1/users?page=7&sort=name"
	item := users
	item.Request.URL = "https://api.example.com/v1/users/17"
	x := load(t, Options{}, write(t, "auto", order, users, other, item))
	for name, c := range map[string]struct {
		method, url string
		header      fields
		body        string
	}{
		"json":    {"POST", "https://api.example.com/v1/orders?expand=items", fields{{"Content-Type", jsonType}}, `{"amount":4,"item":"a1","password":"hunter2","tags":["x"]}`},
		"query":   {"GET", "https://api.example.com/v1/users?page=2&token=hunter2", nil, ""},
		"origin":  {"GET", "http://127.0.0.1:8888/v1/users/18", nil, ""},
		"nothing": {"DELETE", "https://api.example.com/other/\x1b[31m?password=hunter2&q=\"<b>\"", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := ask(t, x, newRequest(t, c.method, c.url, c.header, c.body))
			if resp.Status != 501 || resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %v", resp.Status, resp.Header)
			}
			if strings.Contains(body, "hunter2") {
				t.Error("a secret is shown")
			}
			golden(t, filepath.Join("testdata", "miss-"+name+".json"), body)
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestMissDifferences(t *testing.T) {
	for name, c := range map[string]struct {
		redaction string
		recorded  httpLine
		method    string
		url       string
		header    fields
		body      string
		want      []string
	}{
		"method":                 {"off", get("/a", ""), "PUT", "http://h/a", nil, "", []string{"method: recorded GET, got PUT"}},
		"path in the folder":     {"off", get("/api/users", ""), "GET", "http://h/api/user", nil, "", []string{"path: recorded /api/users, got /api/user"}},
		"segment in common":      {"off", get("/v1/users", ""), "GET", "http://h/v2/users", nil, "", []string{"path: recorded /v1/users, got /v2/users"}},
		"identifier in the path": {"off", get("/users/1/posts", ""), "GET", "http://h/users/2/posts", nil, "", []string{"path: recorded /users/1/posts, got /users/2/posts"}},
		"query names":            {"off", get("/a?x=1&y=", ""), "GET", "http://h/a?z=3", nil, "", []string{"query.x: recorded 1, got none", `query.y: recorded "", got none`, "query.z: recorded none, got 3"}},
		"query order":            {"off", get("/a?x=1&x=2", ""), "GET", "http://h/a?x=2&x=1", nil, "", []string{"query.x: recorded 1, 2, got 2, 1"}},
		"secret missing":         {"auto", get("/a?token=t", ""), "GET", "http://h/a", nil, "", []string{"query.token: recorded a value, got none"}},
		"secret added":           {"auto", get("/a", ""), "GET", "http://h/a?token=t", nil, "", []string{"query.token: recorded none, got a value"}},
		"secret, not redacted":   {"off", get("/a?token=t", ""), "GET", "http://h/a?token=u", nil, "", []string{"query.token: recorded a value, got another"}},
		"form":                   {"off", post(formType, text("a=1&b=2"), ""), "POST", "http://h/", fields{{"Content-Type", formType}}, "a=2&b=2", []string{"form.a: recorded 1, got 2"}},
		"json types":             {"off", post(jsonType, text(`{"a":1,"b":{},"c":[],"d":null}`), ""), "POST", "http://h/", fields{{"Content-Type", jsonType}}, `{"a":"1","b":[],"c":true}`, []string{`json.a: recorded 1, got "1"`, "json.b: recorded an object, got an array", "json.c: recorded an array, got true", "json.d: recorded null, got none"}},
		"json array":             {"off", post(jsonType, text(`{"items":[{"id":1},2]}`), ""), "POST", "http://h/", fields{{"Content-Type", jsonType}}, `{"items":[{"id":2}]}`, []string{"json.items.0.id: recorded 1, got 2", "json.items.1: recorded 2, got none"}},
		"json below a secret":    {"auto", post(jsonType, text(`{"token":{"v":"a"},"password":"p"}`), ""), "POST", "http://h/", fields{{"Content-Type", jsonType}}, `{"token":{"v":"b"},"password":"q"}`, []string{"json.token.v: recorded a value, got another"}},
		"large integers":         {"off", post(jsonType, text(`[9007199254740992]`), ""), "POST", "http://h/", fields{{"Content-Type", jsonType}}, `[9007199254740993]`, []string{"json.0: recorded 9007199254740992, got 9007199254740993"}},
		"plain":                  {"off", post("text/plain", text("abc"), ""), "POST", "http://h/", fields{{"Content-Type", "text/plain"}}, "abcd", []string{"body: recorded 3 bytes, got 4 bytes"}},
		"no body":                {"off", post(jsonType, nil, ""), "POST", "http://h/", fields{{"Content-Type", jsonType}}, "{}", []string{"body: recorded none, got 2 bytes"}},
		"invisible difference":   {"off", post(jsonType, text(`["\ud800"]`), ""), "POST", "http://h/", fields{{"Content-Type", jsonType}}, `["\ud801"]`, []string{"body: recorded 10 bytes, got 10 bytes"}},
		"control characters":     {"off", get("/a?x=%1b[31m", ""), "GET", "http://h/a?x=%0a", nil, "", []string{`query.x: recorded \x1b[31m, got \n`}},
		"many":                   {"off", get("/a?a=1&b=1&c=1&d=1&e=1&f=1&g=1", ""), "GET", "http://h/a", nil, "", []string{"query.a: recorded 1, got none", "query.b: recorded 1, got none", "query.c: recorded 1, got none", "query.d: recorded 1, got none", "query.e: recorded 1, got none", "and 2 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := load(t, Options{}, write(t, c.redaction, c.recorded))
			if got := answerTo(t, x, newRequest(t, c.method, c.url, c.header, c.body)); got != "501" {
				t.Fatalf("got %s", got)
			}
			nearest := x.Misses()[0].Nearest
			if len(nearest) != 1 {
				t.Fatalf("nearest %+v", nearest)
			}
			if diff := cmp.Diff(c.want, nearest[0].Differs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNearestComesFirst(t *testing.T) {
	first := write(t, "off", get("/a?x=1&y=1", ""), get("/a?x=2&y=2", ""), get("/a?x=2&y=3", ""), get("/a?x=3&y=3", ""))
	second := write(t, "off", get("/a?x=2&y=4", ""))
	x := load(t, Options{}, first, second)
	asked(t, x, "http://h/a?x=2&y=5")
	var got []string
	for _, c := range x.Misses()[0].Nearest {
		got = append(got, c.Recording+" "+c.URL)
	}
	if len(got) != 3 {
		t.Fatalf("nearest %q", got)
	}
	for _, c := range got {
		if !strings.Contains(c, "x=2") || !strings.HasPrefix(c, "run.jsonl ") {
			t.Errorf("nearest %q", got)
		}
	}
}

func TestMissIsTold(t *testing.T) {
	var mu sync.Mutex
	var told []Miss
	x := load(t, Options{OnMiss: func(m Miss) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, m)
	}}, write(t, "off", get("/a?x=1", "ok")))
	for i := range maxMisses + 5 {
		asked(t, x, fmt.Sprintf("http://h/a?x=%d", i+2))
	}
	if len(told) != maxMisses+5 || len(x.Misses()) != maxMisses || x.Stats().Missed != maxMisses+5 {
		t.Errorf("told %d, kept %d, counted %d", len(told), len(x.Misses()), x.Stats().Missed)
	}
	if want := "no recorded answer for GET http://h/a?x=2 (nearest: #1 differs in query.x: recorded 1, got 2)"; told[0].String() != want {
		t.Errorf("%s, want %s", told[0], want)
	}
	if got := asked(t, x, "http://h/a?x=1"); got != "ok" {
		t.Errorf("after misses: got %s", got)
	}
}

func TestMissLine(t *testing.T) {
	for want, m := range map[string]Miss{
		"no recorded answer for GET http://h/ (nothing like it was recorded)": {Method: "GET", URL: "http://h/"},
		"no recorded answer for GET http://h/: because":                       {Method: "GET", URL: "http://h/", Reason: "because", Nearest: []Candidate{{ID: 1}}},
		"no recorded answer for GET http://h/ (nearest: b.jsonl#7)":           {Method: "GET", URL: "http://h/", Nearest: []Candidate{{ID: 7, Recording: "b.jsonl"}}},
	} {
		if m.String() != want {
			t.Errorf("%s, want %s", m, want)
		}
	}
}

func TestMissOfHeadHasNoBody(t *testing.T) {
	x := load(t, Options{}, write(t, "off"))
	resp, body := ask(t, x, newRequest(t, "HEAD", "http://h/", nil, ""))
	if resp.Status != 501 || resp.Body != nil || resp.Length != 0 || body != "" {
		t.Errorf("%+v", resp)
	}
}

func TestMissOfLongURL(t *testing.T) {
	x := load(t, Options{}, write(t, "off", get("/", "ok")))
	_, body := ask(t, x, newRequest(t, "GET", "http://h/"+strings.Repeat("a", 64<<10), nil, ""))
	if len(body) > 16<<10 || !json.Valid([]byte(body)) {
		t.Errorf("%d bytes of problem", len(body))
	}
}
