package har_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/har"
)

// dialects is where there is a small HAR of each tool, and beside it what the
// reader makes of it.
var dialects = filepath.Join("..", "testdata", "har", "dialects")

func TestReadDialects(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(dialects, "*.har"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	paths = append(paths, filepath.Join(dialects, "playwright", "har.har"), filepath.Join("..", "testdata", "har", "playwright.har"))
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".har"), func(t *testing.T) {
			got := summary(t, path)
			golden := strings.TrimSuffix(path, ".har") + ".golden"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(readFile(t, golden)), got); diff != "" {
				t.Errorf("differs from %s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

// summary says what the reader makes of a file.
func summary(t *testing.T, path string) string {
	t.Helper()
	r, err := har.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, warnings := readAll(t, r)
	var b strings.Builder
	l := r.Log()
	fmt.Fprintf(&b, "by %q %q, browser %q, %d bytes of pages\n", l.Creator.Name, l.Creator.Version, l.Browser.Name, len(l.Pages))
	for _, e := range all {
		summarize(t, &b, e)
	}
	for _, w := range warnings {
		fmt.Fprintf(&b, "\nwarning: %s", w)
	}
	return strings.TrimSpace(b.String()) + "\n"
}

func summarize(t *testing.T, b *strings.Builder, e *har.Entry) {
	t.Helper()
	q, s := &e.Request, &e.Response
	fmt.Fprintf(b, "\n%s %gms %g\n", e.Started.Format(time.RFC3339Nano), e.Time,
		[]float64{e.Timings.Blocked, e.Timings.DNS, e.Timings.Connect, e.Timings.SSL, e.Timings.Send, e.Timings.Wait, e.Timings.Receive})
	fmt.Fprintf(b, "from %s port %d connection %q %s %q\n", e.ServerIPAddress, e.ServerPort, e.Connection+e.ConnectionID, e.ResourceType, e.Comment)
	fmt.Fprintf(b, "> %s %s %s %q %q %d+%d\n", q.Method, q.URL, q.HTTPVersion, words(q.Headers), words(q.QueryString), q.HeadersSize, q.BodySize)
	if p := q.PostData; p != nil {
		fmt.Fprintf(b, "> %s %d fields %s\n", p.MimeType, len(p.Params), contentOf(t, &p.Body))
	}
	fmt.Fprintf(b, "< %d %q %s %q %q %d+%d %q\n", s.Status, s.StatusText, s.HTTPVersion, words(s.Headers), s.RedirectURL, s.HeadersSize, s.BodySize, s.Error)
	fmt.Fprintf(b, "< %s size %d %s\n", s.Content.MimeType, s.Content.Size, contentOf(t, &s.Content.Body))
	if e.WebSocketMessages != nil {
		for m, err := range e.WebSocketMessages {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(b, "%s %s %d %s\n", m.Dir, m.Time.Format(time.RFC3339Nano), m.Opcode, contentOf(t, &m.Body))
		}
	}
	if e.WebSocketClose != nil {
		fmt.Fprintf(b, "close %v\n", *e.WebSocketClose)
	}
	for _, m := range slices.Concat(e.Extra, e.Timings.Extra, q.Extra, s.Extra) {
		fmt.Fprintf(b, "%s: %s\n", m.Name, m.Value)
	}
}

// words returns pairs as text.
func words(pairs []har.Pair) []string {
	var all []string
	for _, p := range pairs {
		all = append(all, p.Name+": "+p.Value)
	}
	return all
}

func contentOf(t *testing.T, body *har.Body) string {
	t.Helper()
	if !body.Present() {
		return "without content"
	}
	f, err := body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if body.Base64 {
		return fmt.Sprintf("%x", content)
	}
	return fmt.Sprintf("%q", content)
}

func TestReadPackedFiles(t *testing.T) {
	want, _ := readText(t, small)
	folder := t.TempDir()
	tests := []struct {
		name  string
		bytes []byte
	}{
		{"plain.har", []byte(small)},
		{"bom.har", []byte("\xef\xbb\xbf" + small)},
		{"packed.har.gz", packed(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, small)},
		{"named-as-if-not-packed.har", packed(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, "\xef\xbb\xbf"+small)},
		{"packed.zhar", packed(t, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, small)},
		{"archive.zip", archived(t, map[string]string{"run/a.har": small})},
	}
	for _, test := range tests {
		path := filepath.Join(folder, test.name)
		if err := os.WriteFile(path, test.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if !har.Sniff(test.bytes[:min(len(test.bytes), 4096)]) {
			t.Errorf("%s does not look like a HAR", test.name)
		}
		r, err := har.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, warnings := readAll(t, r)
		if diff := cmp.Diff(want, got, ignoreIterators); diff != "" || len(warnings) > 0 {
			t.Errorf("%s: warnings %q (-want +got):\n%s", test.name, warnings, diff)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func packed(t *testing.T, pack func(io.Writer) io.WriteCloser, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pack(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archived returns a zip archive of files by their name.
func archived(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSniff(t *testing.T) {
	tests := []struct {
		prefix string
		want   bool
	}{
		{`{"log":{"version":"1.2"`, true},
		{"\xef\xbb\xbf\n { \"log\" \n : {", true},
		{`{"log"  :`, true},
		{`{"$schema":"x","a":{"b":[1]},"log":{`, true},
		{`{"log":[`, false},
		{`{"type":"meta","format":"necto-recording","log":1}`, false},
		{`{"type":"meta"}` + "\n" + `{"log":{}}`, false},
		{`[{"log":{}}]`, false},
		{"", false},
		{"version: 1\n", false},
		{"xml <log>", false},
	}
	for _, test := range tests {
		if got := har.Sniff([]byte(test.prefix)); got != test.want {
			t.Errorf("%q: %v, want %v", test.prefix, got, test.want)
		}
	}
}
