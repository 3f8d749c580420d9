package proxy

import (
	"cmp"
	"crypto/tls"
	"slices"
)

// serverConfigs are the configurations for clients, which differ in what is
// offered by ALPN. There is one of each for all clients, so that they can resume
// sessions.
type serverConfigs struct{ http1, http2, either *tls.Config }

func newServerConfigs(base *tls.Config) *serverConfigs {
	offering := func(protocols ...string) *tls.Config {
		config := base.Clone()
		config.NextProtos = protocols
		return config
	}
	return &serverConfigs{http1: offering(alpn1), http2: offering(alpn2), either: offering(alpn2, alpn1)}
}

// serverConfig returns the configuration that offers a client, whose hello is h,
// what its origin has chosen from what it can speak. origin is the connection
// dialled for it, nil for none, and is given back with TLS opened on it, nil if
// that failed, which a request will tell of. Where layers may answer, or no origin
// can be asked, the choice is the client's.
func (c *clientConn) serverConfig(host string, h hello, origin *originConn) (*tls.Config, *originConn) {
	configs := c.p.server
	switch {
	case len(h.offered) > 0 && !slices.ContainsFunc(h.offered, isHTTP):
		return c.otherConfig(host, h, origin)
	case c.p.opts.HTTP1Only || !slices.Contains(h.offered, alpn2):
		return configs.http1, origin
	case origin == nil:
		return configs.either, nil
	}
	v := either
	if !slices.Contains(h.offered, alpn1) {
		v = http2
	}
	origin.target.secure, origin.target.sni = true, cmp.Or(h.sni, host)
	if err := c.origins.secure(c.ctx, origin, v.protocols()); err != nil {
		c.origins.drop(origin)
		return configs.either, nil
	}
	if origin.h2 != nil {
		return configs.http2, origin
	}
	return configs.http1, origin
}
