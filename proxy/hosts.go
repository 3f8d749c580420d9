package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/loopback"
	"github.com/necto-dev/necto/traffic"
)

// containerHost is this machine for the containers that run on it.
const containerHost = "host.docker.internal"

// checkOriginHost refuses a request to the origin behind a listener that came to the
// loopback under a name that anybody can let resolve to it: a web page of that name
// could read what is behind the listener, with the credentials that rules add. An
// address is no such name.
func (c *clientConn) checkOriginHost(authority string) error {
	if authority == "" || loopback.IsHost(authority) || !isLoopback(c.raw.LocalAddr()) {
		return nil
	}
	host := strings.TrimSuffix(traffic.URL{Authority: authority}.Hostname(), ".")
	if c.knowsHost(host) {
		return nil
	}
	return &h1.Error{Status: http.StatusMisdirectedRequest, Text: fmt.Sprintf(
		"requests that come here for %.80q are refused, as any web page may have that name: if it is yours, start necto with --allow-host %.80s", host, host)}
}

// knowsHost reports whether a host is an address, a name of this machine, that of the
// origin, or one that Options.AllowHost lets in.
func (c *clientConn) knowsHost(host string) bool {
	if lower := strings.ToLower(host); isLocalhost(host) || strings.HasSuffix(lower, ".localhost") || lower == containerHost {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if c.opts.Reverse != nil && strings.EqualFold(c.opts.Reverse.Hostname(), host) {
		return true
	}
	return c.p.opts.AllowHost != nil && c.p.opts.AllowHost(host)
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
