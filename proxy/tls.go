package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// handshakeTimeout bounds a client's TLS handshake.
const handshakeTimeout = 15 * time.Second

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

// newServerConfig returns the one configuration for all clients, so that they
// can resume sessions.
func newServerConfig(authority *ca.Authority) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			host := ""
			if h, ok := hello.Conn.(*helloConn); ok {
				host = h.host
			}
			return authority.LeafFor(hello, host)
		},
	}
}

// serveTLS opens the client's TLS, which begins with h, and serves the requests
// inside.
func (c *clientConn) serveTLS(host, port string, h hello, origin *originConn) {
	under := &helloConn{Conn: c.conn, ahead: c.r, host: host}
	conn := tls.Server(under, c.p.server)
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTimeout)
	err := conn.HandshakeContext(ctx)
	cancel()
	if err != nil {
		c.tlsFailed(net.JoinHostPort(host, port), h, err)
		return
	}
	c.conn = conn
	c.r = h1.NewReader(conn, h1.Limits{})
	c.tls = tlsInfo(conn.ConnectionState(), h)
	c.steps.Handshake = time.Now()
	c.enterTunnel("https", host, port, cmp.Or(h.sni, host), origin)
	c.serveHTTP()
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
		Target: addr, Tags: c.tags, Steps: c.steps, Failure: tlsFailure(err), Text: err.Error(),
	})
}

// tlsFailure says in a word why a client's handshake failed. crypto/tls has no
// type for an alert that was received: only its text tells that a client did
// not like the certificate.
func tlsFailure(err error) string {
	var op *net.OpError
	text := err.Error()
	switch {
	case errors.As(err, &op) && op.Op == "remote error" && strings.Contains(text, "certificate"):
		return "cert-rejected"
	case strings.Contains(text, "bad record MAC"):
		// OpenSSL, in TLS 1.3, encrypts its alert with keys that the server
		// expects only behind the client's Finished.
		return "cert-rejected"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case failureKind(err) == traffic.FailReset:
		return "reset"
	case strings.Contains(text, "no cipher suite"), strings.Contains(text, "handshake failure"):
		return "no-shared-cipher"
	default:
		return "protocol"
	}
}
