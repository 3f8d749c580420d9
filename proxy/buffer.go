package proxy

import (
	"io"
	"sync"
)

// bufferSize has room for a usual head and a small body behind it, which then
// go out in one write.
const bufferSize = 16 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, bufferSize)
	return &b
}}

// getBuffer returns an empty buffer to build a message in.
func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

// putBuffer gives it back, unless a message has made it grow.
func putBuffer(b *[]byte) {
	if cap(*b) == bufferSize {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// writeBoth writes head and body, in one write if body fits behind head in its
// array, whose spare room it uses.
func writeBoth(w io.Writer, head, body []byte) error {
	if len(head)+len(body) <= cap(head) {
		_, err := w.Write(append(head, body...))
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}
