package convert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/convert"
	"github.com/necto-dev/necto/internal/diff"
	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// run is one run of a program, whose ids, times and ports are those of number.
type run struct {
	number int
	hosts  []string
}

// record writes the run as a recording and returns its name.
func (r run) record(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	w, err := record.Create(path, record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	started := time.Date(2026, 11, 20, 12, 0, r.number, 0, time.UTC)
	for i, host := range r.hosts {
		x := &traffic.Exchange{
			ID: traffic.ExchangeID(10*r.number + i), Conn: traffic.ConnID(7 * r.number), Started: started.Add(time.Duration(i) * time.Second),
			Client: fmt.Sprintf("127.0.0.1:%d", 4000+r.number), Duration: time.Duration(r.number) * time.Millisecond,
			Request: &traffic.Request{
				Method: "GET", Proto: "HTTP/1.1", Target: "/list", URL: traffic.URL{Scheme: "http", Authority: host, Target: "/list"},
				Header: traffic.Fields{{Name: "Host", Value: host}, {Name: "Authorization", Value: fmt.Sprintf("Bearer secret%d", i)}},
			},
			Response: &traffic.Response{
				Status: 200, Proto: "HTTP/1.1",
				Header: traffic.Fields{{Name: "Date", Value: started.Format(time.RFC1123)}, {Name: "Content-Type", Value: "text/plain"}},
			},
			ResponseBody: traffic.BodyOf(bytes.Repeat([]byte("0123456789"), 10_000)),
		}
		w.Observe(traffic.ExchangeDone{Exchange: x})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func convertOK(t *testing.T, o convert.Options) convert.Result {
	t.Helper()
	result, err := convert.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// same fails unless nothing at all is different between two recordings.
func same(t *testing.T, a, b string) {
	t.Helper()
	fa, err := record.Open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer fa.Close()
	fb, err := record.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer fb.Close()
	summary, err := diff.Compare(fa, fb, diff.Options{Strict: true}, func(x *diff.Exchange) error {
		if x.Kind != diff.Same {
			t.Errorf("%+v", x)
		}
		return nil
	})
	if err != nil || summary.Same == 0 {
		t.Errorf("%+v, %v", summary, err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestFormatsLoseNothing(t *testing.T) {
	in := run{1, []string{"a.test", "b.test"}}.record(t, "run.jsonl")
	dir := t.TempDir()
	out := func(name string) string { return filepath.Join(dir, name) }
	convertOK(t, convert.Options{Inputs: []string{in}, Output: out("run.har"), Format: convert.HAR})
	same(t, in, out("run.har"))
	convertOK(t, convert.Options{Inputs: []string{out("run.har")}, Output: out("back.jsonl"), Format: convert.JSONL})
	same(t, in, out("back.jsonl"))
	convertOK(t, convert.Options{Inputs: []string{in}, Output: out("inline.jsonl"), Format: convert.JSONL, Inline: true})
	same(t, in, out("inline.jsonl"))
	if _, err := os.Stat(record.BodiesDir(out("inline.jsonl"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("inline content has a folder: %v", err)
	}
}

func TestNormalizedRunsAreTheSameFile(t *testing.T) {
	dir := t.TempDir()
	var got [2][]byte
	for i := range got {
		in := run{i + 1, []string{fmt.Sprintf("127.0.0.1:%d", 5000+i), "b.test"}}.record(t, "run.jsonl")
		out := filepath.Join(dir, fmt.Sprint(i)+".jsonl")
		convertOK(t, convert.Options{Inputs: []string{in}, Output: out, Format: convert.JSONL, Normalize: true})
		got[i] = read(t, out)
	}
	if d := cmp.Diff(string(got[0]), string(got[1])); d != "" {
		t.Error(d)
	}
	for _, want := range []string{`{{redacted:authorization:00000001}}`, `{{redacted:authorization:00000002}}`, `"url":"http://127.0.0.1:0/list"`} {
		if !strings.Contains(string(got[0]), want) {
			t.Errorf("%s is missing in %s", want, got[0])
		}
	}
}

func TestMergedNumbersGoOn(t *testing.T) {
	a, b := run{1, []string{"a.test"}}.record(t, "a.jsonl"), run{1, []string{"b.test"}}.record(t, "b.jsonl")
	out := filepath.Join(t.TempDir(), "all.jsonl")
	result := convertOK(t, convert.Options{Inputs: []string{a, b}, Output: out, Format: convert.JSONL})
	if result.Exchanges != 2 {
		t.Errorf("%+v", result)
	}
	text := string(read(t, out))
	for _, want := range []string{`"seq":2,"id":10,"conn":7,`, `"seq":4,"id":20,"conn":14,`, `"seq":5,"at":`, `"exchanges":2,`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
}

// TestNormalizedRecordingsAreOneOrder merges what two recorders have of the same
// time, with the same numbers.
func TestNormalizedRecordingsAreOneOrder(t *testing.T) {
	a, b := run{1, []string{"a.test", "c.test"}}.record(t, "a.jsonl"), run{1, []string{"b.test", "d.test"}}.record(t, "b.jsonl")
	asHAR := filepath.Join(t.TempDir(), "b.har")
	convertOK(t, convert.Options{Inputs: []string{b}, Output: asHAR, Format: convert.HAR})
	for _, second := range []string{b, asHAR} {
		out := filepath.Join(t.TempDir(), "all.jsonl")
		result := convertOK(t, convert.Options{Inputs: []string{a, second}, Output: out, Format: convert.JSONL, Normalize: true})
		text := string(read(t, out))
		var got []string
		for line := range strings.Lines(text) {
			if gjson.Get(line, "type").Str == record.TypeHTTP {
				got = append(got, fmt.Sprint(gjson.Get(line, "seq"), gjson.Get(line, "id"), gjson.Get(line, "conn"), gjson.Get(line, "request.url")))
			}
		}
		want := []string{"2 1 1 http://a.test/list", "3 2 2 http://b.test/list", "4 3 1 http://c.test/list", "5 4 2 http://d.test/list"}
		if d := cmp.Diff(want, got); d != "" || result.Exchanges != 4 {
			t.Errorf("%+v: %s", result, d)
		}
		if n := strings.Count(text, `"type":"meta"`); n != 1 {
			t.Errorf("%d first lines", n)
		}
	}
}

func TestLinesNestedTooDeepAreLeftOut(t *testing.T) {
	in := run{1, []string{"a.test"}}.record(t, "run.jsonl")
	deep := `{"type":"http","seq":9,"id":9,"conn":1,"request":` + strings.Repeat("[", 10<<20) + "\n"
	if err := os.WriteFile(in, append(read(t, in), deep...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, normalize := range []bool{false, true} {
		var warnings []string
		result := convertOK(t, convert.Options{
			Inputs: []string{in}, Output: filepath.Join(t.TempDir(), "out.jsonl"), Format: convert.JSONL, Normalize: normalize,
			Warn: func(text string) { warnings = append(warnings, text) },
		})
		if result.Exchanges != 1 || len(warnings) != 1 || !strings.Contains(warnings[0], "is left out: ") {
			t.Errorf("%+v, %q", result, warnings)
		}
	}
}

func TestHostsHaveFilesThatStayInTheFolder(t *testing.T) {
	in := run{1, []string{"a.test", "..", "A.test:81", "[::1]:82", ""}}.record(t, "run.jsonl")
	dir := filepath.Join(t.TempDir(), "hosts")
	result := convertOK(t, convert.Options{Inputs: []string{in}, Output: dir, Format: convert.JSONL, SplitHost: true})
	var names []string
	for _, path := range result.Outputs {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if d := cmp.Diff([]string{"a.test.jsonl", "_.jsonl", "__1.jsonl", "no-host.jsonl"}, names); d != "" {
		t.Error(d)
	}
}

func TestOnlyWhatMatchesIsKept(t *testing.T) {
	in := run{1, []string{"a.test", "b.test"}}.record(t, "run.jsonl")
	out := filepath.Join(t.TempDir(), "b.jsonl")
	only, err := filter.Parse("host:b.test and body:012345")
	if err != nil {
		t.Fatal(err)
	}
	result := convertOK(t, convert.Options{Inputs: []string{in}, Output: out, Format: convert.JSONL, Filter: only})
	if text := string(read(t, out)); result.Exchanges != 1 || strings.Contains(text, "a.test") {
		t.Errorf("%+v: %s", result, text)
	}
}

func TestAnInputIsNeverOverwritten(t *testing.T) {
	in := run{1, []string{"a.test"}}.record(t, "run.jsonl")
	before := read(t, in)
	link := filepath.Join(t.TempDir(), "link.jsonl")
	if err := os.Link(in, link); err != nil {
		t.Skip(err)
	}
	for _, out := range []string{in, link} {
		_, err := convert.Run(t.Context(), convert.Options{Inputs: []string{in}, Output: out, Format: convert.JSONL})
		if !errors.Is(err, convert.ErrSameFile) {
			t.Errorf("%s: error %v", out, err)
		}
	}
	if !bytes.Equal(before, read(t, in)) {
		t.Error("the input was changed")
	}
}

func TestWhatFailsLeavesWhatWasThere(t *testing.T) {
	in := run{1, []string{"a.test"}}.record(t, "run.jsonl")
	if err := os.RemoveAll(record.BodiesDir(in)); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, format := range []convert.Format{convert.JSONL, convert.HAR} {
		for name, ctx := range map[string]context.Context{"content is missing": t.Context(), "canceled": canceled} {
			dir := t.TempDir()
			out := filepath.Join(dir, "out")
			if err := os.WriteFile(out, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := convert.Run(ctx, convert.Options{Inputs: []string{in}, Output: out, Format: format}); err == nil {
				t.Errorf("%s: no error", name)
			}
			files, err := os.ReadDir(dir)
			if err != nil || len(files) != 1 || string(read(t, out)) != "old" {
				t.Errorf("%s, %s: %v, %v", format, name, files, err)
			}
		}
	}
}
