package wsframe

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// minDeflate is the size in bytes below which a message is not compressed: the
// tables of a block on its own cost more than they save.
const minDeflate = 512

// flushed ends every compressed message; RFC 7692 section 7.2.1 removes it.
const flushed = "\x00\x00\xff\xff"

// AppendDeflate appends the payload of message to dst, compressed without
// reference to any other message, which a receiver understands whether or not
// the direction has context takeover. The result must be sent with RSV1 if
// compressed is true and without it if not: message itself was appended then,
// because it is shorter than 512 bytes or cannot be made shorter, or because c
// forbids the window of 32 KiB that compression may use.
func AppendDeflate(dst, message []byte, c Compression) (out []byte, compressed bool) {
	if len(message) < minDeflate || c.WindowBits < maxWindowBits {
		return append(dst, message...), false
	}
	start := len(dst)
	w := appendWriters.Get().(*appendWriter)
	w.buf = dst
	_ = flate.StatelessDeflate(w, message, false, nil) // only fails where w does
	out, w.buf = w.buf, nil
	appendWriters.Put(w)
	out = out[:len(out)-len(flushed)]
	if len(out)-start >= len(message) {
		return append(out[:start], message...), false
	}
	return out, true
}

// appendWriter is an io.Writer that appends and never fails.
type appendWriter struct{ buf []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}

var appendWriters = sync.Pool{New: func() any { return new(appendWriter) }}
