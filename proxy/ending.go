package proxy

import (
	"io"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// malformedChunk is where a chunk's size should be.
const malformedChunk = "not a chunk size\r\n"

// end ends the client's connection as the failure says; framing is that of the
// answer that has begun.
func (x *exchange) end(framing h1.Framing) {
	switch end := x.Failure.End; {
	case end == traffic.EndClose:
		x.linger = true
	case end == traffic.EndHang:
		x.hang()
	case end == traffic.EndMalformed && framing.Kind == h1.Chunked:
		_, err := io.WriteString(x.c.conn, malformedChunk)
		x.linger = err == nil
	default:
		x.c.abort()
	}
}

// hang waits until the client leaves.
func (x *exchange) hang() {
	x.c.noDeadline()
	if x.reqBody.unread() {
		_ = x.drain(-1) // what follows it is no request either
	}
	_, _ = io.Copy(io.Discard, x.c.r) // ends with the client or the proxy
	x.c.abort()
}

const (
	// maxDrain is how much of a request that a layer has answered without
	// reading it is read all the same: it costs less than a new connection.
	maxDrain = 256 << 10
	// drainTime is how long that may take.
	drainTime = linger
)

// drainRequest reads a request that nobody has read, so that it is captured and
// the connection can take another. A client that waits to be asked for it is not.
func (x *exchange) drainRequest() {
	if !x.reqBody.unread() || x.Request.Header.HasToken("Expect", "100-continue") {
		return
	}
	x.c.setDeadline(time.Now().Add(drainTime))
	_ = x.drain(maxDrain) // the connection ends where it was not enough
	x.c.noDeadline()
}

// drain reads at most limit bytes of the request's content, -1 for all.
func (x *exchange) drain(limit int64) error {
	var source io.Reader = x.reqBody.Body
	if limit >= 0 {
		source = io.LimitReader(source, limit)
	}
	_, err := io.Copy(io.Discard, source)
	if err == nil && x.reqBody.Done() {
		x.requestRead()
	}
	return err
}
