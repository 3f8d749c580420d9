package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// rawBody is a body that can be relayed with the framing it came with.
type rawBody interface {
	io.ReadCloser
	Framing() h1.Framing
	Buffered() bool
	Relay(w io.Writer, prefix []byte) error
	trailed
}

// answerBody is the content of an origin's response, which can be watched.
type answerBody interface {
	io.ReadCloser
	SetTap(h1.Tap)
	trailed
}

// rawAnswerBody is an answerBody that can be relayed as it came.
type rawAnswerBody interface {
	answerBody
	rawBody
}

var (
	_ rawBody       = (*rawRequestBody)(nil)
	_ rawAnswerBody = (*originBody)(nil)
)

// await implements clientSide.
func (c *clientConn) await() { c.watch.start() }

// awaited implements clientSide.
func (c *clientConn) awaited() { c.watch.stop() }

// interrupt implements clientSide.
func (c *clientConn) interrupt() { c.setDeadline(time.Now()) }

// inform implements clientSide.
func (c *clientConn) inform(resp *traffic.Response) error {
	_, err := c.conn.Write(h1.AppendResponse(nil, resp))
	return err
}

// fit implements clientSide.
func (c *clientConn) fit(x *exchange, resp *traffic.Response, framing h1.Framing) {
	if body, ok := resp.Body.(*originBody); ok && x.edits != nil && x.edits.relayed && body.Framing() == framing {
		return
	}
	if framing.Kind != h1.NoBody {
		head, _ := reframe(resp, framing, x.Request.Proto)
		resp.Header = head.Header
	}
}

// respond implements clientSide.
func (c *clientConn) respond(x *exchange, resp *traffic.Response) bool {
	x.withoutAltSvc(resp)
	head := resp
	framing, err := h1.ResponseFraming(resp, x.Request.Method)
	if err != nil {
		_ = closeBody(resp.Body) // ends the upload, too
		return x.fail(&traffic.Failure{Kind: traffic.FailProtocol, Side: traffic.SideUpstream, Text: err.Error(), Err: err})
	}
	raw, isRaw := resp.Body.(rawAnswerBody)
	tooNew := framing.Kind == h1.Chunked && x.Request.Proto == "HTTP/1.0"
	if isRaw && raw.Framing() == framing && !tooNew {
		err = c.relayRaw(x, resp, raw)
	} else {
		if framing.Kind != h1.NoBody {
			head, framing = reframe(resp, framing, x.Request.Proto)
		}
		err = c.relayContent(x, head, framing)
	}
	if closeErr := closeBody(resp.Body); err == nil {
		err = closeErr
	}
	if err != nil {
		x.setFailure(err)
		c.awaited()
		c.endAnswer(x, framing)
		return false
	}
	c.drainRequest(x)
	if x.reqBody != nil && !x.reqBody.Done() {
		return false
	}
	return persistent(x.Request.Proto, x.Request.Header) && persistent(head.Proto, head.Header) && framing.Kind != h1.UntilClose
}

// withoutAltSvc takes out what names other ports of the origin behind a
// listener, past necto.
func (x *exchange) withoutAltSvc(resp *traffic.Response) {
	if x.c.opts.Reverse != nil && x.c.tunnel == nil {
		resp.Header = resp.Header.Without("Alt-Svc")
	}
}

// captureAnswer begins the capture of a response body.
func (x *exchange) captureAnswer(length int64) *capture {
	x.answer.begin(x, traffic.ServerToClient, length, &x.content)
	x.ResponseBody = &x.content
	return &x.answer
}

// relayRaw sends head and body as they came.
func (c *clientConn) relayRaw(x *exchange, resp *traffic.Response, body rawAnswerBody) error {
	if body.Framing().Kind != h1.NoBody {
		tap := x.captureAnswer(resp.Length)
		body.SetTap(tap)
	}
	out := getBuffer()
	defer putBuffer(out)
	*out = h1.AppendResponse(*out, resp)
	err := body.Relay(c.conn, *out)
	x.Response.Trailer = body.Trailers()
	return relayFailure(err)
}

// reframe gives a response whose body a layer made, or that the client cannot
// take as it came, the framing that fits: its length if that is known, chunked
// for HTTP/1.1, else the end of the connection.
func reframe(resp *traffic.Response, framing h1.Framing, clientProto string) (*traffic.Response, h1.Framing) {
	switch {
	case resp.Length >= 0 && framing == h1.Framing{Kind: h1.ByLength, Length: resp.Length}:
		return resp, framing
	case resp.Length < 0 && framing.Kind == h1.Chunked && clientProto == "HTTP/1.1":
		return resp, framing
	}
	out := *resp
	switch {
	case resp.Length >= 0:
		out.Header = withLength(resp.Header, resp.Length)
		return &out, h1.Framing{Kind: h1.ByLength, Length: resp.Length}
	case clientProto == "HTTP/1.1" && resp.Proto == "HTTP/1.1":
		out.Header = withLength(resp.Header, -1)
		return &out, h1.Framing{Kind: h1.Chunked}
	default:
		out.Header = withLength(resp.Header, noLength)
		return &out, h1.Framing{Kind: h1.UntilClose}
	}
}

// relayContent sends a head and a body that is read decoded and framed anew.
func (c *clientConn) relayContent(x *exchange, resp *traffic.Response, framing h1.Framing) error {
	out := getBuffer()
	defer putBuffer(out)
	*out = h1.AppendResponse(*out, resp)
	if framing.Kind == h1.NoBody {
		_, err := c.conn.Write(*out)
		return clientFailure(err)
	}
	tap := x.captureAnswer(resp.Length)
	if resp.Body == nil {
		resp.Body = traffic.NewMemoryBody(nil)
	}
	if memory, ok := resp.Body.(*traffic.MemoryBody); ok && framing == (h1.Framing{Kind: h1.ByLength, Length: int64(len(memory.Bytes()))}) {
		tap.Data(memory.Bytes())
		return clientFailure(writeBoth(c.conn, *out, memory.Bytes()))
	}
	if _, err := c.conn.Write(*out); err != nil {
		return clientFailure(err)
	}
	err := copyBody(c.conn, resp.Body, framing, tap, &resp.Trailer)
	x.Response.Trailer = resp.Trailer
	return relayFailure(err)
}

// persistent reports whether a message allows the connection to be used again
// (RFC 9112 section 9.3).
func persistent(proto string, header traffic.Fields) bool {
	if proto == "HTTP/1.0" {
		return header.HasToken("Connection", "keep-alive") || header.HasToken("Proxy-Connection", "keep-alive")
	}
	return !header.HasToken("Connection", "close")
}

func closeBody(body io.Closer) error {
	if body == nil {
		return nil
	}
	return body.Close()
}

// upgrade implements clientSide: it turns the connection into what a 101 agreed
// on, WebSocket, or something that necto does not read. Bytes pass in both
// directions until both have ended.
func (c *clientConn) upgrade(x *exchange, resp *traffic.Response) {
	origin, ok := resp.Body.(tunnelConn)
	if !ok { // a layer's
		_ = closeBody(resp.Body)
		x.fail(&traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "a 101 without a connection"})
		return
	}
	c.awaited()
	c.noDeadline()
	if err := c.inform(resp); err != nil {
		_ = origin.Close()
		x.setFailure(clientFailure(err))
		c.abort()
		return
	}
	if opensWebSocket(x.Request, resp) {
		x.relayWebSocket(resp, origin, "")
		return
	}
	c.relayTunnel(c.newTunnel(x.Request.URL.HostPort(), hello{}), origin)
	if errors.Is(context.Cause(c.ctx), errShutdown) {
		x.setFailure(errShutdown)
	}
}

// refuse implements clientSide.
func (c *clientConn) refuse(x *exchange, status int) {
	c.linger = c.writeText(status, x.Failure.Text, x.Request.Method != http.MethodHead) == nil
}
