package replay

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/necto-dev/necto/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fields [][2]string

// MarshalJSON writes no fields as an empty list.
func (fs fields) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([][2]string{}, fs...))
}

func (fs fields) traffic() traffic.Fields {
	var out traffic.Fields
	for _, f := range fs {
		out.Add(f[0], f[1])
	}
	return out
}

// The lines of a recording, in the order and spelling of docs/recording.md.
type (
	httpLine struct {
		Type     string         `json:"type"`
		Seq      int            `json:"seq"`
		ID       int            `json:"id"`
		Conn     int            `json:"conn"`
		At       string         `json:"at"`
		US       int            `json:"us"`
		Client   string         `json:"client"`
		Server   string         `json:"server,omitempty"`
		Request  message        `json:"request"`
		Response *message       `json:"response,omitempty"`
		Timings  map[string]any `json:"timings,omitempty"`
		Error    *failure       `json:"error,omitempty"`
		MS       float64        `json:"ms"`
	}
	message struct {
		Method        string    `json:"method,omitempty"`
		URL           string    `json:"url,omitempty"`
		Status        int       `json:"status,omitempty"`
		Reason        string    `json:"reason,omitempty"`
		Proto         string    `json:"proto"`
		Headers       fields    `json:"headers"`
		Body          *bodyJSON `json:"body,omitempty"`
		Trailers      fields    `json:"trailers,omitempty"`
		Informational []message `json:"informational,omitempty"`
	}
	bodyJSON struct {
		Size      int          `json:"size"`
		Text      *string      `json:"text,omitempty"`
		Base64    []byte       `json:"base64,omitempty"`
		File      string       `json:"file,omitempty"`
		Wire      *wireJSON    `json:"wire,omitempty"`
		Chunks    [][2]float64 `json:"chunks,omitempty"`
		Truncated bool         `json:"truncated,omitempty"`
	}
	wireJSON struct {
		Coding string `json:"coding"`
		Size   int    `json:"size"`
	}
	failure struct {
		Kind string `json:"kind"`
		Side string `json:"side"`
		Text string `json:"text"`
	}
)

// text is a body that is kept as text.
func text(s string) *bodyJSON { return &bodyJSON{Size: len(s), Text: &s} }

// get is a recorded GET of http://h/target that was answered with 200 and text.
func get(target, answer string) httpLine {
	return httpLine{
		Request:  message{Method: "GET", URL: "http://h" + target, Headers: fields{{"Host", "h"}}},
		Response: &message{Status: 200, Reason: "OK", Headers: fields{{"Content-Type", "text/plain"}}, Body: text(answer)},
	}
}

// post is a recorded POST of http://h/ with a body of a type.
func post(contentType string, body *bodyJSON, answer string) httpLine {
	l := get("/", answer)
	l.Request.Method = "POST"
	l.Request.Headers = append(l.Request.Headers, [2]string{"Content-Type", contentType})
	l.Request.Body = body
	return l
}

// at returns the line with another start, in microseconds.
func (l httpLine) at(us int) httpLine {
	l.US = us
	return l
}

// as returns the line with another id and type.
func (l httpLine) as(id int, kind string) httpLine {
	l.ID, l.Type = id, kind
	return l
}

const metaLine = `{"type":"meta","seq":1,"format":"necto-recording","v":1,"session":"01KAHQ2V7M6Q9Z4B8N3T5R1XCD","at":"2026-11-20T23:44:03.000000Z","us":0,"tool":"necto","toolVersion":"0.1.0","mode":"forward","listen":"127.0.0.1:8888","redaction":"REDACTION"}` + "\n"

// write writes a recording and returns its path. Ids and starts that are not
// set count up.
func write(t testing.TB, redaction string, lines ...httpLine) string {
	t.Helper()
	b := bytes.NewBufferString(strings.Replace(metaLine, "REDACTION", redaction, 1))
	for i, l := range lines {
		l.Seq, l.Conn, l.Client, l.At = i+2, 1, "127.0.0.1:50312", "2026-11-20T23:44:03.131877Z"
		if l.Type == "" {
			l.Type = "http"
		}
		if l.ID == 0 {
			l.ID = i + 1
		}
		if l.US == 0 {
			l.US = (i + 1) * 1000
		}
		l.Request.Proto = "HTTP/1.1"
		if l.Response != nil {
			l.Response.Proto = "HTTP/1.1"
		}
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		if err := e.Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads recordings until the end of the test.
func load(t testing.TB, o Options, paths ...string) *Index {
	t.Helper()
	x, err := Load(paths, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// request returns a request as the proxy would make it.
func newRequest(t testing.TB, method, url string, header fields, body string) *traffic.Request {
	t.Helper()
	u, err := traffic.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	req := &traffic.Request{Method: method, Target: url, URL: u, Proto: "HTTP/1.1", Header: header.traffic()}
	if body != "" {
		req.Body, req.Length = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return req
}

// ask returns the response to a request and its content.
func ask(t testing.TB, rt traffic.RoundTripper, req *traffic.Request) (*traffic.Response, string) {
	t.Helper()
	resp, err := rt.RoundTrip(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp, readAll(t, resp)
}

// asked returns the content of the answer to a GET, "501" for a miss.
func asked(t testing.TB, rt traffic.RoundTripper, url string) string {
	t.Helper()
	return answerTo(t, rt, newRequest(t, "GET", url, nil, ""))
}

// answerTo returns the content of the answer, "501" for a miss.
func answerTo(t testing.TB, rt traffic.RoundTripper, req *traffic.Request) string {
	t.Helper()
	resp, body := ask(t, rt, req)
	if resp.Status == 501 {
		return "501"
	}
	return body
}

func readAll(t testing.TB, resp *traffic.Response) string {
	t.Helper()
	if resp.Body == nil {
		return ""
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if resp.Length >= 0 && resp.Length != int64(len(b)) {
		t.Errorf("length %d, content %d", resp.Length, len(b))
	}
	return string(b)
}
