package har

import (
	"bytes"
	"io"
)

// Body is content. The zero value has none, which is not the same as empty
// content.
type Body struct {
	// Data is the content; nil for none, or if Source has it.
	Data []byte
	// Source, if not nil, opens the content, for what should not be in memory.
	// It may be called more than once, and the caller closes what it returns.
	Source func() (io.ReadCloser, error)
	// Base64 says that the content is not text. What is not UTF-8 is written as
	// base64 without it.
	Base64 bool
}

// Present reports whether there is content, be it empty.
func (b *Body) Present() bool { return b.Data != nil || b.Source != nil }

// Open returns a reader over the content, which is empty if there is none. The
// caller closes it.
func (b *Body) Open() (io.ReadCloser, error) {
	if b.Source != nil {
		return b.Source()
	}
	return io.NopCloser(bytes.NewReader(b.Data)), nil
}
