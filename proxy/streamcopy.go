package proxy

import (
	"errors"
	"io"
	"sync"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// copySize is how much content is read at once. A larger piece would keep others
// waiting on the same connection.
const copySize = 32 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// copyStream writes content to a stream, each piece as soon as it was read, and
// behind it trailer, which a body that was read from the wire replaces by its own.
// length is what the head says, -1 for nothing. tap may be nil. A *h1.WriteError
// means that the stream failed.
func copyStream(st *h2.Stream, body io.Reader, length int64, tap h1.Tap, trailer *traffic.Fields) error {
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	out := contentWriter{w: st, framing: h1.Framing{Kind: h1.UntilClose}}
	if length >= 0 {
		out.framing = h1.Framing{Kind: h1.ByLength, Length: length}
	}
	for {
		n, err := body.Read(buf[:])
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n > 0 {
			// Before it is sent: the answer to it may be here before the write
			// returns, and a recorded call has its messages in order.
			show(tap, buf[:n])
			if err := out.write(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	if err := out.end(nil); err != nil {
		return err
	}
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
