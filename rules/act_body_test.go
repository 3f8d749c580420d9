package rules

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

func TestBodiesAreEdited(t *testing.T) {
	tests := map[string]struct {
		edit, before, after string
	}{
		"text":           {`{text: new}`, "old", "new"},
		"empty text":     {`{text: ""}`, "old", ""},
		"base64":         {`{base64: AP8=}`, "old", "\x00\xff"},
		"file":           {`{file: new.txt}`, "old", "from a file"},
		"regex":          {`{replace: [{regex: 'v(\d+)', with: 'n$1'}, {regex: n, with: N}]}`, "v1 v22", "N1 N22"},
		"json set":       {`{json: {set: {user.name: Ada, "tags.-1": c, n: 1.50}}}`, `{"user":{"id":1},"tags":["a"]}`, `{"user":{"id":1,"name":"Ada"},"tags":["a","c"],"n":1.50}`},
		"json remove":    {`{json: {remove: [a.b, none]}}`, `{"a":{"b":1,"c":2}}`, `{"a":{"c":2}}`},
		"json merge":     {`{json: {merge: {a: null, b: {c: 1}}}}`, `{"a":1}`, `{"b":{"c":1}}`},
		"json is a list": {`{json: {merge: [1]}}`, `{"a":1}`, `[1]`},
		"json exact":     {`{json: {set: {a: 1}}}`, `{"n":12345678901234567890, "s":"<\u00e9>"}`, `{"n":12345678901234567890, "s":"<\u00e9>","a":1}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, coding := range []string{"", "gzip", "deflate", "br", "zstd", "gzip, br"} {
				rules := "- {name: a, modify: {request: {body: " + test.edit + "}, response: {body: " + test.edit + "}}}\n"
				r := newRoad(t, rules, map[string]string{"new.txt": "from a file"})
				header := traffic.Fields{field("Content-Encoding", coding), field("ETag", `"1"`), field("Content-MD5", "x")}
				raw, err := encode(header, []byte(test.before))
				if err != nil {
					t.Fatal(err)
				}
				r.answering(200, string(raw), header...)
				resp, body := r.do(t, post(t, string(raw), header...))
				checkEdited(t, coding+" request", test.after, r.sent.Header, r.sentBody, r.sent.Length)
				checkEdited(t, coding+" response", test.after, resp.Header, []byte(body), resp.Length)
				if log := r.log.String(); log != "" {
					t.Error(log)
				}
			}
		})
	}
}

func checkEdited(t *testing.T, what, want string, header traffic.Fields, raw []byte, length int64) {
	t.Helper()
	got, err := decode(header, raw)
	if err != nil || string(got) != want {
		t.Errorf("%s: %q, %v, want %q", what, got, err, want)
	}
	if length != int64(len(raw)) {
		t.Errorf("%s: length %d of %d bytes", what, length, len(raw))
	}
	if header.Has("ETag") || header.Has("Content-MD5") {
		t.Errorf("%s: fields that belie the content: %v", what, header)
	}
}

// TestBodiesThatNoRuleCanEdit holds that all else of the rule is not applied
// either, and that the message passes whole.
func TestBodiesThatNoRuleCanEdit(t *testing.T) {
	long := strings.Repeat("x", maxContent+10)
	bomb, err := encode(traffic.Fields{field("Content-Encoding", "gzip")}, bytes.Repeat([]byte("x"), maxContent+1))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		status int
		length int64 // 0 for that of content
		fields traffic.Fields
		body   string
		reason string
	}{
		"too long":        {200, 0, nil, long, "body over 8 MiB"},
		"no length":       {200, -1, nil, long, "body over 8 MiB"},
		"a bomb":          {200, 0, traffic.Fields{field("Content-Encoding", "gzip")}, string(bomb), "too large"},
		"unknown coding":  {200, 0, traffic.Fields{field("Content-Encoding", "compress")}, "x", "unknown content coding"},
		"corrupt coding":  {200, 0, traffic.Fields{field("Content-Encoding", "gzip")}, "x", "corrupt"},
		"no JSON":         {200, 0, nil, "x", "content is no JSON"},
		"nested too deep": {200, 0, nil, strings.Repeat("[", maxContent), "content is no JSON"},
		"a stream":        {200, -1, traffic.Fields{field("Content-Type", "Text/Event-Stream; charset=utf-8")}, "data: 1\n\n", "the body is a stream"},
		"a part of a one": {206, 0, traffic.Fields{field("Content-Range", "bytes 0-0/2")}, "x", "a part of one"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, "- {name: a, modify: {response: {headers: {set: {X-Edited: '1'}}, body: {json: {set: {a: 1}}}}}}\n", map[string]string{})
			r.answer = func(*traffic.Request) *traffic.Response {
				resp := newAnswer(test.status, "", test.fields.Clone(), []byte(test.body))
				if test.length != 0 {
					resp.Length = test.length
				}
				return resp
			}
			resp, body := r.get(t, "http://a.example/")
			if body != test.body || resp.Header.Has("X-Edited") || len(r.applied()) > 0 {
				t.Errorf("%d bytes came, want %d; %v", len(body), len(test.body), resp.Header)
			}
			if log := r.log.String(); !strings.Contains(log, test.reason) || !strings.Contains(log, "rule=a") {
				t.Errorf("told %q, want %q", log, test.reason)
			}
		})
	}
}

func TestUploadsThatAreTooLongPassWhole(t *testing.T) {
	r := newRoad(t, `
  - {name: asks, match: {body: {contains: needle}}, mock: {}}
  - {name: edits, modify: {request: {body: {replace: [{regex: x, with: y}]}}}}
`, map[string]string{})
	long := strings.Repeat("x", maxContent+10)
	r.do(t, post(t, long))
	if string(r.sentBody) != long || len(r.applied()) > 0 {
		t.Errorf("%d bytes arrived, applied %v", len(r.sentBody), r.applied())
	}
	if log := r.log.String(); strings.Count(log, "body over 8 MiB") != 2 {
		t.Errorf("told %s", log)
	}
}

// TestAnswersWithoutContentStaySo covers HEAD and the statuses that have none.
func TestAnswersWithoutContentStaySo(t *testing.T) {
	rule := "- {name: a, modify: {response: {headers: {set: {X-Edited: '1'}}, body: {text: new}}}}\n"
	for _, status := range []int{204, 304} {
		r := newRoad(t, rule, map[string]string{})
		r.answer = func(*traffic.Request) *traffic.Response { return &traffic.Response{Status: status} }
		resp, body := r.get(t, "http://a.example/")
		if body != "" || resp.Length != 0 || resp.Header.Get("X-Edited") != "1" {
			t.Errorf("%d: %q, %v", status, body, resp.Header)
		}
	}
	r := newRoad(t, rule, map[string]string{})
	r.answer = func(*traffic.Request) *traffic.Response {
		return &traffic.Response{Status: 200, Header: traffic.Fields{field("Content-Length", "100"), field("ETag", "1")}}
	}
	resp, body := r.do(t, request(t, "HEAD", "http://a.example/"))
	if body != "" || resp.Header.Has("Content-Length") || resp.Header.Has("ETag") {
		t.Errorf("HEAD: %q, %v", body, resp.Header)
	}
}

func TestAnAnswerGetsContent(t *testing.T) {
	r := newRoad(t, "- {name: a, modify: {response: {status: 200, body: {text: new}}}}\n", map[string]string{})
	r.answer = func(*traffic.Request) *traffic.Response { return &traffic.Response{Status: 204, Reason: "No Content"} }
	resp, body := r.get(t, "http://a.example/")
	if body != "new" || resp.Status != 200 || resp.Reason != "OK" || resp.Length != 3 {
		t.Errorf("%d %s: %q of %d", resp.Status, resp.Reason, body, resp.Length)
	}
}

// trailing is an answer with a trailer, of which nothing is known before its
// content was read.
type trailing struct {
	io.Reader
	resp *traffic.Response
}

func (b *trailing) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		b.resp.Trailer = traffic.Fields{field("X-Sum", "abc")}
	}
	return n, err
}

func (b *trailing) Close() error { return nil }

func TestTrailersStay(t *testing.T) {
	for name, rule := range map[string]string{
		"edited":    "modify: {response: {body: {text: new}}}",
		"asked":     "match: {when: 'body:something'}, modify: {response: {status: 201}}",
		"paced":     "throttle: {down: 1MiB/s}",
		"untouched": "modify: {response: {status: 201}}",
	} {
		r := newRoad(t, "- {name: a, "+rule+"}\n", map[string]string{})
		var answer *traffic.Response
		r.answer = func(*traffic.Request) *traffic.Response {
			answer = &traffic.Response{Status: 200, Length: -1}
			answer.Body = &trailing{strings.NewReader("old"), answer}
			return answer
		}
		resp, _ := r.get(t, "http://a.example/")
		trailer := resp.Trailer
		if name == "untouched" { // the proxy asks the body itself
			trailer = answer.Trailer
		}
		if trailer.Get("X-Sum") != "abc" || resp.Length != -1 {
			t.Errorf("%s: trailer %v, length %d", name, trailer, resp.Length)
		}
	}
}

// TestBodiesAreClosedOnce: an origin connection is given back by Close, which
// must not happen twice.
func TestBodiesAreClosedOnce(t *testing.T) {
	for name, rule := range map[string]string{
		"passed":     "match: {path: /other}, mock: {}",
		"edited":     "modify: {response: {body: {text: new}}}",
		"too long":   "modify: {response: {body: {replace: [{regex: x, with: y}]}}}",
		"broken off": "fault: {cut_after: 1}",
		"paced":      "throttle: {down: 1GiB/s}",
	} {
		r := newRoad(t, "- {name: a, "+rule+"}\n", map[string]string{})
		content := "content"
		if name == "too long" {
			content = strings.Repeat("x", maxContent+1)
		}
		closes := &closeCounter{Reader: strings.NewReader(content)}
		r.answer = func(*traffic.Request) *traffic.Response {
			return &traffic.Response{Status: 200, Length: int64(len(content)), Body: closes}
		}
		r.get(t, "http://a.example/")
		if closes.times != 1 {
			t.Errorf("%s: closed %d times", name, closes.times)
		}
	}
}

// TestTheConnectionOfAHandshakeIsLeftAlone, whatever rules make of the 101: its
// body is what the proxy has to know again.
func TestTheConnectionOfAHandshakeIsLeftAlone(t *testing.T) {
	r := newRoad(t, `
  - {name: slow, throttle: {down: 1KiB/s}}
  - {name: cut, fault: {cut_after: 1}}
  - {name: refuse, match: {path: /refused}, modify: {response: {status: 403, body: {text: no}}}}
`, map[string]string{})
	for path, status := range map[string]int{"/": 101, "/refused": 403} {
		conn := &closeCounter{Reader: strings.NewReader("frames")}
		r.answer = func(*traffic.Request) *traffic.Response {
			return &traffic.Response{Status: 101, Length: -1, Body: conn}
		}
		resp, err := r.ask(t.Context(), request(t, "GET", "http://a.example"+path, field("Upgrade", "websocket")))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Status != status || resp.Body != conn || conn.times != 0 {
			t.Errorf("%s: status %d, body %T, closed %d times", path, resp.Status, resp.Body, conn.times)
		}
	}
}

func FuzzQueryEdit(f *testing.F) {
	f.Add("/?a=1&b=%zz&&c", "a", "x")
	f.Add("*", "b", "")
	f.Fuzz(func(t *testing.T, target, name, value string) {
		u, err := traffic.ParseURL("http://a.example" + target)
		if err != nil {
			t.Skip()
		}
		e := QueryEdit{Set: Map[List[string]]{{Name: name, Value: List[string]{value}}}}
		u.Target = e.apply(u)
		query, _ := u.Query()
		if got := parseQuery(query)[name]; name != "" && (len(got) != 1 || got[0] != value) {
			t.Errorf("%q: %s is %q, want %q", target, name, got, value)
		}
		remove := QueryEdit{Remove: List[string]{name}}
		u.Target = remove.apply(u)
		query, _ = u.Query()
		if _, there := parseQuery(query)[name]; there && name != "" {
			t.Errorf("%q is still in %q", name, query)
		}
	})
}
