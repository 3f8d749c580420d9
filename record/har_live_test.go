package record

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// liveHAR begins a HAR and returns what writes it and where it lies.
func liveHAR(t *testing.T) (w *Writer, out *harOutput, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "run.har")
	w, err := Create(path, Options{Redaction: "off"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w, w.out.sink.(*harOutput), path
}

// lying returns how many bodies lie in the scratch folder.
func lying(t *testing.T, out *harOutput) int {
	t.Helper()
	entries, err := os.ReadDir(out.Bodies())
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return len(entries)
}

// firstEntry returns the first exchange of a recording.
func firstEntry(t *testing.T, f *File) *Entry {
	t.Helper()
	var first *Entry
	if err := f.Scan(func(l Line) (err error) {
		if first == nil && l.Type == TypeHTTP {
			first, err = ParseEntry(l.Raw)
		}
		return err
	}); err != nil || first == nil {
		t.Fatalf("no exchange, %v", err)
	}
	return first
}

func TestLongContentOfALiveHARTakesLittleMemory(t *testing.T) {
	const size = 64 << 20
	w, out, path := liveHAR(t)
	x := exchange(1)
	x.ResponseBody = traffic.NewBody(-1)
	for range size >> 20 {
		x.ResponseBody.Append(bytes.Repeat([]byte("0123456789abcde\n"), 1<<16))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.Observe(traffic.ExchangeDone{Exchange: x})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
		t.Errorf("%d bytes were allocated for a body of %d", got, size)
	}
	if _, err := os.Stat(out.scratch); !os.IsNotExist(err) {
		t.Errorf("the scratch folder is there still: %v", err)
	}
	f := open(t, path)
	r, err := f.OpenBody(firstEntry(t, f).Response.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); n != size || err != nil {
		t.Errorf("%d bytes came back, %v", n, err)
	}
}

// TestContentOfALiveHARLiesUntilItIsWritten has content of messages that waits for
// the end of its connection, and of exchanges, one of which has the same.
func TestContentOfALiveHARLiesUntilItIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.har")
	o, err := openOutput(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := o.sink.(*harOutput)
	folder := sidecar{dir: out.Bodies()}
	stored := func(content string) *EntryBody {
		c, err := folder.store(strings.NewReader(content), nil)
		if err != nil {
			t.Fatal(err)
		}
		return &EntryBody{Size: c.size, File: c.file}
	}
	entry := func(lineType string, id uint64, status int, b *EntryBody) []byte {
		e := newEntry()
		e.Type, e.ID, e.Seq, e.Request.Method, e.Request.URL = lineType, id, id, "GET", "http://a.test/"
		if status != 0 {
			e.Response = &EntryResponse{Status: status, Body: b}
		} else {
			e.Request.Body = b
		}
		if lineType == TypeWSOpen {
			e.WS = &traffic.WebSocket{}
		}
		return AppendEntry(nil, e)
	}
	message := func(b *EntryBody) []byte {
		return AppendFrame(nil, &FrameEntry{Seq: 20, ID: 9, N: 1, Fin: true, Opcode: traffic.OpText, Length: b.Size, Body: *b})
	}
	steps := []struct {
		name  string
		write func() []byte
		left  int
	}{
		{"a connection begins", func() []byte { return entry(TypeWSOpen, 9, 101, nil) }, 0},
		{"an exchange ends", func() []byte { return entry(TypeHTTP, 1, 200, stored("other")) }, 0},
		{"a message comes", func() []byte { return message(stored("message")) }, 1},
		{"the same in an exchange", func() []byte { return entry(TypeHTTP, 2, 200, stored("message")) }, 1},
		{"an exchange goes on", func() []byte { return entry(TypePending, 3, 0, stored("upload")) }, 2},
		{"the connection ends", func() []byte { return AppendClose(nil, &CloseEntry{Seq: 21, ID: 9}) }, 1},
		{"the exchange ends", func() []byte { return entry(TypeHTTP, 3, 200, stored("answer")) }, 0},
		{"a last one goes on", func() []byte { return entry(TypePending, 4, 0, stored("last")) }, 1},
	}
	for _, step := range steps {
		if _, err := out.Write(step.write()); err != nil {
			t.Fatal(err)
		}
		if left := lying(t, out); left != step.left {
			t.Errorf("%s: %d bodies lie there, want %d", step.name, left, step.left)
		}
	}
	if err := errors.Join(folder.close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"other": 1, "message": 2, "answer": 1, "last": 1} {
		if n := strings.Count(string(content), `"text":"`+text+`"`) + strings.Count(string(content), `"data":"`+text+`"`); n != want {
			t.Errorf("the HAR has %q %d times, want %d", text, n, want)
		}
	}
}

// TestLinesWithoutAFormInHARTakeNoMemory has more tunnels than fit into memory that
// lines may take.
func TestLinesWithoutAFormInHARTakeNoMemory(t *testing.T) {
	const tunnels = 50_000
	path := filepath.Join(t.TempDir(), "run.har")
	o, err := openOutput(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := o.sink.(*harOutput)
	line := []byte(`{"type":"tunnel","seq":1,"conn":1,"target":"` + strings.Repeat("a", 200) + `:443"}` + "\n")
	before := heap()
	for range tunnels {
		if _, err := out.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("%d lines of %d bytes take %d bytes of memory", tunnels, len(line), grown)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := open(t, path).Scan(func(l Line) error {
		if l.Type == TypeTunnel {
			n++
		}
		return nil
	}); err != nil || n != tunnels {
		t.Errorf("%d lines came back, %v", n, err)
	}
}

// heap returns how many bytes of memory are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
