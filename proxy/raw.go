package proxy

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"github.com/necto-dev/necto/traffic"
)

// serveRaw passes the connection to the target of its listener. Nothing is awaited
// from the client before: in some protocols the other side speaks first.
func (c *clientConn) serveRaw() {
	if !c.admitUnread() {
		return
	}
	t := c.newTunnel(c.opts.Raw, hello{})
	if c.origins == nil {
		c.failTunnel(t, &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "there is no way to " + t.Target})
		return
	}
	c.openTunnel(t, nil)
}

// Reach connects to what is behind the listener with the address that Listen
// returned, and closes the connection: to the target of Raw or the origin of
// Reverse, or else to the upstream proxy via, whose URL is as for Network.Upstream.
// It returns nil at once where there is none. Network.Dialed is not told. The error
// is a *traffic.Failure, or wraps net.ErrClosed if there is no such listener.
func (p *Proxy) Reach(ctx context.Context, addr net.Addr, via *url.URL) error {
	l, ok := p.listenerAt(addr)
	switch {
	case !ok:
		return fmt.Errorf("reach what is behind %s: %w", addr, net.ErrClosed)
	case l.p.origins == nil:
		return nil
	}
	d := *l.p.origins
	d.opts.Dialed = nil
	conn, err := d.reach(ctx, l.opts, via)
	if err != nil || conn == nil {
		return err
	}
	return conn.Close()
}

// listenerAt returns an open listener.
func (p *Proxy) listenerAt(addr net.Addr) (listener, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.listeners {
		if l.Addr().String() == addr.String() {
			return l, true
		}
	}
	return listener{}, false
}

// reach returns a connection to what is behind l or to via, nil for nothing.
func (d *dialer) reach(ctx context.Context, l Listener, via *url.URL) (net.Conn, error) {
	addr := l.Raw
	switch {
	case addr != "":
	case l.Reverse != nil:
		addr = l.Reverse.HostPort()
	case via != nil:
		return d.reachUpstream(ctx, via)
	default:
		return nil, nil //nolint:nilnil // nothing in particular
	}
	conn, _, err := d.connect(ctx, target{addr: addr, connect: true}, new(traffic.Trace))
	return conn, err
}

// reachUpstream returns a connection to an upstream proxy that has not been asked
// for anything.
func (d *dialer) reachUpstream(ctx context.Context, via *url.URL) (net.Conn, error) {
	trace := new(traffic.Trace)
	conn, err := d.connectDirect(ctx, upstreamAddr(via), trace)
	if err == nil && via.Scheme == "https" {
		conn, err = d.handshake(ctx, conn, via.Hostname(), http1.protocols(), trace) // a failure has closed conn
	}
	if err != nil {
		return nil, viaFailure(via, err)
	}
	return conn, nil
}
