package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// tunnelTarget is the origin that the requests inside a CONNECT are for.
type tunnelTarget struct {
	scheme    string
	authority string // for URLs: host, and the port unless it is the default
	target    target
	named     bool // each request names the host in the authority

	mu    sync.Mutex // guards names
	names []string   // authorities by which requests have named the host
}

// maxNames is how many names one host may have in a tunnel.
const maxNames = 100

// addName notes an authority by which the origin is named; false if there are too
// many.
func (t *tunnelTarget) addName(authority string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case slices.Contains(t.names, authority):
	case len(t.names) == maxNames:
		return false
	default:
		t.names = append(t.names, authority)
	}
	return true
}

// isFor reports whether a request for u is one to the tunnel's origin.
func (t *tunnelTarget) isFor(u traffic.URL) bool {
	if u.Scheme != t.scheme {
		return false
	}
	if u.Authority == t.authority {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.names, u.Authority)
}

// url returns the URL of a request inside the tunnel.
func (t *tunnelTarget) url(requestTarget string) traffic.URL {
	return traffic.URL{Scheme: t.scheme, Authority: t.authority, Target: requestTarget}
}

// connect answers CONNECT.
func (c *clientConn) connect(req *traffic.Request, started time.Time) {
	host, port, err := connectTarget(req)
	switch {
	case err != nil:
		c.reject(http.StatusBadRequest, traffic.FailProtocol, err.Error(), headOf(req))
		return
	case c.tunnel != nil:
		c.reject(http.StatusMethodNotAllowed, traffic.FailProtocol, "CONNECT is for the proxy itself", headOf(req))
		return
	}
	addr := net.JoinHostPort(host, port)
	c.open(opening{
		host: host, port: port,
		grant: func() error {
			_, err := io.WriteString(c.conn, "HTTP/1.1 200 Connection established\r\n\r\n")
			return err
		},
		deny: func(err error) { c.failConnect(req, started, addr, err) },
	})
}

// opening is a client's wish for a tunnel, and how it is told what became of that.
type opening struct {
	host, port string
	// named says that requests may name the host better than this address.
	named bool
	grant func() error
	deny  func(error)
}

// open opens a tunnel: the origin is dialled first, so that one that cannot be
// reached is an answer and not a failed handshake, then what the client sends
// decides what the tunnel is. With layers that may answer in the origin's place,
// and without a network, nothing is dialled until it is needed: by a request, or by
// a client that waits for the origin to speak.
func (c *clientConn) open(t opening) {
	passthrough := c.origins != nil && (c.p.server == nil || c.p.passesThrough(t.host))
	addr := net.JoinHostPort(t.host, t.port)
	var origin *originConn
	if c.origins != nil && (passthrough || len(c.p.opts.Layers) == 0) {
		var err error
		c.watch.start()
		origin, err = c.origins.open(c.ctx, target{addr: addr, connect: true})
		c.watch.stop()
		if err != nil {
			t.deny(err)
			return
		}
	}
	if err := t.grant(); err != nil {
		return
	}
	c.steps.Tunnel = time.Now()
	if passthrough {
		h, _ := c.peekHello() // what cannot be read passes all the same
		c.openTunnel(c.newTunnel(addr, h), origin)
		return
	}
	c.serveTunnel(t, origin)
}

// connectTarget splits the authority-form of CONNECT (RFC 9110 section 9.3.6).
func connectTarget(req *traffic.Request) (host, port string, err error) {
	if _, err := h1.RequestFraming(req); err != nil {
		return "", "", err
	}
	s := req.Target
	if err := traffic.CheckAuthority(s); err != nil {
		return "", "", fmt.Errorf("CONNECT %.200q: %w", s, err)
	}
	host, port, err = net.SplitHostPort(s)
	if err != nil || port == "" {
		return "", "", fmt.Errorf("CONNECT %.200q: no port", s)
	}
	return host, port, nil
}

// failConnect records and answers a CONNECT whose origin cannot be reached.
func (c *clientConn) failConnect(req *traffic.Request, started time.Time, addr string, err error) {
	c.newExchange(req, traffic.URL{Scheme: "https", Authority: addr}, started).failConnect(err)
	if c.linger {
		c.lingerClose()
	}
}

// failConnect is the whole exchange.
func (x *exchange) failConnect(err error) {
	x.trace = noTrace
	x.observe(traffic.RequestStarted{Exchange: &x.Exchange})
	x.requestRead()
	x.fail(err)
	x.finish()
}

// serveTunnel finds out what is inside a tunnel and serves it. origin is the
// connection dialled for it, nil for none.
func (c *clientConn) serveTunnel(t opening, origin *originConn) {
	host, port := t.host, t.port
	addr := net.JoinHostPort(host, port)
	s, err := c.sniff(target{addr: addr, connect: true}, origin)
	switch {
	case err == nil:
	case s.failed != nil:
		c.failTunnel(c.newTunnel(addr, hello{}), s.failed)
		return
	case len(c.r.Buffered()) > 0:
		c.clientError(0, failureKind(err), "the first bytes in a tunnel to "+addr+": "+plain(err), c.r.Buffered())
		return
	default:
		return
	}
	origin = s.origin
	switch s.kind {
	case insideTLS:
		h, err := c.peekHello()
		switch {
		case err != nil:
			c.tlsFailed(addr, h, err)
		case c.origins != nil && c.p.passesThrough(h.sni):
			c.openTunnel(c.newTunnel(addr, h), origin)
		default:
			c.serveTLS(host, port, h, origin)
		}
	case insideHTTP:
		c.enterTunnel("http", host, port, "", origin)
		c.tunnel.named = t.named
		c.serveHTTP()
	default:
		c.openRaw(target{addr: addr, connect: true}, origin, s.early)
	}
}

// enterTunnel makes the requests that follow go to the tunnel's origin.
func (c *clientConn) enterTunnel(scheme, host, port, sni string, origin *originConn) {
	t := &tunnelTarget{scheme: scheme, target: target{addr: net.JoinHostPort(host, port), secure: scheme == "https", sni: sni, connect: true}}
	name := host
	if _, err := netip.ParseAddr(host); err == nil && sni != "" {
		name = sni // an address says less than the name the client verifies
	}
	t.authority = joinAuthority(name, port, traffic.DefaultPort(scheme))
	c.tunnel = t
	if c.origins == nil {
		return
	}
	c.origins.tunnel = t
	if origin != nil {
		c.origins.adopt(origin, t.target)
	}
}

// joinAuthority returns host, with the port unless it is the default one.
func joinAuthority(host, port, defaultPort string) string {
	authority := net.JoinHostPort(host, port)
	if port == defaultPort {
		authority = authority[:len(authority)-len(port)-1]
	}
	return authority
}

// openRaw passes a protocol that necto does not know; early is what the origin
// said before the client did. Without a network there is nothing to pass it to.
func (c *clientConn) openRaw(t target, origin *originConn, early []byte) {
	if c.origins == nil {
		c.clientError(0, traffic.FailProtocol, "a tunnel to "+t.addr+" with a protocol other than HTTP and TLS: there is no network here", c.r.Buffered())
		return
	}
	tunnel := c.newTunnel(t.addr, hello{})
	origin, err := c.origins.openOther(c.ctx, t, origin, c.offered())
	if err != nil {
		c.failTunnel(tunnel, err)
		return
	}
	if len(early) > 0 {
		c.origins.putBack(origin, early)
	}
	c.openTunnel(tunnel, origin)
}

func (c *clientConn) newTunnel(addr string, h hello) *traffic.Tunnel {
	return &traffic.Tunnel{
		Conn: c.id, Client: c.client, Target: addr, SNI: h.sni, Offered: h.offered, JA3: h.ja3, JA4: h.ja4,
		Tags: c.tags, Started: time.Now(), Steps: c.steps,
	}
}

// openTunnel passes bytes between the client and the tunnel's target unread,
// over origin or, if that is nil, a new connection.
func (c *clientConn) openTunnel(t *traffic.Tunnel, origin *originConn) {
	if origin == nil {
		var err error
		if origin, err = c.origins.open(c.ctx, target{addr: t.Target, connect: true}); err != nil {
			c.failTunnel(t, err)
			return
		}
	}
	c.noDeadline()
	conn, ok := origin.conn.(tunnelConn)
	if !ok {
		conn = &upgradedConn{o: c.origins, oc: origin}
	}
	c.relayTunnel(t, conn)
	c.origins.drop(origin)
}
