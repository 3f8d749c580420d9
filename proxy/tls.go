package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// handshakeTimeout bounds a client's TLS handshake, and before that its hello. Tests
// change it.
var handshakeTimeout = 15 * time.Second

const (
	// A client that leaves without a word has not liked the handshake if it does so
	// within lateVerdict or, where that is longer, lateFactor times as long as the
	// handshake took. Later it has not needed the connection.
	lateVerdict = 100 * time.Millisecond
	lateFactor  = 10
)

// helloConn is a client connection below TLS. It gives back the bytes read
// ahead.
type helloConn struct {
	net.Conn
	ahead *h1.Reader // nil once empty
	host  string     // of the CONNECT
}

// Read reads what was read ahead, then from the connection.
func (h *helloConn) Read(p []byte) (int, error) {
	if h.ahead != nil {
		if len(h.ahead.Buffered()) > 0 {
			return h.ahead.Read(p)
		}
		h.ahead = nil
	}
	return h.Conn.Read(p)
}

// NetConn returns the connection below.
func (h *helloConn) NetConn() net.Conn { return h.Conn }

// newServerConfig returns what the configurations for all clients have in common.
func newServerConfig(opts Options) *tls.Config {
	config := &tls.Config{
		KeyLogWriter: opts.KeyLog,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			host := ""
			if h, ok := hello.Conn.(*helloConn); ok {
				host = h.host
			}
			return opts.CA.LeafFor(hello, host)
		},
	}
	setMinTLS(config, opts.MinTLS)
	return config
}

// setMinTLS sets the lowest version to speak, 0 for TLS 1.2. Those who know no higher
// one than its predecessors often know none of the ciphers that are good enough today.
func setMinTLS(config *tls.Config, version uint16) {
	config.MinVersion = cmp.Or(version, tls.VersionTLS12)
	if config.MinVersion >= tls.VersionTLS12 {
		return
	}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
}

// serveTLS opens the client's TLS, which begins with h, and serves the requests
// inside.
func (c *clientConn) serveTLS(host, port string, h hello, origin *originConn) {
	t := target{addr: net.JoinHostPort(host, port), secure: true, sni: cmp.Or(h.sni, host), connect: true}
	c.watch.start() // the origin may take its time
	config, origin := c.serverConfig(host, h, origin)
	c.watch.stop()
	if !c.openTLS(host, t.addr, h, config) {
		return
	}
	enter := func(origin *originConn) {
		c.enterTunnel("https", host, port, t.sni, origin)
		c.serveVersion()
	}
	switch {
	case !isHTTP(c.tls.ALPN):
		c.serveOther(t, h, origin, enter)
	case c.awaitVerdict(t.addr, h):
		enter(origin)
	}
}

// enterTLS opens TLS to necto itself, for clients that take it for a proxy behind
// TLS, or for an origin. It reports false if there is nothing to serve.
func (c *clientConn) enterTLS() bool {
	h, err := c.peekHello()
	if err != nil {
		c.tlsFailed("", h, err)
		return false
	}
	host := ""
	if addr, ok := plainAddr(c.raw.LocalAddr()); ok {
		host = addr.Addr().String()
	}
	config, _ := c.serverConfig(host, h, nil)
	if c.opts.Reverse == nil && slices.Contains(h.offered, alpn1) {
		config = c.p.server.http1 // for a proxy Go's clients offer HTTP/2 and cannot speak it
	}
	return c.openTLS(host, "", h, config) && c.awaitVerdict("", h)
}

// openTLS opens the client's TLS, which begins with h, with a certificate for the
// name in the hello or else for host. addr is the target of the tunnel that this is in,
// "" for none. It reports false, and tells why, if there is no TLS.
func (c *clientConn) openTLS(host, addr string, h hello, config *tls.Config) bool {
	began := time.Now()
	if err := c.shakeHands(host, h, config); err != nil {
		c.tlsFailed(addr, h, err)
		return false
	}
	c.shook = time.Since(began)
	return true
}

// awaitVerdict waits until something comes inside the client's TLS. It reports false
// if nothing does.
func (c *clientConn) awaitVerdict(addr string, h hello) bool {
	_, err := c.awaitRequest()
	if err != nil {
		c.tellVerdict(addr, h, err)
	}
	return err == nil
}

// tellVerdict tells of a client that has ended its TLS without a word, with err, if it
// was because of the handshake.
func (c *clientConn) tellVerdict(addr string, h hello, err error) {
	if isVerdict(err, time.Since(c.steps.Handshake), c.shook) {
		c.tlsFailed(addr, h, err)
	}
}

func (c *clientConn) shakeHands(host string, h hello, config *tls.Config) error {
	c.steps.Handshake = time.Time{} // there may be TLS around this
	conn := tls.Server(&helloConn{Conn: c.conn, ahead: c.r, host: host}, config)
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		if errors.Is(context.Cause(c.ctx), errClientGone) {
			err = errClientGone // before it began
		}
		return err
	}
	c.conn = conn
	c.r = h1.NewReader(conn, h1.Limits{})
	c.tls = tlsInfo(conn.ConnectionState(), h)
	c.steps.Handshake = time.Now()
	return nil
}

// isVerdict reports whether a client that has ended its connection without a word,
// with err and so long after a handshake that took so long, has done so because of
// the handshake.
func isVerdict(err error, after, took time.Duration) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true // an alert, whose ever
	}
	left := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || failureKind(err) == traffic.FailReset
	return left && after <= max(lateVerdict, lateFactor*took)
}

func tlsInfo(state tls.ConnectionState, h hello) *traffic.TLSInfo {
	version := strings.TrimPrefix(tls.VersionName(state.Version), "TLS ")
	return &traffic.TLSInfo{
		Version: version, ALPN: state.NegotiatedProtocol,
		Cipher: tls.CipherSuiteName(state.CipherSuite), SNI: state.ServerName,
		Offered: h.offered, JA3: h.ja3, JA4: h.ja4,
	}
}

// tlsFailed tells of a handshake that failed, in a tunnel to addr.
func (c *clientConn) tlsFailed(addr string, h hello, err error) {
	c.p.observer.Observe(traffic.TLSFailed{
		Conn: c.id, Client: c.client, Time: time.Now(), SNI: h.sni, ALPN: h.offered, JA3: h.ja3, JA4: h.ja4,
		Target: addr, Tags: c.tags, Steps: c.steps, Text: err.Error(),
		Failure: tlsFailure(err, c.steps.Handshake.IsZero()),
	})
}

// tlsFailure says in a word why a client's handshake failed, or else why it ended the
// connection right behind it. crypto/tls has no type for an alert that was received:
// only its text tells that a client did not like the certificate.
func tlsFailure(err error, shaking bool) string {
	var op *net.OpError
	text := err.Error()
	switch {
	case errors.As(err, &op) && op.Op == "remote error" && strings.Contains(text, "certificate"):
		return "cert-rejected"
	case shaking && strings.Contains(text, "bad record MAC"):
		// OpenSSL, in TLS 1.3, encrypts its alert with keys that the server
		// expects only behind the client's Finished.
		return "cert-rejected"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errClientGone):
		return "closed"
	case failureKind(err) == traffic.FailReset:
		return "reset"
	case strings.Contains(text, "no cipher suite"), strings.Contains(text, "handshake failure"):
		return "no-shared-cipher"
	case strings.Contains(text, "unsupported versions"):
		return "no-shared-version"
	default:
		return "protocol"
	}
}
