package har_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/har"
)

// readAll returns the entries of a HAR and what was wrong with it.
func readAll(t testing.TB, r *har.Reader) ([]*har.Entry, []string) {
	t.Helper()
	var all []*har.Entry
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	var warnings []string
	for _, w := range r.Warnings() {
		warnings = append(warnings, w.String())
	}
	return all, warnings
}

// readText returns the entries of a HAR that is in memory.
func readText(t testing.TB, document string) ([]*har.Entry, []string) {
	t.Helper()
	r, err := har.NewReader(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return readAll(t, r)
}

// ignoreIterators leaves out what cannot be compared.
var ignoreIterators = cmp.FilterPath(func(p cmp.Path) bool {
	return p.Last().String() == ".WebSocketMessages" || p.Last().String() == ".Source"
}, cmp.Ignore())

// small is a HAR of two entries in an order of members that is not the usual.
const small = ` {
  "comment": {"log": [1, "}"]},
  "log": {
    "pages": [{"id": "page \"1\"", "startedDateTime": "2026-11-20T23:44:03.131Z"}],
    "entries": [
      {"startedDateTime": "2026-11-20T23:44:03.131Z", "time": 1.5,
       "request": {"method": "GET", "url": "http://example.test/a#top"},
       "response": {"status": 200, "content": {"text": "{\"a\": \"]}\\\"\"}"}}, "_own": {"x": [1]}},
      {"startedDateTime": "2026-11-20T23:44:04.131Z", "time": 2,
       "request": {"method": "GET", "url": "http://example.test/b"}, "response": {"status": 204}}
    ],
    "_necto": {"v": 1},
    "creator": {"name": "hand", "version": "1"},
    "browser": {"name": "Firefox", "version": "111"},
    "comment": "ok",
    "version": "1.2", "_other": null
  }
}
`

func TestReadInAnyOrder(t *testing.T) {
	r, err := har.NewReader(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	all, warnings := readAll(t, r)
	if len(warnings) > 0 || len(all) != 2 {
		t.Fatalf("%d entries, warnings %q", len(all), warnings)
	}
	first := all[0]
	if first.Request.URL != "http://example.test/a" || string(first.Response.Content.Body.Data) != `{"a": "]}\""}` {
		t.Errorf("entry 1: %s %q", first.Request.URL, first.Response.Content.Body.Data)
	}
	if diff := cmp.Diff([]har.Member{{Name: "_own", Value: []byte(`{"x": [1]}`)}}, first.Extra); diff != "" {
		t.Errorf("unknown members (-want +got):\n%s", diff)
	}
	l := r.Log()
	got := fmt.Sprintf("%s|%v|%v|%s|%s|%s|%v", l.Version, l.Creator, l.Browser, l.Pages, l.Comment, l.Necto, l.Extra)
	want := `1.2|{hand 1 }|{Firefox 111 }|[{"id": "page \"1\"", "startedDateTime": "2026-11-20T23:44:03.131Z"}]|ok|{"v": 1}|[{_other [110 117 108 108]}]`
	if got != want {
		t.Errorf("log:\n%s, want\n%s", got, want)
	}
}

func TestReadEveryPieceSize(t *testing.T) {
	want, _ := readText(t, small)
	for size := 1; size < 40; size++ {
		r, err := har.NewReader(&pieces{strings.NewReader(small), size})
		if err != nil {
			t.Fatal(err)
		}
		got, warnings := readAll(t, r)
		if diff := cmp.Diff(want, got, ignoreIterators); diff != "" || len(warnings) > 0 {
			t.Errorf("pieces of %d bytes: warnings %q (-want +got):\n%s", size, warnings, diff)
		}
	}
}

// pieces is a reader that returns that many bytes at a time.
type pieces struct {
	in   io.Reader
	size int
}

func (p *pieces) Read(b []byte) (int, error) { return p.in.Read(b[:min(len(b), p.size)]) }

// A browser that ends while it writes leaves a file that is cut anywhere.
func TestCutFileGivesWhatIsWhole(t *testing.T) {
	whole, _ := readText(t, small)
	begin := strings.Index(small, `"entries"`)
	for cut := begin; cut < len(small)-1; cut++ {
		r, err := har.NewReader(strings.NewReader(small[:cut]))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		all, warnings := readAll(t, r)
		if diff := cmp.Diff(whole[:len(all)], all, ignoreIterators, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("cut at %d (-want +got):\n%s", cut, diff)
		}
		want := fmt.Sprintf("the file was cut after entry %d, what follows it is lost", len(all))
		if complete := strings.HasSuffix(strings.TrimSpace(small[:cut]), "\n}"); !complete && !slices.Contains(warnings, want) {
			t.Errorf("cut at %d: warnings %q, want %q", cut, warnings, want)
		}
	}
}

func TestCutGzipGivesWhatIsWhole(t *testing.T) {
	whole := packed(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, writeMany(t, 1000))
	r, err := har.NewReader(bytes.NewReader(whole[:len(whole)-100]))
	if err != nil {
		t.Fatal(err)
	}
	all, warnings := readAll(t, r)
	if len(all) < 500 || len(all) > 999 || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "the file was cut") {
		t.Errorf("%d entries, warnings %q", len(all), warnings)
	}
}

// writeMany returns a HAR of n entries.
func writeMany(t *testing.T, n int) string {
	t.Helper()
	return string(stream(t, slices.Repeat([]*har.Entry{typical()}, n)...))
}

func TestReadWarnings(t *testing.T) {
	tests := []struct {
		name, document string
		entries        int
		want           []string
	}{
		{"no entries", `{"log":{"version":"1.2"}}`, 0, []string{"log.entries is missing"}},
		{
			"entries that are none", `{"log":{"entries":[1,{"request":{"method":"GET","url":"http://a/"},"response":{},"startedDateTime":"2026-11-20T23:44:03Z"},"x",null]}}`, 1,
			[]string{"entry 1: the entry is no object but 1", `entry 3: the entry is no object but "x"`},
		},
		{"an object of entries", `{"log":{"entries":{}}}`, 0, []string{"log.entries is no array", "log.entries is missing"}},
		{"trailing bytes", `{"log":{"entries":[]}} x`, 0, []string{"something follows the end of the document, it is ignored"}},
		{"brackets that do not match", `{"log":{"entries":[}}`, 0, []string{"the file cannot be read behind entry 0: byte 19: no value where one has to be"}},
		{
			"an entry that is not JSON", `{"log":{"entries":[{"startedDateTime":"2026-11-20T23:44:03Z","request":{"method":"GET","url":"http://a/"},"response" {}},{}]}}`, 2,
			[]string{
				"entry 1: it is not JSON, what follows is lost: byte 98: no colon where one has to be", "entry 1: response is missing",
				"entry 2: startedDateTime is missing", "entry 2: request is missing", "entry 2: response is missing",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			all, warnings := readText(t, test.document)
			if len(all) != test.entries {
				t.Errorf("%d entries, want %d", len(all), test.entries)
			}
			if diff := cmp.Diff(test.want, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyWarningsAreCounted(t *testing.T) {
	_, warnings := readText(t, `{"log":{"entries":[`+strings.Repeat("1,", 1010)+`1]}}`)
	if len(warnings) != 1001 || warnings[1000] != "11 more warnings" {
		t.Errorf("%d warnings, the last %q", len(warnings), warnings[len(warnings)-1])
	}
}

func TestWhatIsNoHARSaysWhatItIs(t *testing.T) {
	tests := []struct{ document, want string }{
		{"", "an empty file"},
		{"  \n", "an empty file"},
		{"<!doctype html>", "HTML or XML"},
		{"[{}]", "a JSON array"},
		{"{}", "an empty JSON object"},
		{`{"a":1}`, `a JSON object without log, with "a"`},
		{`{"log":[]}`, "a JSON object whose log is no object"},
		{`{"type":"meta","format":"necto-recording"}` + "\n" + `{"type":"http"}`, "a recording of necto"},
		{"{", "the beginning of a JSON object"},
		{"\x00\x01", "binary data"},
		{"GET / HTTP/1.1\r\n", `text that begins with "GET / HTTP/1.1\r"`},
		{"\xff\xfe{\x00\"\x00", "it is UTF-16"},
		{"\x00{\x00\"", "it is UTF-16"},
	}
	for _, test := range tests {
		_, err := har.NewReader(strings.NewReader(test.document))
		if !errors.Is(err, har.ErrNotHAR) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want %s", test.document, err, test.want)
		}
	}
}

func TestReadErrorIsFinal(t *testing.T) {
	r, err := har.NewReader(io.MultiReader(strings.NewReader(`{"log":{"entries":[{`), errReader{errLost}))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, errLost) {
			t.Errorf("error %v, want %v", err, errLost)
		}
	}
	if _, err := har.NewReader(errReader{errLost}); !errors.Is(err, errLost) {
		t.Errorf("error %v, want %v", err, errLost)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestClosedReaderSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.har")
	if err := os.WriteFile(path, []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := har.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("error %v", err)
	}
}
