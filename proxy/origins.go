package proxy

import (
	"context"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

const (
	// maxIdleOrigins is how many idle connections to different origins one
	// client connection keeps.
	maxIdleOrigins = 8
	// trustIdle is how long an idle connection is used again without asking
	// the system whether the origin has closed it meanwhile.
	trustIdle = 10 * time.Millisecond
)

// origins are the connections to origins of one client connection, and the
// network at the end of its stack of layers. They are the client's own, so that
// authentication bound to a connection works and origins see the client's reuse
// of connections.
type origins struct {
	d      *dialer
	tunnel *tunnelTarget // set once the client is inside a CONNECT

	mu     sync.Mutex // guards the fields below
	conns  []*originConn
	closed bool
	// last is the target of lastURL's origin: mostly the next one's, too.
	last    target
	lastURL traffic.URL
}

// originConn is one connection to an origin.
type originConn struct {
	target target
	conn   net.Conn
	r      *h1.Reader
	server string // ip:port
	// forward is the upstream proxy that is sent the requests, nil if the origin
	// is.
	forward *url.URL
	trace   traffic.Trace
	raw     bool      // TLS is wanted and not begun
	busy    bool      // guarded by origins.mu
	used    bool      // an exchange was completed on it
	silent  bool      // nothing came of the answer to the last request
	since   time.Time // when the last request had been sent
}

func newOrigins(d *dialer) *origins { return &origins{d: d} }

// close closes all connections, also those in use. It may be called at any
// time.
func (o *origins) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for _, oc := range o.conns {
		_ = oc.conn.Close() // the origin may have closed it already
		if !oc.busy {
			oc.r.Release()
		}
	}
	o.conns = nil
}

// abort closes all connections so that origins see a reset: what they were sent
// is not whole.
func (o *origins) abort() {
	o.mu.Lock()
	for _, oc := range o.conns {
		resetOnClose(netConn(oc.conn))
	}
	o.mu.Unlock()
	o.close()
}

// targetOf returns what a request needs a connection for. Inside a tunnel the
// address is the one the client asked for, whatever name its hello had.
func (o *origins) targetOf(u traffic.URL) target {
	if t := o.tunnel; t != nil && u.Authority == t.authority && u.Scheme == t.scheme {
		return t.target
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if u.Scheme == o.lastURL.Scheme && u.Authority == o.lastURL.Authority {
		return o.last
	}
	t := target{addr: u.HostPort(), secure: u.Secure()}
	if t.secure {
		t.sni = u.Hostname()
	}
	o.lastURL, o.last = u, t
	return t
}

// get returns a connection for t: an idle one that is still open, or a new one.
// now is the time.
func (o *origins) get(ctx context.Context, t target, now time.Time, trace *traffic.Trace) (*originConn, error) {
	for {
		oc := o.takeIdle(t)
		if oc == nil {
			break
		}
		if now.Sub(oc.since) < trustIdle || oc.quiet() {
			return o.ready(ctx, oc, trace)
		}
		o.drop(oc)
	}
	oc, err := o.open(ctx, t)
	if err != nil {
		return nil, err
	}
	return o.ready(ctx, oc, trace)
}

// takeIdle returns an idle connection for t, now busy, or nil.
func (o *origins) takeIdle(t target) *originConn {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, oc := range o.conns {
		if !oc.busy && oc.target == t {
			oc.busy = true
			return oc
		}
	}
	return nil
}

// open dials t. The connection is busy and TLS is not begun.
func (o *origins) open(ctx context.Context, t target) (*originConn, error) {
	trace := traffic.Trace{DNS: -1, Connect: -1, TLS: -1}
	conn, forward, err := o.d.connect(ctx, t, &trace)
	if err != nil {
		return nil, err
	}
	oc := &originConn{target: t, conn: conn, forward: forward, server: conn.RemoteAddr().String(), trace: trace, raw: t.secure, busy: true}
	oc.r = h1.NewReader(conn, h1.Limits{})
	if !o.add(oc) {
		_ = conn.Close()
		return nil, errClientGone
	}
	return oc, nil
}

// add keeps the connection, and closes the oldest idle one if there are too
// many; false means that the client is gone.
func (o *origins) add(oc *originConn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	if len(o.conns) >= maxIdleOrigins {
		if i := slices.IndexFunc(o.conns, func(oc *originConn) bool { return !oc.busy }); i >= 0 {
			_ = o.conns[i].conn.Close()
			o.conns[i].r.Release()
			o.conns = slices.Delete(o.conns, i, i+1)
		}
	}
	o.conns = append(o.conns, oc)
	return true
}

// ready opens TLS where it is wanted and not begun, and fills in trace: what it
// took to open the connection belongs to the first exchange on it.
func (o *origins) ready(ctx context.Context, oc *originConn, trace *traffic.Trace) (*originConn, error) {
	if oc.raw {
		secure, err := o.d.handshake(ctx, oc.conn, oc.target.sni, &oc.trace)
		if err != nil {
			o.drop(oc)
			return nil, err
		}
		o.mu.Lock()
		oc.conn, oc.raw = secure, false
		o.mu.Unlock()
		oc.r = h1.NewReader(secure, h1.Limits{})
	}
	if trace != nil {
		*trace = oc.trace
		trace.Server = oc.server
	}
	oc.trace = traffic.Trace{DNS: -1, Connect: -1, TLS: -1}
	return oc, nil
}

// release makes a connection idle again.
func (o *origins) release(oc *originConn) {
	oc.used = true
	o.mu.Lock()
	defer o.mu.Unlock()
	oc.busy = false
}

// drop closes a busy connection for good.
func (o *origins) drop(oc *originConn) {
	_ = oc.conn.Close()
	oc.r.Release()
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.conns, oc); i >= 0 {
		o.conns = slices.Delete(o.conns, i, i+1)
	}
}

// RoundTrip sends the request to its origin. A request that found its idle
// connection closed is sent once more where that is safe (RFC 9112 section
// 9.3.1).
func (o *origins) RoundTrip(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	t := o.targetOf(req.URL)
	if o.d.opts.Upstream != nil && !t.connect {
		t.upgrade = req.Header.HasToken("Upgrade", "websocket")
	}
	now := time.Now()
	for {
		oc, err := o.get(ctx, t, now, req.Trace)
		if err != nil {
			return nil, err
		}
		if !oc.used { // opening it took time
			now = time.Now()
		}
		resp, err := o.roundTrip(req, oc, now)
		if err == nil {
			return resp, nil
		}
		used := oc.used
		o.drop(oc)
		if !used || !oc.silent || !replayable(req) || ctx.Err() != nil {
			return nil, err
		}
	}
}

// replayable reports whether a request may be sent a second time without being
// asked: it is idempotent (RFC 9110 section 9.2.2) and has no content.
func replayable(req *traffic.Request) bool {
	switch req.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return req.Body == nil
	}
	return false
}
