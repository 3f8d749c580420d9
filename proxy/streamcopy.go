package proxy

import (
	"errors"
	"io"
	"sync"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// copySize is how much content is read at once while there is more. A larger piece
// would keep others waiting on the same connection.
const copySize = 32 << 10

var (
	copyBuffers  = sync.Pool{New: func() any { return new([copySize]byte) }}
	smallBuffers = sync.Pool{New: func() any { return new([smallRead]byte) }}
)

// copyBuffer is what content is read into: little, as a stream may be silent for
// hours, and more behind a read that filled that. It must be released.
type copyBuffer struct {
	small *[smallRead]byte
	large *[copySize]byte // nil for none
}

func newCopyBuffer() copyBuffer { return copyBuffer{small: smallBuffers.Get().(*[smallRead]byte)} }

// space returns what to read into, behind a read that gave n bytes.
func (b *copyBuffer) space(n int) []byte {
	switch {
	case n < smallRead:
		b.shrink()
		return b.small[:]
	case b.large == nil:
		b.large = copyBuffers.Get().(*[copySize]byte)
	}
	return b.large[:]
}

func (b *copyBuffer) shrink() {
	if b.large != nil {
		copyBuffers.Put(b.large)
		b.large = nil
	}
}

func (b *copyBuffer) release() {
	b.shrink()
	smallBuffers.Put(b.small)
}

// copyStream writes content to a stream, each piece as soon as it was read, and
// behind it trailer, which a body that was read from the wire replaces by its own.
// length is what the head says, -1 for nothing. tap may be nil. A *h1.WriteError
// means that the stream failed. sent counts the bytes that the stream has taken.
func copyStream(st *h2.Stream, body io.Reader, length int64, tap h1.Tap, trailer *traffic.Fields) (sent int64, err error) {
	buf := newCopyBuffer()
	defer buf.release()
	out := contentWriter{w: st, framing: h1.Framing{Kind: h1.UntilClose}}
	if length >= 0 {
		out.framing = h1.Framing{Kind: h1.ByLength, Length: length}
	}
	for n := 0; ; {
		p := buf.space(n)
		n, err = body.Read(p)
		if err != nil && !errors.Is(err, io.EOF) {
			return sent, err
		}
		if n > 0 {
			// Before it is sent: the answer to it may be here before the write
			// returns, and a recorded call has its messages in order.
			show(tap, p[:n])
			if err := out.write(p[:n]); err != nil {
				return sent, err
			}
			sent += int64(n)
		}
		if err != nil {
			break
		}
	}
	if err := out.end(nil); err != nil {
		return sent, err
	}
	return sent, endStream(st, body, trailer)
}

// endStream writes what is behind the content.
func endStream(st *h2.Stream, body io.Reader, trailer *traffic.Fields) error {
	if from, ok := body.(trailed); ok {
		*trailer = from.Trailers()
	} else if err := h1.CheckFields(*trailer); err != nil {
		return unfit("trailer", err)
	}
	if err := st.CloseWrite(fields2(*trailer)); err != nil {
		return &h1.WriteError{Err: err}
	}
	return nil
}
