package traffic

import (
	"bytes"
	"io"
	"math"
	"os"
	"sync"
)

// Stored describes content that was captured before and lies in a recording:
// there its content coding is undone.
type Stored struct {
	// Size is how many bytes passed, content coding kept: what Body.Size returns.
	Size int64
	// Truncated means that only the beginning of it was kept.
	Truncated bool
	// Codings has the content codings that were undone, as Content-Encoding
	// spells them ("gzip", "gzip, br"), and DecodedSize the length after that in
	// bytes; "" and 0 if the content is as it passed.
	Codings     string
	DecodedSize int64
	// Chunks says when which bytes arrived; nil if that was not noted.
	Chunks []Chunk
	// Content is what was kept, unless Open is not nil.
	Content []byte
	// Open opens content that lies elsewhere. It is called when the first Body.Open
	// is read from, and once.
	Open func() (StoredContent, error)
}

// StoredContent is content that lies elsewhere, for instance an *os.File. A Body
// closes it with its last Release.
type StoredContent interface {
	io.ReaderAt
	io.Closer
}

// storedBody is what a Body has beside content of its own.
type storedBody struct {
	Stored

	opened  sync.Once // guards what follows
	content StoredContent
	err     error
}

// StoredBody returns a sealed Body of what a recording has. Nothing is opened
// before somebody reads: whoever only looks at sizes needs no Release.
func StoredBody(s Stored) *Body {
	b := BodyOf(s.Content)
	b.size, b.kept, b.chunks = s.Size, s.Size, s.Chunks
	b.stored = &storedBody{Stored: s}
	return b
}

// Decoded returns the content codings that a StoredBody has no longer, as
// Content-Encoding spells them, "" for none, and its length in bytes without
// them, which of a Truncated body is no more than a guess. It returns false for
// what was captured in this run, which is as it passed.
func (b *Body) Decoded() (codings string, size int64, ok bool) {
	switch {
	case b.stored == nil:
		return "", 0, false
	case b.stored.Codings == "":
		return "", b.size, true
	}
	return b.stored.Codings, b.stored.DecodedSize, true
}

// elsewhere reports whether the content is neither in memory nor in a file of
// the Body's own.
func (b *Body) elsewhere() bool { return b.stored != nil && b.stored.Open != nil }

// reader returns a reader over the content, which opens it.
func (s *storedBody) reader() io.Reader {
	if s.Open == nil {
		return bytes.NewReader(s.Content)
	}
	return &storedReader{body: s}
}

// open opens the content if nobody has yet.
func (s *storedBody) open() (StoredContent, error) {
	s.opened.Do(func() { s.content, s.err = s.Open() })
	return s.content, s.err
}

// close closes the content and keeps it from being opened.
func (s *storedBody) close() {
	s.opened.Do(func() { s.err = os.ErrClosed })
	if s.content != nil {
		_ = s.content.Close() // it was only read
	}
}

// storedReader reads content from its beginning.
type storedReader struct {
	body   *storedBody
	reader *io.SectionReader
}

func (r *storedReader) Read(p []byte) (int, error) {
	if r.reader == nil {
		content, err := r.body.open()
		if err != nil {
			return 0, err
		}
		r.reader = io.NewSectionReader(content, 0, math.MaxInt64)
	}
	return r.reader.Read(p)
}
