package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// tunnelConn is the far end of a tunnel.
type tunnelConn interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// relayTunnel passes bytes both ways, beginning with what is buffered, until
// both directions have ended; each end is passed on by itself. It closes
// origin.
func (c *clientConn) relayTunnel(t *traffic.Tunnel, origin tunnelConn) {
	c.p.observer.Observe(traffic.TunnelOpened{Tunnel: t})
	downErr := make(chan error, 1)
	go func() {
		n, err := c.pump(c.conn, origin, origin)
		t.BytesDown += n
		downErr <- err
	}()
	var upErr error
	t.BytesUp, upErr = c.pumpUp(origin)
	err := errors.Join(upErr, <-downErr)
	_ = origin.Close()
	t.Duration = time.Since(t.Started)
	switch {
	case errors.Is(context.Cause(c.ctx), errShutdown):
		t.Failure = &traffic.Failure{Kind: traffic.FailShutdown, Side: traffic.SideNecto, Text: errShutdown.Error()}
	case err != nil:
		t.Failure = &traffic.Failure{Kind: failureKind(err), Side: traffic.SideNecto, Text: plain(err), Err: err}
	}
	c.p.observer.Observe(traffic.TunnelClosed{Tunnel: t})
}

// failTunnel tells of a tunnel that could not be opened, whose client was
// already told that it is, and cuts its connection.
func (c *clientConn) failTunnel(t *traffic.Tunnel, err error) {
	c.tellFailed(t, err)
	c.abort()
}

// tellFailed tells of a tunnel that could not be opened.
func (c *clientConn) tellFailed(t *traffic.Tunnel, err error) {
	c.p.observer.Observe(traffic.TunnelOpened{Tunnel: t})
	t.Duration = time.Since(t.Started)
	if !errors.As(err, &t.Failure) {
		t.Failure = upstreamFailure("connect to "+t.Target, err)
	}
	c.p.observer.Observe(traffic.TunnelClosed{Tunnel: t})
}

// pumpUp copies what the client sent, the buffered bytes first.
func (c *clientConn) pumpUp(origin tunnelConn) (int64, error) {
	early := c.r.Buffered()
	n := len(early)
	if n > 0 {
		if _, err := origin.Write(early); err != nil {
			c.cut(origin)
			return 0, err
		}
		c.r.Discard(n)
	}
	m, err := c.pump(origin, c.conn, origin)
	return int64(n) + m, err
}

// pump copies until src ends, which dst is then told. After an error both are
// cut: what one side does not see, the other must not believe to have sent.
func (c *clientConn) pump(dst io.Writer, src io.Reader, origin tunnelConn) (int64, error) {
	n, err := io.Copy(dst, src)
	if err == nil {
		if half, ok := dst.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // it may have been closed from the other direction
		}
		return n, nil
	}
	c.cut(origin)
	return n, err
}

// cut ends both sides so that they see that something was lost.
func (c *clientConn) cut(origin tunnelConn) {
	c.abort()
	_ = origin.Close() // one that a layer made is not among the connections to origins
}

// netConn returns the connection under those of TLS.
func netConn(conn net.Conn) net.Conn {
	for {
		over, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = over.NetConn()
	}
}
