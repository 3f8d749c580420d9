package proxy

import (
	"bytes"
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

const (
	// handshakeTimeout bounds a client's TLS handshake.
	handshakeTimeout = 15 * time.Second
	// maxHello is how much of a hello is read to find its server name.
	maxHello = 64 << 10
)

// helloConn is a client connection below TLS. It gives back the bytes read
// ahead and remembers what the hello said.
type helloConn struct {
	net.Conn
	ahead *h1.Reader // nil once empty
	host  string     // of the CONNECT
	sni   string
	alpn  []string
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

// NetConn returns the connection as accepted.
func (h *helloConn) NetConn() net.Conn { return h.Conn }

// newServerConfig returns the one configuration for all clients, so that they
// can resume sessions.
func newServerConfig(authority *ca.Authority) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if h, ok := hello.Conn.(*helloConn); ok {
				h.sni, h.alpn = hello.ServerName, hello.SupportedProtos
			}
			return nil, nil //nolint:nilnil // the documented way to keep the configuration
		},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			host := ""
			if h, ok := hello.Conn.(*helloConn); ok {
				host = h.host
			}
			return authority.LeafFor(hello, host)
		},
	}
}

// serveTLS opens the client's TLS and serves the requests inside.
func (c *clientConn) serveTLS(host, port string, origin *originConn) {
	under := &helloConn{Conn: c.raw, ahead: c.r, host: host}
	conn := tls.Server(under, c.p.server)
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTimeout)
	err := conn.HandshakeContext(ctx)
	cancel()
	if err != nil {
		c.tlsFailed(under, err)
		return
	}
	c.conn = conn
	c.r = h1.NewReader(conn, h1.Limits{})
	c.tls = tlsInfo(conn.ConnectionState())
	sni := under.sni
	if sni == "" {
		sni = host
	}
	c.enterTunnel("https", host, port, sni, origin)
	c.serveHTTP()
}

func tlsInfo(state tls.ConnectionState) *traffic.TLSInfo {
	version := strings.TrimPrefix(tls.VersionName(state.Version), "TLS ")
	return &traffic.TLSInfo{
		Version: version, ALPN: state.NegotiatedProtocol,
		Cipher: tls.CipherSuiteName(state.CipherSuite), SNI: state.ServerName,
	}
}

func (c *clientConn) tlsFailed(h *helloConn, err error) {
	c.p.observer.Observe(traffic.TLSFailed{
		Conn: c.id, Client: c.client, Time: time.Now(), SNI: h.sni, ALPN: h.alpn,
		Failure: tlsFailure(err), Text: err.Error(),
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

// peekSNI reads the client's hello without consuming it and returns its server
// name, "" if it has none or is no hello. It waits for the rest of a hello that
// has begun, but only sniffTimeout for the beginning.
func (c *clientConn) peekSNI() string {
	c.setDeadline(time.Now().Add(sniffTimeout))
	defer c.noDeadline()
	for first := true; ; {
		p := trimNewlines(c.r.Buffered())
		if first && len(p) > 0 {
			first = false
			c.setDeadline(time.Now().Add(handshakeTimeout))
		}
		if len(p) > 0 && classify(p) != insideTLS || len(p) > maxHello {
			return ""
		}
		if sni, whole := parseSNI(c.ctx, p); whole {
			c.skipNewlines()
			return sni
		}
		if c.r.Fill() != nil {
			return ""
		}
	}
}

// errHelloRead ends the handshake that parseSNI only begins.
var errHelloRead = errors.New("hello read")

// parseSNI lets crypto/tls parse the hello in p. whole is false if more bytes
// are needed.
func parseSNI(ctx context.Context, p []byte) (sni string, whole bool) {
	source := &helloBytes{Reader: bytes.NewReader(p)}
	err := tls.Server(source, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			sni = hello.ServerName
			return nil, errHelloRead
		},
	}).HandshakeContext(ctx)
	return sni, !source.dry || errors.Is(err, errHelloRead)
}

// helloBytes is a connection that has only the bytes read so far.
type helloBytes struct {
	net.Conn
	*bytes.Reader
	dry bool // more was asked for than there is
}

func (h *helloBytes) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	h.dry = h.dry || err != nil
	return n, err
}

func (h *helloBytes) Write(p []byte) (int, error)     { return len(p), nil }
func (h *helloBytes) Close() error                    { return nil }
func (h *helloBytes) SetDeadline(time.Time) error     { return nil }
func (h *helloBytes) SetReadDeadline(time.Time) error { return nil }
func (h *helloBytes) SetWriteDeadline(time.Time) error {
	return nil
}
