package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/necto-dev/necto/internal/socks"
	"github.com/necto-dev/necto/traffic"
)

// isSOCKS reports whether the first byte of a connection is that of SOCKS 4 or 5,
// which no method begins with.
func isSOCKS(first byte) bool { return first == 4 || first == 5 }

// serveSOCKS serves a client that speaks SOCKS.
func (c *clientConn) serveSOCKS() {
	c.setDeadline(time.Now().Add(headTimeout))
	req, err := socks.Accept(struct {
		io.Reader
		io.Writer
	}{c.r, c.conn}, c.socksUsers())
	if err != nil {
		c.rejectSOCKS(err)
		return
	}
	c.noDeadline()
	addr := net.JoinHostPort(req.Host, req.Port)
	if err := traffic.CheckAuthority(addr); err != nil {
		c.clientError(0, traffic.FailProtocol, "SOCKS: "+err.Error(), []byte(addr))
		_ = req.Reply(c.conn, socks.AddressNotSupported) // the connection ends with it
		return
	}
	_, notAddr := netip.ParseAddr(req.Host)
	c.open(opening{
		host: req.Host, port: req.Port, named: notAddr == nil,
		grant: func() error { return req.Reply(c.conn, socks.Succeeded) },
		deny: func(err error) {
			_ = req.Reply(c.conn, socksCode(err)) // the connection ends with it
			c.tellFailed(c.newTunnel(addr, hello{}), err)
			c.lingerClose()
		},
	})
}

// rejectSOCKS tells the observer of a handshake that led to nothing.
func (c *clientConn) rejectSOCKS(err error) {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.clientError(0, traffic.FailTimeout, "the SOCKS handshake did not come in time", nil)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		c.clientError(0, traffic.FailEOF, "the connection ended inside a SOCKS handshake", nil)
	case failureKind(err) == traffic.FailReset:
		c.clientError(0, traffic.FailReset, "SOCKS: "+plain(err), nil)
	default:
		c.clientError(0, traffic.FailProtocol, "SOCKS: "+err.Error(), nil)
		c.lingerClose()
	}
}

// socksCode says in SOCKS why an origin was not reached.
func socksCode(err error) socks.Code {
	switch {
	case errors.Is(err, errLoop):
		return socks.NotAllowed
	case errors.Is(err, syscall.ECONNREFUSED):
		return socks.ConnectionRefused
	case errors.Is(err, syscall.ENETUNREACH):
		return socks.NetworkUnreachable
	}
	switch failureKind(err) {
	case traffic.FailDNS, traffic.FailConnect:
		return socks.HostUnreachable
	case traffic.FailTimeout:
		return socks.TTLExpired
	default:
		return socks.GeneralFailure
	}
}
