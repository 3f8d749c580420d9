package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/necto-dev/necto/internal/fingerprint"
)

// maxHello is how much is read to find the end of a hello.
const maxHello = 64 << 10

// hello is what a client says of itself where it begins TLS.
type hello struct {
	sni      string   // "" for none
	offered  []string // protocols, by ALPN
	ja3, ja4 string   // fingerprints
}

// peekHello reads the client's hello without consuming it. It waits for the rest
// of a hello that has begun, but only sniffTimeout for the beginning. What is no
// hello gives an empty one; the error is that of reading on.
func (c *clientConn) peekHello() (hello, error) {
	c.setDeadline(time.Now().Add(sniffTimeout))
	defer c.noDeadline()
	for first := true; ; {
		p := trimNewlines(c.r.Buffered())
		if first && len(p) > 0 {
			first = false
			c.setDeadline(time.Now().Add(handshakeTimeout))
		}
		if len(p) > 0 && classify(p) != insideTLS || len(p) > maxHello {
			return hello{}, nil
		}
		if h, whole := parseHello(c.ctx, p); whole {
			c.skipNewlines()
			return h, nil
		}
		if err := c.r.Fill(); err != nil {
			return hello{}, err
		}
	}
}

// errHelloRead ends the handshake that parseHello only begins.
var errHelloRead = errors.New("hello read")

// parseHello lets crypto/tls parse the hello in p. whole is false if more bytes
// are needed.
func parseHello(ctx context.Context, p []byte) (h hello, whole bool) {
	source := &helloBytes{Reader: bytes.NewReader(p)}
	err := tls.Server(source, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			h = hello{
				sni: info.ServerName, offered: info.SupportedProtos,
				ja3: fingerprint.JA3(info), ja4: fingerprint.JA4(info),
			}
			return nil, errHelloRead
		},
	}).HandshakeContext(ctx)
	return h, !source.dry || errors.Is(err, errHelloRead)
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
