package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// deep is JSON that nobody may read by recursion.
var deep = strings.Repeat("[", 10<<20)

// TestLinesNestedTooDeep has lines that would be the end of a process that reads
// them by recursion: they are not JSON.
func TestLinesNestedTooDeep(t *testing.T) {
	parsers := map[string]func(raw []byte) error{
		TypeHTTP:    func(raw []byte) error { _, err := ParseEntry(raw); return err },
		TypeWSFrame: func(raw []byte) error { _, err := ParseFrame(raw); return err },
		TypeWSClose: func(raw []byte) error { _, err := ParseWSClose(raw); return err },
		TypeTLS:     func(raw []byte) error { _, err := ParseTLSFailed(raw); return err },
		TypeTunnel:  func(raw []byte) error { _, err := ParseTunnel(raw); return err },
	}
	for lineType, parse := range parsers {
		raw := `{"type":"` + lineType + `","seq":1,"id":1,"conn":1,"request":` + deep
		if err := parse([]byte(raw)); err == nil || !strings.Contains(err.Error(), "not JSON") {
			t.Errorf("%s: error %v", lineType, err)
		}
	}
}

func TestRecordingsNestedTooDeep(t *testing.T) {
	const meta = `{"type":"meta","seq":1,"format":"necto-recording","v":1,"at":"2026-11-20T23:44:03.000000Z","us":0}` + "\n"
	whole := `{"type":"http","seq":2,"id":1,"conn":1,"x":` + deep + "\n"
	unknown := `{"x":` + deep + `,"type":"http"}` + "\n"
	for name, test := range map[string]struct {
		text  string
		lines []string
	}{
		"a line":      {meta + whole, []string{TypeMeta, TypeHTTP}},
		"an odd line": {meta + unknown, []string{TypeMeta}},
		"a last line": {meta + strings.TrimSpace(whole), []string{TypeMeta}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run.jsonl")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var got []string
			if err := f.Scan(func(l Line) error { got = append(got, l.Type); return nil }); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.lines, got); diff != "" {
				t.Error(diff)
			}
			w, err := Create(path, Options{Append: true, Redaction: "off"})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHARsNestedTooDeep(t *testing.T) {
	for name, text := range map[string]string{
		"not closed": `{"log":{"entries":[{"_x":` + deep,
		"closed":     `{"log":{"entries":[{"_x":` + deep + strings.Repeat("]", len(deep)) + `,"request":{"method":"GET","url":"http://a/"}}]}}`,
		"_necto":     `{"log":{"_necto":` + deep + strings.Repeat("]", len(deep)) + `,"entries":[]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run.har")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if len(f.Warnings()) == 0 {
				t.Error("nobody is told")
			}
		})
	}
}
