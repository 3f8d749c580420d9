package replay

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

func TestIgnored(t *testing.T) {
	const parts = `multipart/form-data; boundary=b`
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	tests := []struct {
		name     string
		ignore   Field
		kind     string // of content; "" for a query
		recorded string
		equal    []string
		other    []string
	}{
		{"query", Field{Query: "ts"}, "", "a=1&ts=1", []string{"a=1&ts=2", "ts=3&a=1&ts=4", "a=1"}, []string{"a=2&ts=1", "ts=1"}},
		{"query of nothing else", Field{Query: "ts"}, "", "ts=1", []string{"ts=2", ""}, []string{"t=1"}},
		{"form", Field{Form: "ts"}, formType, "a=1&ts=1", []string{"ts=2&a=1", "a=1"}, []string{"a=2&ts=1"}},
		{
			"parts",
			Field{Form: "ts"},
			parts, part("ts", "1") + part("a", "1") + "--b--",
			[]string{part("ts", "2") + part("a", "1") + "--b--", part("a", "1") + "--b--"},
			[]string{part("ts", "1") + part("a", "2") + "--b--"},
		},
		{
			"json",
			Field{JSON: "meta.id"},
			jsonType, `{"a":1,"meta":{"id":1}}`,
			[]string{`{"meta":{"id":{"b":[2]}},"a":1}`, `{"a":1,"meta":{}}`},
			[]string{`{"a":1}`, `{"a":1,"meta":{"id":1,"x":1}}`, `{"a":1,"id":1,"meta":{}}`},
		},
		{
			"json in lists",
			Field{JSON: "items.#.at"},
			jsonType, `{"items":[{"n":1,"at":1},{"n":2,"at":1}]}`,
			[]string{`{"items":[{"n":1,"at":7},{"n":2}]}`},
			[]string{`{"items":[{"n":2},{"n":1}]}`, `{"items":[{"n":1}]}`},
		},
		{
			"json elements",
			Field{JSON: "*.1"},
			jsonType, `{"a":["x",1],"b":[2]}`,
			[]string{`{"a":["x",{"y":2}],"b":[2]}`},
			[]string{`{"a":["x"],"b":[2]}`, `{"a":["z",1],"b":[2]}`},
		},
		{
			"json of each line",
			Field{JSON: "at"},
			"application/x-ndjson", "{\"n\":1,\"at\":1}\n{\"n\":2,\"at\":2}",
			[]string{"{\"n\":1}\n{\"n\":2,\"at\":9}"},
			[]string{"{\"n\":1,\"at\":1}"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			recorded := get("/?"+test.recorded, "ok")
			if test.kind != "" {
				recorded = post(test.kind, text(test.recorded), "ok")
			}
			x := load(t, Options{Ignore: []Field{{Query: "unused"}, test.ignore, {Header: "X"}}}, write(t, "off", recorded))
			ask := func(s string) string {
				if test.kind == "" {
					return asked(t, x, "http://h/?"+s)
				}
				return answerTo(t, x, newRequest(t, "POST", "http://h/", fields{{"Content-Type", test.kind}}, s))
			}
			for _, s := range append(test.equal, test.recorded) {
				if got := ask(s); got != "ok" {
					t.Errorf("%s: got %s", s, got)
				}
			}
			for _, s := range test.other {
				if got := ask(s); got != "501" {
					t.Errorf("%s: got %s", s, got)
				}
			}
		})
	}
}

func TestIgnoredIsNotExplained(t *testing.T) {
	recorded := post(jsonType, text(`{"n":1,"meta":{"at":1},"list":[{"at":1}]}`), "ok")
	recorded.Request.URL = "http://h/?ts=1&q=1"
	ignore := []Field{{Query: "ts"}, {JSON: "meta.at"}, {JSON: "list.0.at"}}
	x := load(t, Options{Ignore: ignore}, write(t, "off", recorded))
	ask(t, x, newRequest(t, "POST", "http://h/?ts=2&q=2", fields{{"Content-Type", jsonType}}, `{"n":2,"meta":{"at":2},"list":[{"at":2}]}`))
	got := strings.Join(x.Misses()[0].Nearest[0].Differs, "; ")
	if want := "query.q: recorded 1, got 2; json.n: recorded 1, got 2"; got != want {
		t.Errorf("differs %s, want %s", got, want)
	}
}

func TestIgnoredInMessages(t *testing.T) {
	m := func(s string) wsMessage {
		return wsMessage{opcode: wsframe.OpText, content: []byte(s), size: int64(len(s))}
	}
	tol := &tolerance{}
	tol.ignore([]Field{{JSON: "1.at"}})
	was, _ := m(`42["say",{"text":"hi","at":1}]`).digest(tol)
	if is, _ := m(`42["say",{"at":2,"text":"hi"}]`).digest(tol); is != was {
		t.Error("a message differs in what is ignored")
	}
	if is, _ := m(`42["say",{"at":1,"text":"bye"}]`).digest(tol); is == was {
		t.Error("another message is the same")
	}
}

// TestSecretsOutsideOfStructure records what a redacting writer makes of content
// that is not what it says to be, and asks for it with other secrets.
func TestSecretsOutsideOfStructure(t *testing.T) {
	tests := map[string][2]string{
		jsonType:            {`{"user":"ann", "password":"one",}`, `{"user":"ann", "password":"two",}`},
		"text/plain":        {`login "token": "abc`, `login "token": "defgh`},
		"text/event-stream": {"data: {\"token\":\"a\"}\n\n", "data: {\"token\":\"b\"}\n\n"},
		"":                  {`{"pin_secret":12}`, `{"pin_secret":7}`},
	}
	for contentType, bodies := range tests {
		path := filepath.Join(t.TempDir(), "run.jsonl")
		w := createRecording(t, path, "auto")
		x := exchange(t, "POST", "http://h/", fields{{"Content-Type", contentType}}, bodies[0], 1)
		x.ID = 1
		w.Observe(traffic.RequestStarted{Exchange: x})
		w.Observe(traffic.ExchangeDone{Exchange: x})
		closeRecording(t, w)
		index := load(t, Options{}, path)
		header := fields{{"Content-Type", contentType}}
		for _, body := range bodies {
			if got := answerTo(t, index, newRequest(t, "POST", "http://h/", header, body)); got == "501" {
				t.Errorf("%s: no answer for %s: %v", contentType, body, index.Misses())
			}
		}
		other := strings.NewReplacer("ann", "bob", "login", "logout", "data", "id", "pin", "pan").Replace(bodies[0])
		if got := answerTo(t, index, newRequest(t, "POST", "http://h/", header, other)); got != "501" {
			t.Errorf("%s: %s is answered", contentType, other)
		}
	}
}
