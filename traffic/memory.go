package traffic

import (
	"bytes"
	"io"
)

// MemoryBody is a message body that is all in memory, for layers that answer
// themselves. Who relays it may take Bytes instead of reading.
type MemoryBody struct {
	bytes.Reader
	content []byte
}

// NewMemoryBody returns a MemoryBody that holds p, which must not be changed
// any more.
func NewMemoryBody(p []byte) *MemoryBody {
	b := &MemoryBody{content: p}
	b.Reset(p)
	return b
}

// Bytes returns the whole content, which the caller must not change.
func (b *MemoryBody) Bytes() []byte { return b.content }

// Close does nothing.
func (b *MemoryBody) Close() error { return nil }

var _ io.ReadCloser = (*MemoryBody)(nil)
