package record

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// blownUp writes an archive with a HAR whose one response is in a file of its own: so
// many NULs, which are six times as long in JSON.
func blownUp(t *testing.T, size int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "run.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for name, content := range map[string][]byte{
		"har.har": []byte(`{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","request":{"method":"GET","url":"http://a/"},` +
			`"response":{"status":200,"content":{"mimeType":"text/plain","_file":"big.txt"}}}]}}`),
		"big.txt": make([]byte, size),
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// Content of a HAR that is read once goes to the disk, if it is long.
func TestOpenHARTakesNoMemoryForLongContent(t *testing.T) {
	const size = 16 << 20
	path := blownUp(t, size)
	t.Setenv("TMPDIR", t.TempDir())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := OpenHAR(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read := int64(0)
	err = f.Scan(func(l Line) error {
		if l.Type != TypeHTTP {
			return nil
		}
		e, err := ParseEntry(l.Raw)
		if err != nil {
			return err
		}
		r, err := f.OpenBody(e.Response.Body)
		if err != nil {
			return err
		}
		read, err = io.Copy(io.Discard, r)
		return closeAfter(r, err)
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if read != size {
		t.Errorf("%d bytes of content", read)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > size {
		t.Errorf("%d bytes allocated", grown)
	}
}

func TestOpenHARLeavesNothingBehind(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // of Windows
	f, err := OpenHAR(blownUp(t, 2*onceInlineMax))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Scan(func(Line) error { return nil }); err != nil {
		t.Fatal(err)
	}
	during, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	after, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 0}, []int{len(during), len(after)}); diff != "" {
		t.Error("folders:", diff)
	}
}
