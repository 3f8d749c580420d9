package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

const metaLine = `{"type":"meta","seq":1,"format":"necto-recording","v":1,"at":"2026-11-20T23:44:03.000000Z","us":0}` + "\n"

func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadTheExample(t *testing.T) {
	f := open(t, "testdata/recordings/example.jsonl")
	var got []string
	err := f.Scan(func(l Line) error {
		got = append(got, fmt.Sprint(l.Type, " ", l.ID))
		line, err := f.ReadLine(l.Offset, l.Length)
		if string(line) != string(l.Raw) {
			t.Errorf("line at %d reads back as %.60q", l.Offset, line)
		}
		return err
	})
	want := []string{
		"meta 0", "http 1", "http.pending 2", "http 2", "http 3", "http 4", "ws.open 5", "ws.frame 5", "ws.frame 5",
		"ws.close 5", "tls 0", "tunnel 0", "end 0",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || f.Warnings() != nil {
		t.Error(diff, err, f.Warnings())
	}
	if m := f.Meta(); m.Session != "01KAHQ2V7M6Q9Z4B8N3T5R1XCD" || m.ToolVersion != "0.1.0" {
		t.Errorf("meta %+v", m)
	}
}

func TestScanToleratesWhatItDoesNotKnow(t *testing.T) {
	long := `{"type":"http","seq":4,"id":3,"text":"` + strings.Repeat("x", 3*scanBuffer) + `"}`
	path := write(t, metaLine+
		"\n"+ // an empty line
		`{"type":"later","seq":2,"id":7}`+"\n"+
		`{"id":8,"seq":3,"type":"http"}`+"\r\n"+ // another order, another line end
		long+"\n"+
		"\x00\x00\x00\n"+ // what a power failure leaves
		"{\"seq\":5}\n"+
		`{"type":"end","seq":6}`) // no line end, but whole
	f := open(t, path)
	var got []string
	for range 2 { // warnings are not repeated
		got = nil
		if err := f.Scan(func(l Line) error {
			got = append(got, fmt.Sprint(l.Type, " ", l.ID, " ", l.Length == len(l.Raw)))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"meta 0 true", "later 7 true", "http 8 true", "http 3 true", "end 0 true"}, got); diff != "" {
		t.Error(diff)
	}
	if w := f.Warnings(); len(w) != 2 || !strings.Contains(w[0], "not part of a recording") {
		t.Errorf("warnings %q", w)
	}
}

func TestScanLeavesOutATornLine(t *testing.T) {
	f := open(t, write(t, metaLine+`{"type":"http","seq":2,"id":1,"conn":1,"at":"20`))
	lines := 0
	if err := f.Scan(func(Line) error { lines++; return nil }); err != nil || lines != 1 {
		t.Errorf("%d lines, error %v", lines, err)
	}
	if w := f.Warnings(); len(w) != 1 || !strings.Contains(w[0], "cut off") {
		t.Errorf("warnings %q", w)
	}
}

func TestScanStopsAtAnError(t *testing.T) {
	stop := errors.New("stop")
	f := open(t, write(t, metaLine+metaLine))
	lines := 0
	err := f.Scan(func(Line) error { lines++; return stop })
	if !errors.Is(err, stop) || lines != 1 {
		t.Errorf("%d lines, error %v", lines, err)
	}
}

func TestReadLineBehindTheEnd(t *testing.T) {
	f := open(t, write(t, metaLine))
	if _, err := f.ReadLine(10, 10_000); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

func TestOpenRefusesANewerVersion(t *testing.T) {
	_, err := Open(write(t, strings.Replace(metaLine, `"v":1`, `"v":3`, 1)))
	var version *VersionError
	if !errors.As(err, &version) || version.Version != 3 || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("error %v", err)
	}
}

func TestOpenSaysWhatAFileLooksLike(t *testing.T) {
	for content, want := range map[string]string{
		"":                               "empty",
		" \n":                            "empty",
		`{"type":"meta","seq":1,"form`:   "cut off",
		`{"type":"http","seq":1}` + "\n": "missing",
		`{"logs":[]}` + "\n":             "JSON",
		"# Title\n":                      "text",
		"\x7fELF\x00\x00\xff":            "binary",
		strings.Repeat(" ", maxMeta+10):  "space",
		"ends inside a character \xc3":   "text",
	} {
		_, err := Open(write(t, content))
		if !errors.Is(err, ErrNotRecording) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v", content, err)
		}
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNotRecording) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

const someHash = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

func TestOpenBodyStaysInItsFolder(t *testing.T) {
	path := write(t, metaLine)
	f := open(t, path)
	if _, err := f.OpenBody(&EntryBody{File: someHash}); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("no folder: %v", err)
	}
	if err := os.Mkdir(bodiesDir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(filepath.Dir(path), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"..", "../secret", "/etc/passwd", outside, "secret", strings.ToUpper(someHash), someHash + "0",
		"../" + someHash[3:], strings.Repeat("/", 64), ".",
	} {
		if body, err := f.OpenBody(&EntryBody{Size: 6, File: name}); err == nil {
			body.Close()
			t.Errorf("%q was opened", name)
		}
	}
	if _, err := f.OpenBody(&EntryBody{File: someHash}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.Symlink(outside, filepath.Join(bodiesDir(path), someHash)); err != nil {
		t.Skip("no symbolic links here")
	}
	if body, err := f.OpenBody(&EntryBody{Size: 6, File: someHash}); err == nil {
		body.Close()
		t.Error("a symbolic link led out")
	}
}

func TestOpenBodyNoticesACutFile(t *testing.T) {
	x := exchange(1)
	x.ResponseBody = traffic.BodyOf([]byte("0123456789"))
	path, lines := recorded(t, Options{InlineMax: 3}, traffic.ExchangeDone{Exchange: x})
	b := parse(t, lines[0]).Response.Body
	if got := bodyText(t, path, b); got != "0123456789" {
		t.Errorf("body %q", got)
	}
	if err := os.Truncate(filepath.Join(bodiesDir(path), b.File), 4); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path).OpenBody(b); err == nil || !strings.Contains(err.Error(), "4 bytes in place of 10") {
		t.Errorf("error %v", err)
	}
}

func bodyText(t testing.TB, path string, b *EntryBody) string {
	t.Helper()
	r, err := open(t, path).OpenBody(b)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestParseEntryRefusesWhatItCannotMean(t *testing.T) {
	for line, want := range map[string]string{
		`{"type":"http"`:                                                                  "not JSON",
		`[]`:                                                                              "not an exchange",
		`{"type":"end","seq":4,"request":{}}`:                                             "line 4",
		`{"type":"http","at":"x","request":{}}`:                                           "at",
		`{"type":"http","us":-1,"request":{}}`:                                            "us",
		`{"type":"http","us":1e300,"request":{}}`:                                         "us",
		`{"type":"http","ms":"1","request":{}}`:                                           "ms",
		`{"type":"http","timings":{"dns":-3},"request":{}}`:                               "dns",
		`{"type":"http","request":{"headers":[["Host"]]}}`:                                "pair",
		`{"type":"http","request":{"headers":["Host"]}}`:                                  "pair",
		`{"type":"http","request":{"headers":[["a","\u0100","latin1"]]}}`:                 "Latin-1",
		`{"type":"http","request":{"body":{"base64":"*"}}}`:                               "base64",
		`{"type":"http","request":{"body":{"size":"4"}}}`:                                 "size",
		`{"type":"http","request":{},"response":{"status":-1}}`:                           "status",
		`{"type":"http","request":{},"response":{"body":{"chunks":[1]}}}`:                 "chunk",
		`{"type":"http","request":{},"response":{"informational":[{"headers":[["a"]]}]}}`: "pair",
	} {
		if _, err := ParseEntry([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", line, err)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	path := filepath.Join(b.TempDir(), "run.jsonl")
	x := typical(b)
	w, err := Create(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20_000 {
		y := *x
		y.ID = traffic.ExchangeID(i + 1)
		w.Observe(traffic.ExchangeDone{Exchange: &y})
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	f := open(b, path)
	info, err := f.file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Scan(func(Line) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEntry(b *testing.B) {
	_, lines := recorded(b, Options{}, traffic.ExchangeDone{Exchange: typical(b)})
	raw := []byte(lines[0])
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEntry(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func TestOpenBodyNoticesOtherContent(t *testing.T) {
	x := exchange(1)
	x.ResponseBody = traffic.BodyOf([]byte("0123456789"))
	path, lines := recorded(t, Options{InlineMax: 3}, traffic.ExchangeDone{Exchange: x})
	b := parse(t, lines[0]).Response.Body
	if err := os.WriteFile(filepath.Join(bodiesDir(path), b.File), []byte("forged you"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := open(t, path).OpenBody(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, errForged) {
		t.Errorf("error %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
