package proxy

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// routeStream decides where a request of HTTP/2 goes, whose URL says what the
// client has asked for. The client's authority is sent on as Host where the URL
// has to say something else.
func (c *clientConn) routeStream(req *traffic.Request) (route, error) {
	asked := req.URL.Authority
	if err := traffic.CheckAuthority(asked); err != nil {
		return route{}, &h1.Error{Status: http.StatusBadRequest, Text: fmt.Sprintf("invalid :authority %.80q: %v", asked, err)}
	}
	switch {
	case c.tunnel != nil:
		return c.routeStreamInTunnel(req)
	case c.opts.Reverse != nil:
		r := c.routeReverse(req)
		if r.host == "" && asked != r.url.Authority {
			r.host = asked // it is kept
		} else {
			r.host = ""
		}
		return r, c.checkOriginHost(asked)
	case c.opts.Origin:
		return c.routeToUs(asked, req.Target), c.checkOriginHost(asked)
	}
	tags, bad := c.checkCredentials(req)
	if bad != nil {
		return route{}, bad
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return route{}, &h1.Error{Status: http.StatusBadRequest, Text: fmt.Sprintf("unsupported scheme %.20q", req.URL.Scheme)}
	}
	return route{url: req.URL, tags: tags}, nil
}

// routeStreamInTunnel takes a request inside a tunnel. A client may use one
// connection for several names that the certificate is for (RFC 9113 section
// 9.1.1); other names are misdirected. Without TLS there is nothing that
// a name has to fit.
func (c *clientConn) routeStreamInTunnel(req *traffic.Request) (route, error) {
	asked := req.URL.Authority
	r := route{url: c.tunnel.url(req.Target)}
	switch {
	case c.tunnel.named && c.tunnel.addName(asked):
		r.url.Authority = asked
	case sameAuthority(r.url.Scheme, r.url.Authority, asked):
	case c.tls != nil && !c.covers(asked):
		return r, &h1.Error{Status: http.StatusMisdirectedRequest, Text: fmt.Sprintf(
			"a request for %s on a connection to %s", asked, r.url.Authority)}
	default:
		r.host = asked
	}
	return r, nil
}

// covers reports whether the certificate that the client was shown is for the
// host of an authority.
func (c *clientConn) covers(authority string) bool {
	host := traffic.URL{Authority: authority}.Hostname()
	return strings.EqualFold(host, c.tls.SNI) || strings.EqualFold(host, c.tunnel.target.sni)
}
