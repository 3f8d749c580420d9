package convert

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// withBodies writes a recording of three exchanges with bodies beside it, two of
// which have a secret, and returns its name.
func withBodies(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := record.Create(path, record.Options{Redaction: "off"})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("0123456789", 10_000)
	for i, content := range []string{long, `{"password":"one","long":"` + long + `"}`, `{"password":"two","long":"` + long + `"}`} {
		w.Observe(traffic.ExchangeDone{Exchange: &traffic.Exchange{
			ID: traffic.ExchangeID(i + 1), Conn: 1, Started: time.Date(2026, 11, 20, 12, 0, i, 0, time.UTC),
			Request:      &traffic.Request{Method: "GET", Proto: "HTTP/1.1", Target: "/", URL: traffic.URL{Scheme: "http", Authority: "a.test", Target: "/"}},
			Response:     &traffic.Response{Status: 200, Proto: "HTTP/1.1", Header: traffic.Fields{{Name: "Content-Type", Value: "application/json"}}},
			ResponseBody: traffic.BodyOf([]byte(content)),
		}})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// contents returns the bodies of a recording, all of which must be there.
func contents(t *testing.T, path string) []string {
	t.Helper()
	f, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	err = f.Scan(func(l record.Line) error {
		if l.Type != record.TypeHTTP {
			return nil
		}
		e, err := record.ParseEntry(l.Raw)
		if err != nil {
			return err
		}
		r, err := f.OpenBody(e.Response.Body)
		if err != nil {
			return err
		}
		defer r.Close()
		content, err := io.ReadAll(r)
		all = append(all, string(content))
		return err
	})
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return all
}

// redacting returns the file that replaces the recording at path by one without
// secrets, up to where it is published.
func redacting(t *testing.T, path string) *file {
	t.Helper()
	redactor, err := record.NewRedactor(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Inputs: []string{path}, Output: path, InPlace: true, Format: JSONL, Redactor: redactor}
	out := newSingleOutput(o, path)
	if err := (&converter{ctx: t.Context(), options: o, out: out}).run(); err != nil {
		t.Fatal(err)
	}
	if err := out.file.finish(); err != nil {
		t.Fatal(err)
	}
	return out.file
}

// TestWhoeverStopsLeavesAWholeRecording stops between all steps of replacing a
// recording: it is the old one or the new one, with all of its bodies, and what is
// too much goes the next time.
func TestWhoeverStopsLeavesAWholeRecording(t *testing.T) {
	replaced := -1 // the first number of steps behind which the new recording is there
	for n, steps := 0, 1; n <= steps; n++ {
		path := withBodies(t)
		old := contents(t, path)
		f := redacting(t, path)
		all := f.steps()
		steps = len(all)
		for _, step := range all[:n] {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		got := contents(t, path)
		isOld := cmp.Equal(old, got)
		switch {
		case !isOld && replaced < 0:
			replaced = n
		case isOld != (replaced < 0):
			t.Errorf("after step %d of %d the recording is the old one: %v", n, steps, isOld)
		}
		if !isOld && (len(got) != len(old) || strings.Contains(strings.Join(got, ""), `"one"`)) {
			t.Errorf("after step %d of %d there are %d bodies, or secrets", n, steps, len(got))
		}
		redactAgain(t, path)
	}
	if replaced < 2 {
		t.Errorf("the recording is replaced after %d steps", replaced)
	}
}

// redactAgain redacts the recording at path, behind which nothing may be left but what
// it has.
func redactAgain(t *testing.T, path string) {
	t.Helper()
	redactor, err := record.NewRedactor(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Options{Inputs: []string{path}, Output: path, InPlace: true, Format: JSONL, Redactor: redactor}); err != nil {
		t.Fatal(err)
	}
	bodies, err := filepath.Glob(filepath.Join(record.BodiesDir(path), "*"))
	if err != nil || len(bodies) != 3 {
		t.Errorf("there are %d bodies, %v", len(bodies), err)
	}
	for _, name := range bodies {
		if content, err := os.ReadFile(name); err != nil || bytes.Contains(content, []byte(`"one"`)) {
			t.Errorf("%s has a secret still, or %v", name, err)
		}
	}
}

func TestReplacingLeavesWhatIsNotOurs(t *testing.T) {
	path := withBodies(t)
	other := filepath.Join(record.BodiesDir(path), "notes.txt")
	if err := os.WriteFile(other, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(t.TempDir(), "small.jsonl")
	w, err := record.Create(in, record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Options{Inputs: []string{in}, Output: path, Format: JSONL}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(record.BodiesDir(path))
	if err != nil || fmt.Sprint(left) != "[- notes.txt]" {
		t.Errorf("left: %v, %v", left, err)
	}
}
