package traffic_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// memoryLimit is where a body moves to a file.
const memoryLimit = 256 << 10

// pattern returns n bytes that do not repeat with a power of two.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i % 251)
	}
	return p
}

// appendIn appends content to b in pieces of n bytes.
func appendIn(b *traffic.Body, content []byte, n int) {
	for len(content) > 0 {
		piece := content[:min(n, len(content))]
		b.Append(piece)
		content = content[len(piece):]
	}
}

func TestBodyKeepsUpToItsLimit(t *testing.T) {
	tests := []struct {
		name       string
		limit      int64
		size, kept int
		inMemory   bool
		full       bool
	}{
		{name: "empty", limit: -1, inMemory: true},
		{name: "none kept", limit: 0, size: 100, kept: 0, inMemory: true, full: true},
		{name: "below the limit", limit: 101, size: 100, kept: 100, inMemory: true},
		{name: "at the limit", limit: 100, size: 100, kept: 100, inMemory: true, full: true},
		{name: "over the limit", limit: 99, size: 100, kept: 99, inMemory: true, full: true},
		{name: "all of memory", limit: -1, size: memoryLimit, kept: memoryLimit, inMemory: true},
		{name: "more than memory", limit: -1, size: memoryLimit + 1, kept: memoryLimit + 1},
		{name: "file at its limit", limit: 3 * memoryLimit, size: 3 * memoryLimit, kept: 3 * memoryLimit, full: true},
		{name: "file over its limit", limit: 2*memoryLimit + 1, size: 3 * memoryLimit, kept: 2*memoryLimit + 1, full: true},
	}
	for _, test := range tests {
		for _, piece := range []int{1 << 20, 32<<10 + 1, 7} {
			content := pattern(test.size)
			b := traffic.NewBody(test.limit)
			b.Expect(int64(test.size))
			appendIn(b, content, piece)
			checkKept(t, test.name, b, content[:test.kept], int64(test.size))
			if b.Full() != test.full {
				t.Errorf("%s: Full = %v", test.name, b.Full())
			}
			if p, ok := b.Bytes(); ok != test.inMemory || ok && !bytes.Equal(p, content[:test.kept]) {
				t.Errorf("%s: Bytes gave %d bytes, %v", test.name, len(p), ok)
			}
			b.Release()
		}
	}
}

func checkKept(t *testing.T, name string, b *traffic.Body, kept []byte, size int64) {
	t.Helper()
	got, err := io.ReadAll(b.Open())
	if err != nil || !bytes.Equal(got, kept) {
		t.Errorf("%s: read %d bytes, %v; want the first %d", name, len(got), err, len(kept))
	}
	if b.Size() != size || b.Truncated() != (int64(len(kept)) < size) || b.Err() != nil {
		t.Errorf("%s: Size %d, Truncated %v, Err %v; want size %d", name, b.Size(), b.Truncated(), b.Err(), size)
	}
}

func TestSkippedBytesCountAsTruncated(t *testing.T) {
	b := traffic.NewBody(2)
	b.Append([]byte("abc"))
	b.Skip(7)
	checkKept(t, "skip", b, []byte("ab"), 10)
}

func TestBodyCopiesWhatIsAppended(t *testing.T) {
	b := traffic.NewBody(-1)
	p := []byte("abc")
	b.Append(p)
	copy(p, "xyz")
	checkKept(t, "copy", b, []byte("abc"), 3)
}

func TestBodyOf(t *testing.T) {
	b := traffic.BodyOf([]byte("abc"))
	checkKept(t, "BodyOf", b, []byte("abc"), 3)
	b.Release()
}

func TestReadersAreIndependent(t *testing.T) {
	content := pattern(memoryLimit + 4096)
	for _, size := range []int{1000, len(content)} {
		b := traffic.NewBody(-1)
		appendIn(b, content[:size], 64<<10)
		var readers sync.WaitGroup
		for range 8 {
			b.Keep()
			readers.Go(func() {
				defer b.Release()
				if err := iotest.TestReader(b.Open(), content[:size]); err != nil {
					t.Error(err)
				}
			})
		}
		b.Release()
		readers.Wait()
	}
}

func TestLastReleaseClosesTheFile(t *testing.T) {
	b := traffic.NewBody(-1)
	appendIn(b, pattern(memoryLimit+1), 64<<10)
	b.Keep()
	r := b.Open()
	b.Release()
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatalf("after the first of two releases: %v", err)
	}
	b.Release()
	if _, err := b.Open().Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the last release: %v, want os.ErrClosed", err)
	}
	var none *traffic.Body
	none.Release()
}

func TestBodyFileHasNoName(t *testing.T) {
	dir := t.TempDir()
	setTempDir(t, dir)
	b := traffic.NewBody(-1)
	appendIn(b, pattern(memoryLimit+1), 64<<10)
	if _, ok := b.Bytes(); ok {
		t.Fatal("the body is not in a file")
	}
	b.Release()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestBodyStaysInMemoryWhereNoFileCanBeMade(t *testing.T) {
	setTempDir(t, t.TempDir()+"/none")
	content := pattern(memoryLimit + 1)
	b := traffic.NewBody(-1)
	b.Append(content[:1000])
	b.Append(content[1000:])
	b.Append(content)
	if b.Err() == nil || !b.Full() || !b.Truncated() {
		t.Errorf("Err %v, Full %v, Truncated %v", b.Err(), b.Full(), b.Truncated())
	}
	if got, err := io.ReadAll(b.Open()); err != nil || !bytes.Equal(got, content[:1000]) {
		t.Errorf("%d bytes can be read, %v; want the 1000 from before", len(got), err)
	}
	if want := int64(2 * len(content)); b.Size() != want {
		t.Errorf("Size = %d, want %d", b.Size(), want)
	}
	b.Release()
}

// setTempDir lets temporary files be made in dir.
func setTempDir(t *testing.T, dir string) {
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // Windows
}

func TestChunksAreBounded(t *testing.T) {
	b := traffic.NewBody(-1)
	if b.Chunks() != nil {
		t.Error("a new body has chunks")
	}
	const marks, most = 5000, 4096
	for i := range marks {
		b.Mark(time.Duration(i), 2)
	}
	chunks := b.Chunks()
	if len(chunks) != most {
		t.Fatalf("%d chunks are kept, want %d", len(chunks), most)
	}
	want := traffic.Chunk{At: most - 1, Size: 2 * (marks - most + 1)}
	if diff := cmp.Diff(want, chunks[most-1]); diff != "" {
		t.Errorf("the last chunk (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(traffic.Chunk{At: 1, Size: 2}, chunks[1]); diff != "" {
		t.Errorf("the second chunk (-want +got):\n%s", diff)
	}
}

func BenchmarkBodyAppend(b *testing.B) {
	piece := pattern(32 << 10)
	b.ReportAllocs()
	b.SetBytes(1 << 20)
	for b.Loop() {
		body := traffic.NewBody(-1)
		body.Expect(1 << 20)
		for range 32 {
			body.Append(piece)
		}
		body.Release()
	}
}
