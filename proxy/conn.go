package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

const (
	idleTimeout = 75 * time.Second // between requests
	// deadlineSlack is how old an idle deadline may be before it is set anew:
	// setting one costs more than reading the clock.
	deadlineSlack = 5 * time.Second
	// lingerTime is how long what a client still sends is read and thrown away
	// after an answer that came early, so that it is not lost to a reset.
	lingerTime = 500 * time.Millisecond
)

// headTimeout is from the first byte of a head to its last. Tests change it.
var headTimeout = 30 * time.Second

// errClientGone is why a connection's work is cancelled when its client left.
var errClientGone = errors.New("the client closed the connection")

// clientConn is one accepted connection. One goroutine serves it; see watch and
// upload for the two that may help for a while.
type clientConn struct {
	p      *Proxy
	id     traffic.ConnID
	opts   Listener
	client string   // ip:port
	raw    net.Conn // as accepted
	conn   net.Conn // raw, or the TLS connection over it
	r      *h1.Reader
	tls    *traffic.TLSInfo
	tunnel *tunnelTarget // inside a CONNECT
	steps  traffic.ConnSteps
	shook  time.Duration // what the handshake took
	tags   []string      // given by the listener and the client

	ctx     context.Context // done when the client is gone or the proxy stops
	cancel  context.CancelCauseFunc
	origins *origins // nil without network
	next    traffic.RoundTripper
	watch   watcher

	now            time.Time // the last time the clock was read between requests
	whole          bool      // the head of the request was there at that time
	linger         bool      // the client may still be sending when the connection ends
	deadline       time.Time // when the idle deadline was set, zero for none
	idle, stopping atomic.Bool
	stopped        chan struct{}           // closed by stop
	h2             atomic.Pointer[h2.Conn] // nil until HTTP/2 is spoken
}

func newClientConn(ctx context.Context, p *Proxy, l Listener, conn net.Conn) *clientConn {
	c := &clientConn{
		p: p, id: traffic.ConnID(p.lastConn.Add(1)), opts: l,
		client: conn.RemoteAddr().String(), raw: conn, conn: conn,
		r:     h1.NewReader(conn, h1.Limits{}),
		steps: traffic.ConnSteps{Accepted: time.Now()},
		tags:  l.Tags,
	}
	c.stopped = make(chan struct{})
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.watch.c = c
	if p.origins != nil {
		c.origins = newOrigins(c.ctx, p.origins)
		c.next = c.origins
		if len(p.opts.Layers) > 0 {
			c.next = editable{c.origins}
		}
	}
	for _, layer := range slices.Backward(p.opts.Layers) {
		c.next = layer(c.next)
	}
	return c
}

// serve handles the connection until it ends.
func (c *clientConn) serve() { c.run(c.serveAny) }

// run has the connection, which is registered, served by serve, and ends it.
func (c *clientConn) run(serve func()) {
	defer c.p.unregister(c)
	defer c.close()
	unblock := context.AfterFunc(c.ctx, c.abort)
	defer unblock()
	serve()
}

// serveAny finds out what the client speaks first.
func (c *clientConn) serveAny() {
	if c.opts.Raw != "" {
		c.serveRaw()
		return
	}
	if target, ok := c.redirectedFrom(); ok {
		c.serveRedirected(target)
		return
	}
	if _, err := c.awaitRequest(); err != nil || !c.admitAddress() {
		return
	}
	if c.p.server != nil && classify(c.r.Buffered()) == insideTLS && !c.enterTLS() {
		return
	}
	if isSOCKS(c.r.Buffered()[0]) {
		c.serveSOCKS()
		return
	}
	c.serveVersion()
}

// serveVersion serves the connection in the version of HTTP that was agreed on, or
// that the client speaks.
func (c *clientConn) serveVersion() {
	if c.tls != nil && c.tls.ALPN == alpn2 {
		c.serveHTTP2()
	} else {
		c.serveHTTP()
	}
}

// isPlain reports whether the client speaks to its origin without TLS, rather than to
// a proxy.
func (c *clientConn) isPlain() bool {
	if c.tunnel != nil {
		return c.tunnel.scheme == "http"
	}
	return c.opts.Reverse != nil && c.tls == nil
}

// close ends the connection in good order.
func (c *clientConn) close() {
	c.cancel(nil)
	_ = c.conn.Close() // the client may have closed it already
	c.r.Release()
	if c.origins != nil {
		c.origins.close()
		c.origins.await()
	}
}

// abort cuts the connection and those to origins, so that whatever is blocked
// on them returns and the client sees a reset, not an orderly end.
func (c *clientConn) abort() {
	resetOnClose(c.raw)
	_ = c.raw.Close()
	if c.origins != nil {
		c.origins.abort()
	}
}

// resetter is a connection whose Close can be made a reset.
type resetter interface{ resetOnClose() }

func resetOnClose(conn net.Conn) {
	if stream, ok := conn.(resetter); ok {
		stream.resetOnClose()
	}
	if tcp, ok := netConn(conn).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it may be closed already
	}
}

// stop closes the connection if it is between requests and lets it end after
// the current one otherwise.
func (c *clientConn) stop() {
	if c.stopping.CompareAndSwap(false, true) {
		close(c.stopped)
	}
	if c.idle.Load() {
		_ = c.raw.SetReadDeadline(time.Now())
	}
}

// busy reports whether the connection is not between requests.
func (c *clientConn) busy() bool {
	if conn := c.h2.Load(); conn != nil {
		return conn.Streams() > 0
	}
	return !c.idle.Load()
}

// serveHTTP serves what begins with a request of HTTP/1 or the preface of HTTP/2.
func (c *clientConn) serveHTTP() {
	if _, err := c.awaitRequest(); err != nil {
		return
	}
	if !c.p.opts.HTTP1Only && c.isPrefaced() {
		c.serveHTTP2()
		return
	}
	c.serveHTTP1()
}

// serveHTTP1 reads requests and answers them, one after the other, until the
// connection ends or becomes something else.
func (c *clientConn) serveHTTP1() {
	for {
		started, err := c.awaitRequest()
		if err != nil {
			return
		}
		req, err := c.r.ReadRequest()
		if err != nil {
			c.rejectHead(err, c.r.Buffered())
			return
		}
		if !c.admit(req) {
			return
		}
		if req.Method == "CONNECT" {
			c.connect(req, started)
			return
		}
		if !c.exchange(req, started) {
			return
		}
	}
}

// exchange answers one request and reports whether the connection can take
// another.
func (c *clientConn) exchange(req *traffic.Request, started time.Time) bool {
	r, err := c.route(req)
	if err != nil {
		c.rejectHead(err, headOf(req))
		return false
	}
	framing, err := h1.RequestFraming(req)
	if err != nil {
		c.rejectHead(err, headOf(req))
		return false
	}
	x := c.newExchange(req, r.url, started)
	x.Request.Length = framing.BodyLength()
	x.prepareUpstream(r)
	c.attachBody(x, framing)
	keep := x.serve() && !c.stopping.Load()
	c.now = x.Started.Add(x.Duration)
	if c.linger || !keep && x.Failure == nil {
		c.lingerClose()
	}
	return keep
}

// attachBody gives x the request's content.
func (c *clientConn) attachBody(x *exchange, framing h1.Framing) {
	if framing.Kind == h1.NoBody {
		return
	}
	x.atOnce = false
	body := newRawRequestBody(x, c.r.Body(framing))
	x.reqBody, x.upstream.Body = &body.requestBody, body
	if !body.Buffered() {
		c.noDeadline()
	}
}

// awaitRequest waits for the first bytes of a request and returns when they
// were there. What is behind them has headTimeout to come.
func (c *clientConn) awaitRequest() (time.Time, error) {
	if len(c.r.Buffered()) == 0 {
		if err := c.awaitIdle(); err != nil {
			return time.Time{}, err
		}
	}
	c.now = time.Now()
	if c.whole = h1.HasHead(c.r.Buffered()); !c.whole {
		c.setDeadline(c.now.Add(headTimeout))
		c.deadline = time.Time{}
	}
	return c.now, nil
}

func (c *clientConn) awaitIdle() error {
	if c.now.IsZero() {
		c.now = time.Now()
	}
	if c.now.Sub(c.deadline) > deadlineSlack {
		c.setDeadline(c.now.Add(idleTimeout))
		c.deadline = c.now
	}
	return c.fillIdle()
}

// fillIdle waits for bytes on a connection that may be closed for a stop.
func (c *clientConn) fillIdle() error {
	c.idle.Store(true)
	defer c.idle.Store(false)
	if c.stopping.Load() {
		return errShutdown
	}
	return c.r.Fill()
}

// noDeadline lets a body or an answer take the time it takes.
func (c *clientConn) noDeadline() {
	c.setDeadline(time.Time{})
	c.deadline = time.Time{}
}

func (c *clientConn) setDeadline(t time.Time) {
	_ = c.conn.SetReadDeadline(t) // fails only on a closed connection, as the read will
}

// lingerClose tells the client that the answer is over and reads on for a
// while, because a close with unread bytes would reset the connection and could
// take the answer with it (RFC 9112 section 9.6).
func (c *clientConn) lingerClose() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.setDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, c.r) // ends with the client or the deadline
}
