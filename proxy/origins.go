package proxy

import (
	"context"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
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

// noTrace is that of an exchange that needs no new connection.
var noTrace = traffic.Trace{DNS: -1, Connect: -1, TLS: -1}

// origins are the connections to origins of one client connection, and the
// network at the end of its stack of layers. They are the client's own, so that
// authentication bound to a connection works and origins see the client's reuse
// of connections.
type origins struct {
	d       *dialer
	ctx     context.Context // of the client's connection
	tunnel  *tunnelTarget   // set once the client is inside a CONNECT
	prior   bool            // the client speaks HTTP/2 without TLS to its origin
	running sync.WaitGroup  // connections of HTTP/2, and what opens them

	mu      sync.Mutex // guards the fields below
	conns   []*originConn
	dialing map[target]*dialing
	closed  bool
	// only1 are targets that have turned out not to speak HTTP/2.
	only1 map[target]bool
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
	h2      *h2.Conn      // nil for HTTP/1; its exchanges share it. Guarded by origins.mu
	trace   traffic.Trace // of opening it, until it is told; guarded by origins.mu
	raw     bool          // TLS is wanted and not begun
	busy    bool          // guarded by origins.mu
	used    atomic.Bool   // an exchange was completed on it
	silent  bool          // nothing came of the answer to the last request
	since   time.Time     // when the last request had been sent
}

func newOrigins(ctx context.Context, d *dialer) *origins { return &origins{d: d, ctx: ctx} }

// close closes all connections, also those in use. It may be called at any
// time.
func (o *origins) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for _, oc := range o.conns {
		oc.close()
	}
	o.conns = nil
}

// close closes the connection, also one in use, and frees what nobody uses.
// Called under origins.mu.
func (oc *originConn) close() {
	if oc.h2 != nil {
		oc.h2.Close()
		return
	}
	_ = oc.conn.Close() // the origin may have closed it already
	if !oc.busy {
		oc.r.Release()
	}
}

// isIdle reports whether no exchange is on the connection. Called under
// origins.mu.
func (oc *originConn) isIdle() bool { return !oc.busy && (oc.h2 == nil || oc.h2.Streams() == 0) }

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
	if t := o.tunnel; t != nil && t.isFor(u) {
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

// get returns a connection for t on which a version of HTTP in v is spoken: one
// that is open, or a new one. now is the time.
func (o *origins) get(ctx context.Context, t target, v versions, now time.Time, trace *traffic.Trace) (*originConn, error) {
	for {
		oc := o.takeIdle(t, v)
		switch {
		case oc == nil && v == rather1 && o.d.only2.has(t):
			v = either // what it speaks now is for it to say
			continue
		case oc == nil && v.has2() && !o.isOnly1(t):
			oc, err := o.openShared(ctx, t, v)
			if err != nil {
				return nil, err
			}
			if oc != nil {
				return o.ready(ctx, oc, http1, trace)
			}
			continue
		case oc == nil:
			return o.openFor(ctx, t, trace)
		case oc.h2 != nil || now.Sub(oc.since) < trustIdle || oc.quiet():
			return o.ready(ctx, oc, v, trace)
		}
		o.drop(oc)
	}
}

// openFor opens a connection of HTTP/1.
func (o *origins) openFor(ctx context.Context, t target, trace *traffic.Trace) (*originConn, error) {
	oc, err := o.open(ctx, t)
	if err != nil {
		return nil, err
	}
	return o.ready(ctx, oc, http1, trace)
}

// takeIdle returns a connection for t, or nil: one of HTTP/2 if v has that, else
// an idle one of HTTP/1, which is busy now.
func (o *origins) takeIdle(t target, v versions) *originConn {
	o.mu.Lock()
	defer o.mu.Unlock()
	var idle *originConn
	for _, oc := range o.conns {
		switch {
		case oc.target != t:
		case oc.h2 != nil && v.has2() && oc.h2.CanOpen():
			return oc
		case oc.h2 == nil && !oc.busy && idle == nil:
			idle = oc
		}
	}
	if idle != nil {
		idle.busy = true
	}
	return idle
}

// open dials t. The connection is busy and TLS is not begun.
func (o *origins) open(ctx context.Context, t target) (*originConn, error) {
	trace := noTrace
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
		if i := slices.IndexFunc(o.conns, (*originConn).isIdle); i >= 0 {
			o.conns[i].close()
			o.conns = slices.Delete(o.conns, i, i+1)
		}
	}
	o.conns = append(o.conns, oc)
	return true
}

// ready opens TLS where it is wanted and not begun, with a version in v, and
// fills in trace: what it took to open the connection belongs to the first exchange
// on it.
func (o *origins) ready(ctx context.Context, oc *originConn, v versions, trace *traffic.Trace) (*originConn, error) {
	if oc.raw {
		if v == rather1 && o.d.only2.has(oc.target) {
			v = either
		}
		if err := o.secure(ctx, oc, v.protocols()); err != nil {
			o.drop(oc)
			return nil, err
		}
	}
	if trace == nil {
		return oc, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	*trace = oc.trace
	trace.Server = oc.server
	oc.trace = noTrace
	return oc, nil
}

// secure opens TLS on a connection, and then speaks what the origin has chosen among
// the protocols.
func (o *origins) secure(ctx context.Context, oc *originConn, protocols []string) error {
	secure, err := o.d.handshake(ctx, oc.conn, oc.target.sni, protocols, &oc.trace)
	if err != nil {
		return err
	}
	o.mu.Lock()
	oc.conn, oc.raw = secure, false
	o.mu.Unlock()
	oc.r.Release()
	oc.r = h1.NewReader(secure, h1.Limits{})
	switch secure.ConnectionState().NegotiatedProtocol {
	case alpn1:
		o.d.only2.remove(oc.target)
	case alpn2:
		o.speakHTTP2(oc)
	}
	return nil
}

// release makes a connection idle again.
func (o *origins) release(oc *originConn) {
	oc.used.Store(true)
	o.mu.Lock()
	defer o.mu.Unlock()
	oc.busy = false
}

// adopt makes a connection, which was dialled before it was known what for, one
// for t that is not in use.
func (o *origins) adopt(oc *originConn, t target) {
	o.mu.Lock()
	defer o.mu.Unlock()
	oc.raw = t.secure && !oc.target.secure
	oc.target, oc.busy = t, false
	// How long the client was silent is not known: ask before the first use.
	oc.used.Store(false)
	oc.since = time.Time{}
}

// drop closes a busy connection for good.
func (o *origins) drop(oc *originConn) {
	o.forget(oc)
	if oc.h2 != nil {
		oc.h2.Close()
		return
	}
	_ = oc.conn.Close()
	oc.r.Release()
}

// forget lets nobody find the connection any more.
func (o *origins) forget(oc *originConn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.conns, oc); i >= 0 {
		o.conns = slices.Delete(o.conns, i, i+1)
	}
}
