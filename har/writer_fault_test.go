package har_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/necto-dev/necto/har"
)

var errLost = errors.New("the file is lost")

// lost is content that cannot be read behind its first bytes.
func lost(first int) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("a", first)), errReader{errLost})), nil
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// cutShort is content of which the end is missing, as a damaged file has it.
func cutShort() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("begin"), errReader{io.ErrUnexpectedEOF})), nil
}

func TestContentThatIsCutShortIsAnError(t *testing.T) {
	for _, binary := range []bool{false, true} {
		e := sampleOf("GET", "http://example.test/", 200, "", nil)
		e.Response.Content.Body = har.Body{Source: cutShort, Base64: binary}
		w, err := har.NewWriter(io.Discard, har.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(e); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
	}
}

// unreadable returns entries that fail while they are written: at once, and when
// a part of them is in the file.
func unreadable() []*har.Entry {
	missing := sampleOf("GET", "http://example.test/missing", 200, "", nil)
	missing.Response.Content.Body.Source = func() (io.ReadCloser, error) { return nil, errLost }
	torn := sampleOf("GET", "http://example.test/torn", 200, "", nil)
	torn.Response.Content.Body = har.Body{Source: lost(5 << 20), Base64: true}
	messages := conversation()
	messages.WebSocketMessages = func(yield func(*har.Message, error) bool) {
		for m := range manyMessages(50_000) {
			if !yield(m, nil) {
				return
			}
		}
		yield(nil, errLost)
	}
	return []*har.Entry{missing, torn, messages}
}

func TestUnreadableEntryIsLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.har")
	w, err := har.Create(path, har.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range unreadable() {
		if err := w.Write(e); !errors.Is(err, errLost) || !strings.Contains(err.Error(), e.Request.URL) {
			t.Errorf("got %v", err)
		}
		if got := len(decode(t, readFile(t, path)).Log.Entries); got != i {
			t.Errorf("the file has %d entries, want %d", got, i)
		}
		if err := w.Write(sampleOf("GET", "http://example.test/", 200, "", nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if got := len(decode(t, readFile(t, path)).Log.Entries); got != 3 {
		t.Errorf("the file has %d entries, want 3", got)
	}
}

func TestUnreadableEntryEndsAStreamOnlyIfTorn(t *testing.T) {
	var out bytes.Buffer
	w, err := har.NewWriter(&out, har.Options{})
	if err != nil {
		t.Fatal(err)
	}
	missing, torn := unreadable()[0], unreadable()[1]
	if err := w.Write(missing); !errors.Is(err, errLost) {
		t.Errorf("got %v", err)
	}
	if err := w.Write(torn); !errors.Is(err, errLost) {
		t.Errorf("got %v", err)
	}
	if err := w.Write(missing); !errors.Is(err, errLost) {
		t.Errorf("a torn stream takes another entry: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errLost) {
		t.Errorf("Close says %v", err)
	}
}

// fullDisk takes so many bytes.
type fullDisk struct {
	room int
	bytes.Buffer
}

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		return 0, errFull
	}
	d.room -= len(p)
	return d.Buffer.Write(p)
}

func TestWriteErrorIsFinal(t *testing.T) {
	if _, err := har.NewWriter(&fullDisk{room: 10}, har.Options{}); !errors.Is(err, errFull) {
		t.Errorf("NewWriter says %v", err)
	}
	out := &fullDisk{room: 1000}
	w, err := har.NewWriter(out, har.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := sampleOf("GET", "http://example.test/", 200, "", bytes.Repeat([]byte("a"), 1000))
	if err := w.Write(e); !errors.Is(err, errFull) {
		t.Errorf("Write says %v", err)
	}
	out.room = 1 << 20
	if err := w.Write(e); !errors.Is(err, errFull) {
		t.Errorf("the next Write says %v", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close says %v", err)
	}
}

func TestClosedFileIsAnError(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "run.har"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := har.NewFileWriter(f, har.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for range 2 {
		if err := w.Write(conversation()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Write says %v", err)
		}
	}
	if err := w.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Close says %v", err)
	}
	if _, err := har.NewFileWriter(f, har.Options{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("NewFileWriter says %v", err)
	}
}
