package traffic_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// storedFile is content elsewhere that notes whether it was closed.
type storedFile struct {
	*bytes.Reader
	closed bool
}

func (f *storedFile) Close() error {
	f.closed = true
	return nil
}

func TestStoredBodyInMemory(t *testing.T) {
	chunks := []traffic.Chunk{{Size: 2}, {At: time.Second, Size: 3}}
	b := traffic.StoredBody(traffic.Stored{Size: 5, Codings: "gzip", DecodedSize: 7, Content: []byte("content"), Chunks: chunks})
	if got, ok := b.Bytes(); !ok || string(got) != "content" {
		t.Errorf("Bytes: %q, %v", got, ok)
	}
	if codings, size, ok := b.Decoded(); codings != "gzip" || size != 7 || !ok {
		t.Errorf("Decoded: %q, %d, %v", codings, size, ok)
	}
	if b.Size() != 5 || b.Truncated() {
		t.Errorf("size %d, truncated %v", b.Size(), b.Truncated())
	}
	if diff := cmp.Diff(chunks, b.Chunks()); diff != "" {
		t.Error(diff)
	}
	if got, err := io.ReadAll(b.Open()); err != nil || string(got) != "content" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestStoredBodyIsOpenedOnceAndOnlyToBeRead(t *testing.T) {
	file := &storedFile{Reader: bytes.NewReader([]byte("content"))}
	opened := 0
	b := traffic.StoredBody(traffic.Stored{Size: 7, Open: func() (traffic.StoredContent, error) {
		opened++
		return file, nil
	}})
	if _, ok := b.Bytes(); ok || b.Size() != 7 {
		t.Errorf("in memory %v, size %d", ok, b.Size())
	}
	readers := []io.Reader{b.Open(), b.Open()}
	if opened != 0 {
		t.Error("opened before it was read")
	}
	for _, r := range readers {
		if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
			t.Errorf("read %q, %v", got, err)
		}
	}
	b.Release()
	if opened != 1 || !file.closed {
		t.Errorf("opened %d times, closed %v", opened, file.closed)
	}
}

func TestStoredBodyThatCannotBeOpened(t *testing.T) {
	missing := errors.New("missing")
	open := func() (traffic.StoredContent, error) { return nil, missing }
	b := traffic.StoredBody(traffic.Stored{Size: 7, Truncated: true, Open: open})
	if _, err := io.ReadAll(b.Open()); !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
	if !b.Truncated() {
		t.Error("not truncated")
	}
	b.Release()
	released := traffic.StoredBody(traffic.Stored{Open: open})
	released.Release()
	if _, err := io.ReadAll(released.Open()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the last release: %v", err)
	}
}

func TestCapturedBodyIsNotDecoded(t *testing.T) {
	if _, _, ok := traffic.BodyOf([]byte("x")).Decoded(); ok {
		t.Error("a body of this run says that it is decoded")
	}
}
