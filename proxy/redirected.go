package proxy

import (
	"net/netip"
	"strconv"
)

// redirectedFrom returns where the client wanted to go if the system has led it here
// instead. One that has come by itself is not redirected.
func (c *clientConn) redirectedFrom() (netip.AddrPort, bool) {
	if !c.opts.Transparent {
		return netip.AddrPort{}, false
	}
	target, ok := originalTarget(netConn(c.raw))
	here, _ := plainAddr(c.raw.LocalAddr())
	return target, ok && target != here
}

// serveRedirected serves a client that knows of no proxy as one in a tunnel to its
// target. Its requests, and its TLS, name the host better than the address does.
func (c *clientConn) serveRedirected(addr netip.AddrPort) {
	if !c.admitUnread() {
		return
	}
	c.open(opening{
		host: addr.Addr().String(), port: strconv.Itoa(int(addr.Port())), named: true,
		grant: func() error { return nil },
		deny:  func(err error) { c.failTunnel(c.newTunnel(addr.String(), hello{}), err) },
	})
}
