package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
)

// isHTTP reports whether ALPN knows a protocol as a version of HTTP that is read here.
func isHTTP(protocol string) bool { return protocol == alpn1 || protocol == alpn2 }

// otherConfig is serverConfig for a client that offers other protocols than HTTP: what
// the origin has chosen, or where that cannot be asked what the client likes best.
func (c *clientConn) otherConfig(host string, h hello, origin *originConn) (*tls.Config, *originConn) {
	config := c.p.server.http1.Clone()
	config.NextProtos = h.offered[:1]
	if origin == nil {
		return config, nil
	}
	origin.target.sni = cmp.Or(h.sni, host)
	if err := c.origins.secureOther(c.ctx, origin, h.offered); err != nil {
		c.origins.drop(origin)
		return config, nil // the tunnel will tell why
	}
	config.NextProtos = nil
	if chosen := origin.protocol(); chosen != "" {
		config.NextProtos = []string{chosen}
	}
	return config, origin
}

// offered returns what the client of a connection offers by ALPN.
func (c *clientConn) offered() []string {
	if c.tls == nil {
		return nil
	}
	return c.tls.Offered
}

// protocol returns what was agreed on by ALPN, "" for nothing.
func (oc *originConn) protocol() string {
	if conn, ok := oc.conn.(*tls.Conn); ok {
		return conn.ConnectionState().NegotiatedProtocol
	}
	return ""
}

// secureOther opens TLS on a connection, unless it has that already, for what may not
// be HTTP.
func (o *origins) secureOther(ctx context.Context, oc *originConn, protocols []string) error {
	if oc.target.secure && !oc.raw {
		return nil
	}
	if err := o.secure(ctx, oc, protocols); err != nil {
		return err
	}
	oc.target.secure = true
	return nil
}

// openOther opens a connection to t for what may not be HTTP, or TLS on oc, if that is
// not nil. After an error there is none.
func (o *origins) openOther(ctx context.Context, t target, oc *originConn, protocols []string) (*originConn, error) {
	if oc == nil {
		var err error
		if oc, err = o.open(ctx, t); err != nil {
			return nil, err
		}
	}
	if !t.secure {
		return oc, nil
	}
	oc.target.sni = t.sni
	if err := o.secureOther(ctx, oc, protocols); err != nil {
		o.drop(oc)
		return nil, err
	}
	return oc, nil
}

// serveOther serves what is in the client's TLS where no version of HTTP was agreed
// on: HTTP nevertheless, or a protocol that is passed on as it is. t is where the tunnel
// goes that this is in, and origin the connection dialled for it, nil for none.
func (c *clientConn) serveOther(t target, h hello, origin *originConn, enter func(*originConn)) {
	s, err := c.sniff(t, origin)
	switch {
	case err != nil && s.failed != nil:
		c.failTunnel(c.newTunnel(t.addr, h), s.failed)
	case err != nil:
		c.tellVerdict(t.addr, h, err)
	case s.kind == insideHTTP:
		enter(s.origin)
	default:
		c.openRaw(t, s.origin, s.early)
	}
}
