package record

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestCreateRefusesToOverwrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, Options{}); !errors.Is(err, ErrExists) {
		t.Errorf("error %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "precious" {
		t.Errorf("content %q, error %v", content, err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	recordTo(t, path, Options{}) // an empty file has nothing to lose
}

func TestForceReplacesTheRecordingAndItsBodies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	x := exchange(1)
	x.ResponseBody = traffic.BodyOf(bytes.Repeat([]byte("long "), 100))
	recordTo(t, path, Options{InlineMax: 10}, traffic.ExchangeDone{Exchange: x})
	other := filepath.Join(bodiesDir(path), "notes.txt")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	recordTo(t, path, Options{Force: true})
	if lines := linesOf(t, path); len(lines) != 2 {
		t.Errorf("%d lines", len(lines))
	}
	left, err := filepath.Glob(filepath.Join(bodiesDir(path), "*"))
	if diff := cmp.Diff([]string{other}, left); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestCreateRefusesBadOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	for _, o := range []Options{{Redaction: "some"}, {Append: true, Force: true}} {
		if _, err := Create(path, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was left behind")
	}
}

func TestCreateSaysWhyThePathIsUnwritable(t *testing.T) {
	dir := t.TempDir()
	if _, err := Create(dir, Options{}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "missing", "run.jsonl"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is missing: %v", err)
	}
}

func TestAppendGoesOn(t *testing.T) {
	for name, tail := range map[string]string{
		"clean end":   "",
		"torn line":   `{"type":"http","seq":5,"id":9,"conn":9,"at":"2026`,
		"no line end": `{"type":"http","seq":4,"id":2,"conn":1,"at":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run.jsonl")
			x := exchange(2)
			x.Conn = 3
			recordTo(t, path, Options{Append: true}, traffic.ExchangeDone{Exchange: x}) // from nothing
			addText(t, path, tail)
			recordTo(t, path, Options{Append: true}, traffic.ExchangeDone{Exchange: exchange(1)})
			lines := linesOf(t, path)
			e := parse(t, lines[len(lines)-2])
			if e.ID != 3 || e.Conn != 4 {
				t.Errorf("id %d, conn %d", e.ID, e.Conn)
			}
			if meta := lines[len(lines)-3]; !strings.HasPrefix(meta, `{"type":"meta"`) {
				t.Errorf("the second run begins with %s", meta)
			}
		})
	}
}

func addText(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAppendRefusesWhatItCannotContinue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	for content, want := range map[string]error{
		"some text\n": ErrNotRecording,
		`{"type":"meta","format":"necto-recording","v":2,"at":"2026-01-01T00:00:00Z"}` + "\n": &VersionError{2},
		metaLine: ErrRedaction, // which does not redact
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Create(path, Options{Append: true})
		var version *VersionError
		if !errors.Is(err, want) && !errors.As(err, &version) {
			t.Errorf("error %v", err)
		}
		if got, _ := os.ReadFile(path); string(got) != content {
			t.Errorf("the file was changed to %q", got)
		}
	}
}

func TestPending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	synctest.Test(t, func(t *testing.T) {
		w, err := Create(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		slow, posted, short, young := exchange(1), exchange(2), exchange(3), exchange(4)
		posted.RequestBody = traffic.BodyOf([]byte("posted"))
		w.Observe(traffic.RequestStarted{Exchange: slow})
		w.Observe(traffic.RequestStarted{Exchange: posted})
		w.Observe(traffic.RequestStarted{Exchange: short})
		w.Observe(traffic.RequestDone{Exchange: slow})
		w.Observe(traffic.RequestDone{Exchange: posted})
		time.Sleep(900 * time.Millisecond)
		w.Observe(traffic.ExchangeDone{Exchange: short})
		time.Sleep(100 * time.Millisecond)
		if c := w.Counts(); c.Exchanges != 1 || c.Open != 2 {
			t.Errorf("counts %+v", c)
		}
		time.Sleep(time.Second)
		w.Observe(traffic.ExchangeDone{Exchange: slow})
		w.Observe(traffic.RequestStarted{Exchange: young})
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	var got []string
	lines := linesOf(t, path)
	for _, line := range lines[1 : len(lines)-1] {
		e := parse(t, line)
		text := fmt.Sprint(e.Type, e.ID)
		if e.Request.Body != nil {
			text += string(e.Request.Body.Inline)
		}
		got = append(got, text)
	}
	want := []string{"http3", "http.pending1", "http.pending2posted", "http1", "http.pending4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnExchangeEndedByTheStopStaysPending(t *testing.T) {
	x := exchange(1)
	x.Failure = &traffic.Failure{Kind: traffic.FailShutdown, Side: traffic.SideNecto, Text: "necto was stopped"}
	_, lines := recorded(t, Options{}, traffic.ExchangeAborted{Exchange: x})
	want := entryOf(x)
	want.Type = TypePending
	if diff := cmp.Diff(want, parse(t, lines[0]), sameEntry); diff != "" {
		t.Error(diff)
	}
}

func TestLinesAreFlushedSoon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	synctest.Test(t, func(t *testing.T) {
		w, err := Create(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		w.Observe(traffic.ExchangeDone{Exchange: exchange(1)})
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if lines := linesOf(t, path); len(lines) != 2 {
			t.Errorf("%d lines after 50 ms", len(lines))
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// gate is a disk that stands still until it is opened.
type gate struct {
	passed chan struct{}
	lines  int
}

func (g *gate) Write(p []byte) (int, error) {
	if g.lines > 0 { // not the meta line
		<-g.passed
	}
	g.lines += bytes.Count(p, []byte{'\n'})
	return len(p), nil
}

func TestObserveWaitsForASlowDisk(t *testing.T) {
	for name, c := range map[string]struct{ all, size int }{
		"by count":  {all: 3 * maxQueued},
		"by memory": {all: 400, size: 200 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &gate{passed: make(chan struct{})}
				w, err := start(&output{w: disk}, "", Options{})
				if err != nil {
					t.Fatal(err)
				}
				body := bytes.Repeat([]byte("x"), c.size)
				observed := 0
				go func() {
					for i := range c.all {
						x := exchange(traffic.ExchangeID(i + 1))
						x.ResponseBody = traffic.BodyOf(body)
						w.Observe(traffic.ExchangeDone{Exchange: x})
						observed++
					}
				}()
				time.Sleep(time.Hour)
				synctest.Wait()
				if observed == 0 || observed > 2*maxQueued || observed*c.size > 3*maxQueuedBytes {
					t.Errorf("%d observed before the disk moved", observed)
				}
				close(disk.passed)
				synctest.Wait()
				time.Sleep(time.Hour)
				if err := w.Close(); err != nil {
					t.Error(err)
				}
				if disk.lines != c.all+2 {
					t.Errorf("%d lines of %d", disk.lines, c.all+2)
				}
			})
		})
	}
}

func TestConcurrentObservers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const observers, each = 8, 500
	var wg sync.WaitGroup
	for n := range observers {
		wg.Go(func() {
			for i := range each {
				x := exchange(traffic.ExchangeID(n*each + i + 1))
				x.ResponseBody = traffic.BodyOf([]byte("12345"))
				w.Observe(traffic.RequestStarted{Exchange: x})
				w.Observe(traffic.ExchangeDone{Exchange: x})
				_ = w.Counts()
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := Counts{Exchanges: observers * each, BytesDown: 5 * observers * each}
	if diff := cmp.Diff(want, w.Counts()); diff != "" {
		t.Error(diff)
	}
	seen := map[uint64]bool{}
	lines := linesOf(t, path)
	for _, line := range lines[1 : len(lines)-1] {
		seen[parse(t, line).ID] = true
	}
	if len(seen) != observers*each {
		t.Errorf("%d exchanges recorded", len(seen))
	}
}

func TestObserveAfterClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	w.Observe(traffic.RequestStarted{Exchange: exchange(1)})
	w.Observe(traffic.ExchangeDone{Exchange: exchange(1)})
	if lines := linesOf(t, path); len(lines) != 2 {
		t.Errorf("%d lines", len(lines))
	}
}
