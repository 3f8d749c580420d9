package proxy

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// FromOrigin reports whether the request was sent to necto as if it were the
// origin, in origin-form to a listener with Origin set: its authority is then
// necto's own address.
func FromOrigin(ctx context.Context) bool {
	x := exchangeFrom(ctx)
	return x != nil && x.origin
}

// route is where a request goes and how it is sent there.
type route struct {
	url traffic.URL
	// host, if not "", is the Host value to send in place of the client's.
	host string
	// origin marks a request for which necto is the origin.
	origin bool
	// tags are those of this request where it has others than its connection.
	tags []string
}

// route decides where a request goes (RFC 9112 section 3.2).
func (c *clientConn) route(req *traffic.Request) (route, error) {
	if err := h1.CheckHost(req); err != nil {
		return route{}, err
	}
	originForm := isOriginForm(req)
	switch {
	case c.tunnel != nil && originForm:
		if host := req.Header.Get("Host"); c.tunnel.named && host != "" {
			c.tunnel.authority = host
		}
		return route{url: c.tunnel.url(req.Target)}, nil
	case c.tunnel != nil:
		return c.routeInTunnel(req)
	case !originForm:
		return routeAbsolute(req)
	case c.opts.Reverse != nil:
		return c.routeReverse(req), c.checkOriginHost(req.Header.Get("Host"))
	case c.opts.Origin:
		return c.routeOrigin(req), c.checkOriginHost(req.Header.Get("Host"))
	default:
		return route{}, &h1.Error{Status: http.StatusBadRequest, Text: "this is a proxy, " +
			"it takes requests for http://host/path and CONNECT; for requests like this one start necto with --reverse URL"}
	}
}

// isOriginForm reports whether a request is one to an origin, not to a proxy.
func isOriginForm(req *traffic.Request) bool {
	return req.Target[0] == '/' || req.Target == "*" && req.Method == "OPTIONS"
}

// routeAbsolute takes the target as sent to a proxy. If Host says something
// else the target wins, and its host is sent (RFC 9112 section 3.2.2).
func routeAbsolute(req *traffic.Request) (route, error) {
	u, err := traffic.ParseURL(req.Target)
	if err != nil {
		return route{}, &h1.Error{Status: http.StatusBadRequest, Text: err.Error()}
	}
	switch u.Scheme {
	case "http", "https":
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	default:
		return route{}, &h1.Error{Status: http.StatusBadRequest, Text: fmt.Sprintf("unsupported scheme %.20q", u.Scheme)}
	}
	if _, rest, _ := strings.Cut(req.Target, "://"); req.Method == "OPTIONS" && !strings.ContainsAny(rest, "/?") {
		u.Target = "*" // the server as a whole (RFC 9112 section 3.2.4)
	}
	r := route{url: u}
	if !sameAuthority(u.Scheme, u.Authority, req.Header.Get("Host")) {
		r.host = u.Authority
	}
	return r, nil
}

// routeInTunnel takes an absolute target inside a tunnel, which must name the
// tunnel's origin.
func (c *clientConn) routeInTunnel(req *traffic.Request) (route, error) {
	r, err := routeAbsolute(req)
	if err != nil {
		return r, err
	}
	inside := c.tunnel.url(r.url.Target)
	if inside.Scheme != r.url.Scheme || !sameAuthority(inside.Scheme, inside.Authority, r.url.Authority) {
		return r, &h1.Error{Status: http.StatusMisdirectedRequest, Text: fmt.Sprintf(
			"a request for %s inside a tunnel to %s", r.url.Authority, inside.Authority)}
	}
	r.url = inside
	return r, nil
}

func (c *clientConn) routeReverse(req *traffic.Request) route {
	u := *c.opts.Reverse
	if prefix := strings.TrimSuffix(u.Target, "/"); prefix != "" && req.Target != "*" {
		u.Target = prefix + req.Target
	} else {
		u.Target = req.Target
	}
	r := route{url: u}
	if !c.opts.KeepHost {
		r.host = u.Authority
	}
	return r
}

func (c *clientConn) routeOrigin(req *traffic.Request) route {
	return c.routeToUs(cmp.Or(req.Header.Get("Host"), "localhost"), req.Target)
}

// routeToUs is the route of a request for which necto is the origin.
func (c *clientConn) routeToUs(authority, target string) route {
	scheme := "http"
	if c.tls != nil {
		scheme = "https"
	}
	return route{url: traffic.URL{Scheme: scheme, Authority: authority, Target: target}, origin: true}
}

// sameAuthority compares two authorities without case and with the scheme's
// default port filled in.
func sameAuthority(scheme, a, b string) bool {
	if a == b {
		return true
	}
	ua, ub := traffic.URL{Scheme: scheme, Authority: a}, traffic.URL{Scheme: scheme, Authority: b}
	return ua.Port() == ub.Port() && strings.EqualFold(ua.Hostname(), ub.Hostname())
}

// passesThrough reports whether the TLS of a host is not to be opened.
func (p *Proxy) passesThrough(host string) bool {
	return matchHost(p.opts.Passthrough, host) ||
		p.opts.PassthroughNow != nil && matchHost(p.opts.PassthroughNow(), host)
}

// matchHost reports whether host is one of the patterns: an exact name, "*." and
// a suffix, which stands for any name below it, or a range of addresses. A trailing
// dot and case are ignored.
func matchHost(patterns []string, host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, pattern := range patterns {
		pattern = strings.ToLower(strings.TrimSuffix(pattern, "."))
		suffix, wild := strings.CutPrefix(pattern, "*")
		if host != "" && (host == pattern || wild && strings.HasPrefix(suffix, ".") && len(host) > len(suffix) && strings.HasSuffix(host, suffix)) {
			return true
		}
		if strings.Contains(pattern, "/") && inRange(pattern, host) {
			return true
		}
	}
	return false
}

// inRange reports whether host is an address in a range in CIDR notation.
func inRange(pattern, host string) bool {
	prefix, err := netip.ParsePrefix(pattern)
	addr, err2 := netip.ParseAddr(host)
	return err == nil && err2 == nil && prefix.Contains(addr.Unmap())
}
