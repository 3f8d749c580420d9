package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// preface is how HTTP/2 begins (RFC 9113 section 3.4), as far as no request of
// HTTP/1 does.
const preface = "PRI * HTTP/2.0\r\n"

// stallTimeout is h2.Config.StallTimeout of all connections. Tests change it.
var stallTimeout = 5 * time.Minute

// isPrefaced reports whether what comes next begins with the preface of HTTP/2. It
// waits only for what may still be one.
func (c *clientConn) isPrefaced() bool {
	for {
		p := c.r.Buffered()
		n := min(len(p), len(preface))
		switch {
		case string(p[:n]) != preface[:n]:
			return false
		case n == len(preface):
			return true
		}
		if c.r.Fill() != nil {
			return false // who reads on finds out why
		}
	}
}

// serveHTTP2 serves the connection in HTTP/2; the preface of that is what comes
// next.
func (c *clientConn) serveHTTP2() {
	c.noDeadline()
	if c.origins != nil && c.isPlain() {
		c.origins.expectPrior()
	}
	conn := h2.Server(&helloConn{Conn: c.conn, ahead: c.r}, h2.Config{
		IdleTimeout: idleTimeout, StallTimeout: stallTimeout,
		ExtendedConnect: c.takesWebSockets(), Refused: c.tellRefused,
	}, c.serveStream)
	c.h2.Store(conn)
	ctx, ended := context.WithCancel(c.ctx)
	var leaving sync.WaitGroup
	leaving.Go(func() {
		select {
		case <-c.stopped:
			_ = conn.Shutdown(ctx)
		case <-ctx.Done():
		}
	})
	err := conn.Run(c.ctx)
	ended()
	leaving.Wait()
	c.tellEnded(err)
}

// takesWebSockets reports whether the client is told that it may open WebSocket
// connections inside this one (RFC 8441): as its origin does, and if there are
// layers in between, which may answer in its place.
func (c *clientConn) takesWebSockets() bool {
	if c.origins == nil || len(c.p.opts.Layers) > 0 {
		return true
	}
	if c.tunnel == nil {
		return false
	}
	oc := c.origins.shared(c.tunnel.target)
	return oc != nil && oc.offersWebSockets(c.ctx)
}

// tellRefused tells of a request that could mean something else to others, or
// nothing.
func (c *clientConn) tellRefused(err *h2.StreamError) {
	if err.Code == h2.CodeProtocol {
		c.clientError(0, traffic.FailProtocol, "HTTP/2: "+err.Reason, nil)
	}
}

// tellEnded tells of a client that broke the rules of HTTP/2, or says that necto
// did.
func (c *clientConn) tellEnded(err error) {
	var broken *h2.ConnError
	var goAway *h2.GoAwayError
	switch {
	case c.ctx.Err() != nil:
	case errors.As(err, &broken) && broken.Code == h2.CodeSettingsTimeout:
		c.clientError(0, traffic.FailTimeout, "HTTP/2: "+broken.Reason, nil)
	case errors.As(err, &broken):
		c.clientError(0, traffic.FailProtocol, "HTTP/2: "+broken.Error(), nil)
	case errors.Is(err, io.ErrUnexpectedEOF):
		c.clientError(0, traffic.FailEOF, "HTTP/2: the connection ended inside a frame", nil)
	case errors.As(err, &goAway) && goAway.Code != h2.CodeNo:
		c.clientError(0, traffic.FailProtocol, "HTTP/2: "+goAway.Error(), nil)
	}
}

// streamExchange is an exchange in HTTP/2, in one piece.
type streamExchange struct {
	exchange
	side clientStream
	body requestBody
}

// serveStream answers the request of a stream.
func (c *clientConn) serveStream(st *h2.Stream) {
	started := time.Now()
	x := new(streamExchange)
	x.side.st = st
	req, protocol := request2(st.Head())
	switch {
	case st.Head().Cut:
		c.rejectStream(x, req, &h1.Error{Status: http.StatusRequestHeaderFieldsTooLarge, Text: "the head has more fields, or more bytes, than necto takes"})
		return
	case req.Method == http.MethodConnect && protocol == "":
		c.connectStream(x, req, started)
		return
	case protocol != "" && protocol != "websocket":
		c.rejectStream(x, req, &h1.Error{Status: http.StatusNotImplemented, Text: "extended CONNECT for the protocol " + protocol})
		return
	case protocol != "":
		req.Method = http.MethodGet
		req.Header = handshakeOf(req.Header)
	}
	r, err := c.routeStream(req)
	if err != nil {
		c.rejectStream(x, req, err)
		return
	}
	if protocol != "" {
		c.serveWebSocket(x, req, r, started)
		return
	}
	x.begin(c, req, r.url, started)
	x.attachStream()
	x.prepareUpstream(r)
	x.attachBody()
	x.serve()
}

// request2 returns the request that a head of HTTP/2 says, with the authority in
// URL, and the protocol of an extended CONNECT, "" for none.
func request2(head h2.Head) (req *traffic.Request, protocol string) {
	req = &traffic.Request{Proto: proto2, Header: head.Fields.Without("host")}
	for _, f := range head.Pseudo {
		switch f.Name {
		case ":method":
			req.Method = f.Value
		case ":scheme":
			req.URL.Scheme = strings.ToLower(f.Value)
		case ":authority":
			req.URL.Authority = f.Value
		case ":path":
			req.Target = f.Value
		case ":protocol":
			protocol = f.Value
		}
	}
	if req.URL.Authority == "" {
		req.URL.Authority = head.Fields.Get("host")
	}
	req.URL.Target = req.Target
	return req, protocol
}

// attachStream makes the stream the client's side of x.
func (x *streamExchange) attachStream() {
	x.client, x.ctx, x.atOnce = &x.side, x.side.st.Context(), x.side.st.Head().End
	x.Request.Length = x.side.st.Length()
}

// attachBody gives x the request's content.
func (x *streamExchange) attachBody() {
	if x.side.st.Head().End {
		return
	}
	source := &x.side.source
	*source = streamSource{st: x.side.st, conn: x.side.st.NetConn(), tap: &x.body.capture}
	x.body.source, x.body.x = source, &x.exchange
	x.body.capture.begin(&x.exchange, traffic.ClientToServer, x.Request.Length, new(traffic.Body))
	x.reqBody, x.upstream.Body = &x.body, &x.body
}

// rejectStream answers what cannot be served as a request, and tells the
// observer.
func (c *clientConn) rejectStream(x *streamExchange, req *traffic.Request, err error) {
	status, text := http.StatusBadRequest, err.Error()
	if bad, ok := errors.AsType[*h1.Error](err); ok {
		status = bad.Status
	}
	c.clientError(status, traffic.FailProtocol, text, headOf(req))
	var fields traffic.Fields
	if status == http.StatusProxyAuthRequired {
		fields.Add("proxy-authenticate", challenge)
	}
	if x.side.writeText(status, text, req.Method != http.MethodHead, fields...) == nil {
		x.side.st.Reset(h2.CodeNo) // the request's content is not wanted
	}
}
