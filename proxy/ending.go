package proxy

import (
	"io"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// malformedChunk is where a chunk's size should be.
const malformedChunk = "not a chunk size\r\n"

// end implements clientSide.
func (c *clientConn) end(x *exchange) { c.endAnswer(x, h1.Framing{}) }

// reset implements clientSide.
func (c *clientConn) reset(*exchange) { c.abort() }

// endAnswer ends the connection as the failure says; framing is that of the
// answer that has begun.
func (c *clientConn) endAnswer(x *exchange, framing h1.Framing) {
	switch end := x.Failure.End; {
	case end == traffic.EndClose:
		c.linger = true
	case end == traffic.EndHang:
		c.hang(x)
	case end == traffic.EndMalformed && framing.Kind == h1.Chunked:
		_, err := io.WriteString(c.conn, malformedChunk)
		c.linger = err == nil
	default:
		c.abort()
	}
}

// hang waits until the client leaves.
func (c *clientConn) hang(x *exchange) {
	c.noDeadline()
	if x.reqBody.unread() {
		_ = x.drain(-1) // what follows it is no request either
	}
	_, _ = io.Copy(io.Discard, c.r) // ends with the client or the proxy
	c.abort()
}

const (
	// maxDrain is how much of a request that a layer has answered without
	// reading it is read all the same: it costs less than a new connection.
	maxDrain = 256 << 10
	// drainTime is how long that may take.
	drainTime = lingerTime
)

// drainRequest reads a request that nobody has read, so that it is captured and
// the connection can take another. A client that waits to be asked for it is not.
func (c *clientConn) drainRequest(x *exchange) {
	if !x.reqBody.unread() || x.Request.Header.HasToken("Expect", "100-continue") {
		return
	}
	c.setDeadline(time.Now().Add(drainTime))
	_ = x.drain(maxDrain) // the connection ends where it was not enough
	c.noDeadline()
}

// drain reads at most limit bytes of the request's content, -1 for all.
func (x *exchange) drain(limit int64) error {
	var content io.Reader = x.reqBody.source
	if limit >= 0 {
		content = io.LimitReader(content, limit)
	}
	_, err := io.Copy(io.Discard, content)
	if err == nil && x.reqBody.Done() {
		x.requestRead()
	}
	return err
}
