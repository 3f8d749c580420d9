package proxy

import (
	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// clientSide is the client's half of an exchange: a connection of HTTP/1, which
// has one exchange at a time, or a stream of HTTP/2. Where a method is given an
// exchange, that is the one it serves.
type clientSide interface {
	// await is called when the request was read: from then on somebody has to
	// notice if the client leaves. awaited ends that; it may be called more than
	// once.
	await()
	awaited()
	// interrupt makes who reads the request's content return with an error. It
	// may be called by any goroutine.
	interrupt()
	// inform sends a 1xx response.
	inform(resp *traffic.Response) error
	// fit gives a response that layers have made, and that has the given framing,
	// the form in which this client is to get it.
	fit(x *exchange, resp *traffic.Response, framing h1.Framing)
	// respond sends the final response as it comes. It reports whether the
	// connection can take another request.
	respond(x *exchange, resp *traffic.Response) bool
	// upgrade passes on a 101, and then bytes in both directions.
	upgrade(x *exchange, resp *traffic.Response)
	// refuse answers with the text of the exchange's Failure.
	refuse(x *exchange, status int)
	// end lets the client see what the exchange's Failure says, where there was
	// no answer.
	end(x *exchange)
	// reset ends what the client gets so that it cannot take that for whole.
	reset(x *exchange)
}

var _ clientSide = (*clientConn)(nil)
