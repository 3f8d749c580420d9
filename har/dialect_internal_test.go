package har

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

func TestHTTPVersionInAnySpelling(t *testing.T) {
	for want, spellings := range map[string][]string{
		"HTTP/1.0": {"HTTP/1.0", "http/1.0", "1.0"},
		"HTTP/1.1": {"HTTP/1.1", "http/1.1", "1.1"},
		"http/2.0": {"http/2.0", "HTTP/2", "HTTP/2.0", "h2", "h2c", "2"},
		"h3":       {"h3", "HTTP/3", "h3-29", "h3-Q050", "http/2+quic/46", "quic"},
		"":         {"", "unknown", "ori", "od:", "data", "blob"},
	} {
		for _, s := range spellings {
			if got := httpVersion(s); got != want {
				t.Errorf("%q is %q, want %q", s, got, want)
			}
		}
	}
}

func TestTimeInAnyForm(t *testing.T) {
	second := time.Date(2026, 11, 20, 23, 44, 3, 0, time.UTC)
	micros := second.Add(131877 * time.Microsecond)
	tests := []struct {
		text string
		want time.Time
	}{
		{"2026-11-20T23:44:03.131877Z", micros},
		{"2026-11-21T00:44:03.131877+01:00", micros},
		{"2026-11-21T00:44:03.131877+0100", micros},
		{"2026-11-20T23:44:03.1318770+00:00", micros},
		{"2026-11-20T23:44:03", second},
		{"2026-11-20 23:44:03", second},
		{"2026-11-21 00:44:03+01:00", second},
		{"2026-11-21 00:44:03 +0100", second},
		{"Fri, 20 Nov 2026 23:44:03 GMT", second},
		{"1795218243.131877", micros},
		{"1795218243131.877", micros},
		{"1795218243131", second.Add(131 * time.Millisecond)},
		{"", time.Time{}},
		{"0", time.Time{}},
		{"-1", time.Time{}},
		{"1e300", time.Time{}},
		{"NaN", time.Time{}},
		{"today", time.Time{}},
	}
	for _, test := range tests {
		got, ok := parseTime(test.text)
		if !got.Equal(test.want) || ok == test.want.IsZero() {
			t.Errorf("%q is %v, %v, want %v", test.text, got, ok, test.want)
		}
	}
}

func TestBase64InAnyAlphabet(t *testing.T) {
	for _, s := range []string{"+/8AAQ==", "-_8AAQ==", "+/8AAQ", " +/8A\r\nAQ==\n"} {
		if got, err := decodeBase64([]byte(s)); err != nil || string(got) != "\xfb\xff\x00\x01" {
			t.Errorf("%q is %x, error %v", s, got, err)
		}
	}
	if _, err := decodeBase64([]byte("{}")); err == nil {
		t.Error("what is no base64 is decoded")
	}
}

func TestUnknownMembersStayValid(t *testing.T) {
	document := "{\"log\":{\"entries\":[{\"startedDateTime\":1,\"request\":{\"method\":\"GET\",\"url\":\"a:\"},\"response\":{}," +
		"\"_latin\":\"\xe9\",\"_odd\":[1,],\"_null\":null}]}}"
	r, err := NewReader(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range e.Extra {
		if !json.Valid(m.Value) || m.Name == "_odd" {
			t.Errorf("%s: %s", m.Name, m.Value)
		}
	}
	if len(e.Extra) != 2 || string(e.Extra[0].Value) != "\"\ufffd\"" || len(r.Warnings()) != 2 {
		t.Errorf("members %v, warnings %v", e.Extra, r.Warnings())
	}
}

func TestContentIsLimited(t *testing.T) {
	for size, tooLong := range map[int]bool{9: false, 10: false, 11: true} {
		l := &limited{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("a", size))), left: 10 + 1}
		got, err := io.ReadAll(l)
		if errors.Is(err, errContentTooLong) != tooLong || !tooLong && len(got) != size {
			t.Errorf("%d bytes: %d, error %v", size, len(got), err)
		}
	}
}

func TestChunksOfPollyAreDecoded(t *testing.T) {
	pack := func(w io.WriteCloser, b *bytes.Buffer) []byte {
		if _, err := io.WriteString(w, "content"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var gz, zl, br bytes.Buffer
	tests := []struct {
		coding   string
		wire     []byte
		want     string
		warnings int
	}{
		{"gzip", pack(gzip.NewWriter(&gz), &gz), "content", 0},
		{"deflate", pack(zlib.NewWriter(&zl), &zl), "content", 0},
		{"br", pack(brotli.NewWriter(&br), &br), "content", 0},
		{"identity", []byte("as it is"), "as it is", 0},
		{"", []byte("as it is"), "as it is", 0},
		{"gzip", []byte("not gzip"), "not gzip", 1},
		{"rot13", []byte("pbagrag"), "pbagrag", 1},
	}
	for _, test := range tests {
		raw := rawBody{text: fmt.Appendf(nil, `["%x"]`, test.wire), binary: true}
		wire, ok := pollyChunks(raw)
		if !ok {
			t.Fatalf("%s is not understood", raw.text)
		}
		r := &Reader{}
		response := &Response{Headers: []Pair{{Name: "Content-Encoding", Value: test.coding}}, BodySize: -1}
		response.Content.Body = Body{Data: wire, Base64: true}
		r.cursor(nil).undoCoding(response)
		if got := string(response.Content.Body.Data); got != test.want || len(r.warnings) != test.warnings {
			t.Errorf("%s: %q, warnings %v, want %q", test.coding, got, r.warnings, test.want)
		}
	}
	for _, raw := range []rawBody{
		{text: []byte(`["00"]`)}, {text: []byte(`["zz"]`), binary: true}, {text: []byte(`[1]`), encoding: "base64"}, {encoding: "base64", text: []byte("AAAA")},
	} {
		if _, ok := pollyChunks(raw); ok {
			t.Errorf("%s is taken as chunks", raw.text)
		}
	}
}

func TestMessagesOfAFile(t *testing.T) {
	const whole = `{"type":"send","opcode":1,"data":"a"}` + "\n" + `{"type":"receive","opcode":1,"data":"b"}` + "\n"
	lost := errors.New("lost")
	tests := []struct {
		name string
		in   io.Reader
		want string
		err  error
	}{
		{"whole", strings.NewReader(whole), "ab", nil},
		{"cut", strings.NewReader(whole + `{"type":"se`), "ab", nil},
		{"lost between messages", io.MultiReader(strings.NewReader(whole), iotest.ErrReader(lost)), "ab", lost},
		{"lost within a message", io.MultiReader(strings.NewReader(whole+"{"), iotest.ErrReader(lost)), "ab", lost},
		{"not there", nil, "", lost},
	}
	for _, test := range tests {
		got := ""
		var err error
		for m, e := range lines(func() (io.ReadCloser, error) {
			if test.in == nil {
				return nil, lost
			}
			return io.NopCloser(test.in), nil
		}) {
			if err = e; e == nil {
				got += string(m.Body.Data)
			}
		}
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %q, error %v", test.name, got, err)
		}
	}
	for range lines(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(whole)), nil }) {
		break // must not call on
	}
}
