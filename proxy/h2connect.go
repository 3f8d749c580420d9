package proxy

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// connectStream answers CONNECT on a stream (RFC 9113 section 8.5). What is inside
// is served as a connection of its own.
func (c *clientConn) connectStream(x *streamExchange, req *traffic.Request, started time.Time) {
	req.Target = req.URL.Authority
	host, port, err := connectTarget(req)
	var tags []string
	var bad *h1.Error
	switch {
	case err != nil:
		bad = &h1.Error{Status: http.StatusBadRequest, Text: err.Error()}
	case c.tunnel != nil:
		bad = &h1.Error{Status: http.StatusMethodNotAllowed, Text: "CONNECT is for the proxy itself"}
	default:
		tags, bad = c.checkCredentials(req)
	}
	if bad != nil {
		c.rejectStream(x, req, bad)
		return
	}
	inner := newClientConn(c.ctx, c.p, c.opts, newStreamConn(x.side.st))
	inner.tags = tags
	if !c.p.register(inner) {
		x.side.st.Reset(h2.CodeRefusedStream) // the proxy stops
		return
	}
	inner.run(func() {
		inner.open(opening{
			host: host, port: port,
			grant: func() error { return x.side.st.WriteHead(h2.ResponseHead(http.StatusOK, nil)) },
			deny: func(err error) {
				x.begin(c, req, traffic.URL{Scheme: "https", Authority: net.JoinHostPort(host, port)}, started)
				x.attachStream()
				x.failConnect(err)
			},
		})
	})
}

// serveWebSocket answers an extended CONNECT, whose request has the form of RFC
// 6455 already.
func (c *clientConn) serveWebSocket(x *streamExchange, req *traffic.Request, r route, started time.Time) {
	conn := newStreamConn(x.side.st)
	inner := &clientConn{
		p: c.p, id: c.id, opts: c.opts, client: c.client, raw: conn, conn: conn, r: h1.NewReader(conn, h1.Limits{}),
		tls: c.tls, tunnel: c.tunnel, steps: c.steps, tags: c.tags, next: c.next,
	}
	inner.ctx, inner.cancel = context.WithCancelCause(c.ctx)
	defer inner.close()
	x.begin(inner, req, r.url, started)
	x.attachStream()
	x.Request.Length, x.atOnce = 0, true // what follows is not content of the request
	x.prepareUpstream(r)
	x.serve()
}
