package main

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// heldRequest returns a hit with a request.
func heldRequest(t testing.TB, body string, fields ...traffic.Field) *traffic.Hit {
	t.Helper()
	u, err := traffic.ParseURL("https://api.test/orders?a=1")
	if err != nil {
		t.Fatal(err)
	}
	hit := &traffic.Hit{
		ID: 3, Breakpoint: "b", Phase: traffic.PhaseRequest,
		Request: &traffic.Request{Method: "POST", Target: u.Target, URL: u, Header: fields},
	}
	if body != "" {
		hit.RequestBody = traffic.BodyOf([]byte(body))
	}
	return hit
}

func heldResponse(t testing.TB, body string, fields ...traffic.Field) *traffic.Hit {
	t.Helper()
	hit := heldRequest(t, "")
	hit.Phase = traffic.PhaseResponse
	hit.Response = &traffic.Response{Status: 503, Reason: "Busy today", Header: fields}
	hit.ResponseBody = traffic.BodyOf([]byte(body))
	return hit
}

func heldMessage(t testing.TB, opcode traffic.Opcode, payload string) *traffic.Hit {
	t.Helper()
	hit := heldRequest(t, "")
	hit.Phase = traffic.PhaseFrame
	hit.Frame = &traffic.Frame{Opcode: opcode, Payload: []byte(payload)}
	return hit
}

func header(name, value string) traffic.Field { return traffic.Field{Name: name, Value: value} }

func zipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHitsAsText(t *testing.T) {
	tests := map[string]struct {
		hit  *traffic.Hit
		want string
	}{
		"request": {
			heldRequest(t, `{"a":1}`, header("Host", "api.test"), header("X-A", "1"), header("x-a", "2"), header("Content-Length", "7")),
			"# hello\nPOST https://api.test/orders?a=1 HTTP/1.1\nHost: api.test\nX-A: 1\nx-a: 2\n\n{\"a\":1}",
		},
		"response": {
			heldResponse(t, "sorry\n", header("Content-Type", "text/plain")),
			"# hello\nHTTP/1.1 503 Busy today\nContent-Type: text/plain\n\nsorry\n",
		},
		"coded": {
			heldResponse(t, zipped(t, "plain"), header("Content-Encoding", "gzip")),
			"# hello\nHTTP/1.1 503 Busy today\nContent-Encoding: gzip\n\nplain",
		},
		"coded in a way nobody knows": {
			heldResponse(t, "?", header("Content-Encoding", "snappy")),
			"# hello\n# The body cannot be edited: unknown content coding: \"snappy\"\nHTTP/1.1 503 Busy today\nContent-Encoding: snappy\n",
		},
		"binary": {
			heldResponse(t, "\x00\xff"),
			"# hello\n# The content is in base64.\nHTTP/1.1 503 Busy today\n\nAP8=\n",
		},
		"message": {heldMessage(t, traffic.OpText, "# no comment\n"), "# hello\n\n# no comment\n"},
		"binary message": {
			heldMessage(t, traffic.OpBinary, strings.Repeat("\x01", 60)),
			"# hello\n# The content is in base64.\n\n" + strings.Repeat("AQEB", 19) + "\n" + "AQEB\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, string(newHitText(test.hit).render("hello"))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTextThatIsNotEditedChangesNothing(t *testing.T) {
	hits := map[string]*traffic.Hit{
		"request":        heldRequest(t, `{"a":1}`, header("Host", "api.test"), header("X-A", "1"), header("X-A", "2"), header("Empty", "")),
		"no body":        heldRequest(t, ""),
		"ends with line": heldRequest(t, "a\n\n"),
		"windows lines":  heldRequest(t, "a\r\nb\r\n"),
		"binary":         heldResponse(t, "\x00\xff\r\n"),
		"coded":          heldResponse(t, zipped(t, "plain"), header("Content-Encoding", "gzip")),
		"unknown coding": heldResponse(t, "?", header("Content-Encoding", "snappy")),
		"message":        heldMessage(t, traffic.OpText, "# no comment\n\n"),
		"empty message":  heldMessage(t, traffic.OpText, ""),
		"binary message": heldMessage(t, traffic.OpBinary, "\x00\x01"),
	}
	for name, hit := range hits {
		t.Run(name, func(t *testing.T) {
			text := newHitText(hit)
			rendered := text.render("a comment", "another")
			for _, end := range []string{"", "\n"} { // editors end the last line
				if end != "" && bytes.HasSuffix(text.content, []byte("\n")) && !text.base64 {
					continue
				}
				r, err := text.resume(append(bytes.Clone(rendered), end...))
				if err != nil {
					t.Fatal(err)
				}
				want := traffic.Resume{Action: traffic.ResumeContinue}
				switch hit.Phase {
				case traffic.PhaseRequest:
					want.Request = new(traffic.Edit)
				case traffic.PhaseResponse:
					want.Response = new(traffic.Edit)
				case traffic.PhaseFrame: // nothing of it is changed
				}
				if diff := cmp.Diff(want, r); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

func TestEditedTexts(t *testing.T) {
	tests := map[string]struct {
		hit  *traffic.Hit
		text string
		want traffic.Resume
	}{
		"request": {
			heldRequest(t, "old", header("Host", "api.test"), header("X-Old", "1"), header("X-Kept", "1")),
			"# any\n#\n\nPUT https://other.test/ HTTP/1.1\nHost: api.test\nx-kept: 1\nX-New: a\nX-New: b\n\nnew\n",
			traffic.Resume{Request: &traffic.Edit{
				Method: "PUT", URL: "https://other.test/", Set: traffic.Fields{{Name: "X-New", Value: "a"}, {Name: "X-New", Value: "b"}},
				Remove: []string{"X-Old"}, Body: []byte("new"), HasBody: true,
			}},
		},
		"request line alone": {heldRequest(t, ""), "GET https://api.test/orders?a=1", traffic.Resume{Request: &traffic.Edit{Method: "GET"}}},
		"body taken out": {
			heldRequest(t, "old"), "POST https://api.test/orders?a=1 HTTP/1.1\n\n",
			traffic.Resume{Request: &traffic.Edit{Body: []byte{}, HasBody: true}},
		},
		"response": {
			heldResponse(t, "sorry"), "HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nfine",
			traffic.Resume{Response: &traffic.Edit{Status: 200, Set: traffic.Fields{{Name: "X-A", Value: "1"}}, Body: []byte("fine"), HasBody: true}},
		},
		"reason": {
			heldResponse(t, "sorry"), "HTTP/1.1 503 Closed\n\nsorry",
			traffic.Resume{Response: &traffic.Edit{Status: 503, Reason: "Closed"}},
		},
		"binary": {
			heldResponse(t, "\x00\xff"), "HTTP/1.1 503 Busy today\n\nAA ==\n",
			traffic.Resume{Response: &traffic.Edit{Body: []byte{0}, HasBody: true}},
		},
		"message":         {heldMessage(t, traffic.OpText, "old"), "# any\n\nnew\n", traffic.Resume{Payload: []byte("new")}},
		"emptied message": {heldMessage(t, traffic.OpText, "old"), "# any\n\n", traffic.Resume{Payload: []byte{}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.want.Action = traffic.ResumeContinue
			r, err := newHitText(test.hit).resume([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, r, cmp.AllowUnexported(traffic.Field{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMistakesInTexts(t *testing.T) {
	fixed := heldRequest(t, "")
	fixed.Fixed = "body over 8 MiB"
	tests := map[string]struct {
		hit        *traffic.Hit
		text, want string
	}{
		"nothing":          {heldRequest(t, ""), "# only comments\n", "line 1: there is no message"},
		"no method":        {heldRequest(t, ""), "https://api.test/\n", `line 1: "https://api.test/" is not METHOD URL`},
		"relative url":     {heldRequest(t, ""), "# c\nGET /orders HTTP/1.1\n", `line 2: url "/orders": no scheme`},
		"no colon":         {heldRequest(t, ""), "GET https://a.test/\nHost\n", `line 2: "Host" is no header field; an empty line is in front of the content`},
		"no status":        {heldResponse(t, ""), "HTTP/1.1 OK\n", `line 1: "HTTP/1.1 OK" is not HTTP/1.1 STATUS REASON`},
		"no base64":        {heldResponse(t, "\x00"), "HTTP/1.1 503 Busy today\n\n%%\n", "line 3: the content is not base64: illegal base64 data at input byte 0"},
		"body of a long":   {fixed, "POST https://api.test/orders?a=1\n\nnew\n", "line 3: the body cannot be edited: body over 8 MiB"},
		"message's header": {heldMessage(t, traffic.OpText, "x"), "# c\nx\n", `line 2: "x" is no header field; an empty line is in front of the content`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := newHitText(test.hit).resume([]byte(test.text)); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestMockText(t *testing.T) {
	text := newMockText(heldRequest(t, ""))
	r, err := text.mock(text.render("c"))
	want := traffic.Resume{Action: traffic.ResumeMock, Mock: &traffic.Edit{
		Status: 200, Set: traffic.Fields{{Name: "Content-Type", Value: "application/json"}}, Body: []byte("{}\n"), HasBody: true,
	}}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, r, cmp.AllowUnexported(traffic.Field{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := text.mock([]byte("HTTP/1.1 many\n")); err == nil {
		t.Error("an answer without status was taken")
	}
}

// What people write never makes the reader panic.
func FuzzHitText(f *testing.F) {
	f.Add([]byte("# c\nPOST https://api.test/ HTTP/1.1\nA: b\n\nbody\n"))
	f.Add([]byte("\n\nHTTP/1.1 200 OK\r\n\r\n\x00"))
	f.Add([]byte(":\n"))
	hits := []*traffic.Hit{
		heldRequest(f, "old", header("A", "b")), heldResponse(f, "\x00"), heldMessage(f, traffic.OpText, "x"),
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		for _, hit := range hits {
			t := newHitText(hit)
			_, _ = t.resume(text)
			_, _ = t.mock(text)
		}
	})
}
