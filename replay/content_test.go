package replay

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/record"
)

const (
	jsonType = "application/json; charset=utf-8"
	formType = "application/x-www-form-urlencoded"
)

// encode applies a content coding.
func encode(t testing.TB, name, s string) string {
	t.Helper()
	var b bytes.Buffer
	e, err := coding.Encode(name, &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(e, s); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func form(boundary, name, content string) string {
	return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"f\"\r\n" +
		"Content-Type: text/plain\r\n\r\n" + content + "\r\n--" + boundary + "--\r\n"
}

func TestBodiesMatch(t *testing.T) {
	zipped := func(size int, s string) *bodyJSON {
		b := text(s)
		b.Wire = &wireJSON{"gzip", size}
		return b
	}
	tooLarge := strings.Repeat(" ", maxStructured) + "{}"
	for name, c := range map[string]struct {
		contentType string
		recorded    *bodyJSON
		header      fields
		live        string
		want        bool
	}{
		"JSON order":              {jsonType, text(`{"a":1,"b":2}`), nil, `{"b":2,"a":1}`, true},
		"JSON value":              {jsonType, text(`{"a":1}`), nil, `{"a":2}`, false},
		"JSON by suffix":          {"application/vnd.api+json", text(`{"a":1,"b":2}`), nil, `{"b":2,"a":1}`, true},
		"JSON of another type":    {"application/xml", text(`{"a":1,"b":2}`), nil, `{"b":2,"a":1}`, false},
		"JSON secret in text":     {"text/plain", text(`{"password":"{{redacted:password:12345678}}"}`), nil, `{"password":"x"}`, true},
		"JSON secret in NDJSON":   {"application/x-ndjson", text("{}\n{\"password\":\"{{redacted:password:12345678}}\"}\n"), nil, "{}\n{\"password\":\"x\"}\n", true},
		"number in text":          {"text/plain", text("1.0"), nil, "1", false},
		"invalid JSON":            {jsonType, text(`{"a":`), nil, `{"a":`, true},
		"invalid JSON, space":     {jsonType, text(`{"a":`), nil, `{ "a":`, false},
		"JSON beyond the limit":   {jsonType, text(tooLarge), nil, tooLarge, true},
		"form order":              {formType, text("a=1&b=2"), nil, "b=2&a=1", true},
		"form spelling":           {formType, text("a=x+y"), nil, "a=x%20y", true},
		"form value":              {formType, text("a=1"), nil, "a=2", false},
		"form secret":             {formType, text("password=%7B%7Bredacted:password:12345678%7D%7D"), nil, "password=x", true},
		"JSON secret":             {jsonType, text(`{"password":"{{redacted:password:12345678}}"}`), nil, `{"password":"x"}`, true},
		"plain":                   {"text/plain", text("hello"), nil, "hello", true},
		"plain differs":           {"text/plain", text("hello"), nil, "hello ", false},
		"none and empty":          {"text/plain", nil, nil, "", true},
		"empty and none":          {"text/plain", text(""), nil, "", true},
		"empty and some":          {"text/plain", text(""), nil, "x", false},
		"gzip and gzip":           {jsonType, zipped(40, `{"a":1}`), fields{{"Content-Encoding", "gzip"}}, encode(t, "gzip", `{"a":1}`), true},
		"gzip and br":             {jsonType, zipped(40, `{"a":1}`), fields{{"Content-Encoding", "br"}}, encode(t, "br", `{"a":1}`), true},
		"gzip and plain":          {jsonType, zipped(40, `{"a":1}`), nil, `{"a":1}`, true},
		"gzip of another":         {jsonType, zipped(40, `{"a":1}`), fields{{"Content-Encoding", "gzip"}}, encode(t, "gzip", `{"a":2}`), false},
		"multipart boundary":      {"multipart/form-data; boundary=one", text(form("one", "a", "x")), fields{{"Content-Type", "multipart/form-data; boundary=two"}}, form("two", "a", "x"), true},
		"multipart content":       {"multipart/form-data; boundary=one", text(form("one", "a", "x")), nil, form("one", "a", "y"), false},
		"multipart name":          {"multipart/form-data; boundary=one", text(form("one", "a", "x")), nil, form("one", "b", "x"), false},
		"multipart secret":        {"multipart/form-data; boundary=one", text(form("one", "password", "{{redacted:password:12345678}}")), nil, form("one", "password", "x"), true},
		"multipart, torn":         {"multipart/form-data; boundary=one", text("--one\r\nx"), nil, "--one\r\nx", true},
		"multipart, torn, other":  {"multipart/form-data; boundary=one", text("--one\r\nx"), nil, "--one\r\ny", false},
		"multipart, no boundary":  {"multipart/form-data", text("x"), nil, "x", true},
		"multipart with epilogue": {"multipart/form-data; boundary=one", text(form("one", "a", "x") + "end"), nil, form("one", "a", "x") + "end", true},
	} {
		t.Run(name, func(t *testing.T) {
			x := load(t, Options{}, write(t, "auto", post(c.contentType, c.recorded, "ok")))
			header := append(fields{}, c.header...)
			if !header.traffic().Has("Content-Type") {
				header = append(header, [2]string{"Content-Type", c.contentType})
			}
			got := answerTo(t, x, newRequest(t, "POST", "http://h/", header, c.live))
			if (got == "ok") != c.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestUndecodableBodiesMatchAsTheyAre(t *testing.T) {
	for _, contentType := range []string{jsonType, formType, "text/plain"} {
		recorded := post(contentType, text("a=1&b=no gzip"), "ok")
		recorded.Request.Headers = append(recorded.Request.Headers, [2]string{"Content-Encoding", "gzip"})
		x := load(t, Options{}, write(t, "off", recorded))
		header := fields{{"Content-Type", contentType}, {"Content-Encoding", "gzip"}}
		if got := answerTo(t, x, newRequest(t, "POST", "http://h/", header, "a=1&b=no gzip")); got != "ok" {
			t.Errorf("%s: got %s", contentType, got)
		}
		if got := answerTo(t, x, newRequest(t, "POST", "http://h/", header, "a=1&b=no gzip!")); got != "501" {
			t.Errorf("%s: got %s for other bytes", contentType, got)
		}
	}
}

func TestBombIsComparedAsItCame(t *testing.T) {
	bomb := encode(t, "gzip", strings.Repeat("\x00", coding.MaxDecoded+1))
	recorded := post("text/plain", &bodyJSON{Size: len(bomb), Base64: []byte(bomb)}, "ok")
	recorded.Request.Headers = append(recorded.Request.Headers, [2]string{"Content-Encoding", "gzip"})
	x := load(t, Options{}, write(t, "off", recorded))
	header := fields{{"Content-Type", "text/plain"}, {"Content-Encoding", "gzip"}}
	if got := answerTo(t, x, newRequest(t, "POST", "http://h/", header, bomb)); got != "ok" {
		t.Errorf("got %s", got)
	}
}

func TestRequestSidecar(t *testing.T) {
	large := strings.Repeat("0123456789", 20_000)
	l := post("text/plain", nil, "ok")
	l.Request.Body = &bodyJSON{Size: len(large), File: nameOf(large)}
	path := write(t, "off", l)
	writeSidecar(t, path, large)
	x := load(t, Options{}, path)
	header := fields{{"Content-Type", "text/plain"}}
	if got := answerTo(t, x, newRequest(t, "POST", "http://h/", header, large)); got != "ok" {
		t.Errorf("got %s", got)
	}
	if got := answerTo(t, x, newRequest(t, "POST", "http://h/", header, large+"x")); got != "501" {
		t.Errorf("got %s for other bytes", got)
	}
}

func TestRequestWhoseContentIsLost(t *testing.T) {
	l := post("text/plain", nil, "lost")
	l.Request.Body = &bodyJSON{Size: 200_000, File: sidecarName} // which nobody wrote
	var told bytes.Buffer
	x := load(t, Options{Log: slog.New(slog.NewTextHandler(&told, nil))}, write(t, "off", l, get("/a", "a")))
	if got := asked(t, x, "http://h/a"); got != "a" {
		t.Errorf("got %s for what is all there", got)
	}
	if got := x.Stats(); got.Exchanges != 1 || got.Failed != 1 {
		t.Errorf("stats %+v", got)
	}
	if !strings.Contains(told.String(), "exchange=1") || !strings.Contains(told.String(), "is missing") {
		t.Errorf("log %q", told.String())
	}
}

func TestSecretsAreTheRecordersSecrets(t *testing.T) {
	// The names that the tests of this package take for secret or open.
	for name, want := range map[string]bool{"password": true, "access_token": true, "token": true, "page": false, "user": false} {
		if record.IsSecret(name) != want {
			t.Errorf("IsSecret(%q) = %v", name, !want)
		}
	}
}
