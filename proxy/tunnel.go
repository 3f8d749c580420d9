package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// tunnelConn is the far end of a tunnel.
type tunnelConn interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// tunnelRelay passes the bytes of a tunnel.
type tunnelRelay struct {
	c      *clientConn
	t      *traffic.Tunnel
	origin tunnelConn

	telling sync.Mutex // held while the observer is told of data

	failing sync.Once // guards failure
	failure *traffic.Failure
}

// relayTunnel passes bytes both ways, beginning with what is buffered, until
// both directions have ended; each end is passed on by itself. It closes
// origin.
func (c *clientConn) relayTunnel(t *traffic.Tunnel, origin tunnelConn) {
	c.p.observer.Observe(traffic.TunnelOpened{Tunnel: t})
	r := &tunnelRelay{c: c, t: t, origin: origin}
	var down sync.WaitGroup
	down.Go(r.pumpDown)
	r.pumpUp()
	down.Wait()
	_ = origin.Close()
	t.Duration = time.Since(t.Started)
	t.Failure = r.failure
	if errors.Is(context.Cause(c.ctx), errShutdown) {
		t.Failure = &traffic.Failure{Kind: traffic.FailShutdown, Side: traffic.SideNecto, Text: errShutdown.Error()}
	}
	c.p.observer.Observe(traffic.TunnelClosed{Tunnel: t})
}

// pumpUp copies what the client sends, the buffered bytes first.
func (r *tunnelRelay) pumpUp() {
	dst := r.watched(r.origin, traffic.ClientToServer)
	early := r.c.r.Buffered()
	n := len(early)
	if n > 0 {
		if _, err := dst.Write(early); err != nil {
			r.fail(err, traffic.SideClient, traffic.SideUpstream)
			return
		}
		r.c.r.Discard(n)
	}
	m, err := io.Copy(dst, r.c.conn)
	r.t.BytesUp = int64(n) + m
	if err != nil {
		r.fail(err, traffic.SideClient, traffic.SideUpstream)
		return
	}
	_ = r.origin.CloseWrite() // it may have been closed from the other direction
}

// pumpDown copies what the origin sends.
func (r *tunnelRelay) pumpDown() {
	n, err := io.Copy(r.watched(r.c.conn, traffic.ServerToClient), r.origin)
	r.t.BytesDown = n
	if err != nil {
		r.fail(err, traffic.SideUpstream, traffic.SideClient)
		return
	}
	_ = closeWrite(r.c.conn) // as above
}

// fail notes why the tunnel has broken, if it has not before, and cuts both sides:
// what one does not see, the other must not believe to have sent.
func (r *tunnelRelay) fail(err error, from, to traffic.Side) {
	r.failing.Do(func() {
		r.failure = &traffic.Failure{Kind: failureKind(err), Side: r.sideOf(err, from, to), Text: plain(err), Err: err}
	})
	r.c.cut(r.origin)
}

// sideOf returns whose connection an error is about, of copying between two. Where
// the system has copied by itself it does not say.
func (r *tunnelRelay) sideOf(err error, from, to traffic.Side) traffic.Side {
	side := traffic.SideUpstream
	if isGone(netConn(r.c.conn)) {
		side = traffic.SideClient
	}
	for op, ok := errors.AsType[*net.OpError](err); ok; op, ok = errors.AsType[*net.OpError](op.Err) {
		switch op.Op {
		case "read":
			side = from
		case "write":
			side = to
		}
	}
	return side
}

// watched returns dst, or a writer that tells the observer what is written to it.
func (r *tunnelRelay) watched(dst io.Writer, dir traffic.Direction) io.Writer {
	if r.c.p.opts.TunnelData == nil {
		return dst // which the system can copy to by itself
	}
	return &tunnelTap{Writer: dst, r: r, dir: dir}
}

// tunnelTap tells of the data of one direction before it passes, so that an answer
// is not told of before what it answers.
type tunnelTap struct {
	io.Writer
	r   *tunnelRelay
	dir traffic.Direction
}

// Write tells of p where that is wanted, and passes it on.
func (t *tunnelTap) Write(p []byte) (int, error) {
	if t.r.c.p.opts.TunnelData() {
		t.tell(p)
	}
	return t.Writer.Write(p)
}

func (t *tunnelTap) tell(p []byte) {
	t.r.telling.Lock()
	defer t.r.telling.Unlock()
	t.r.c.p.observer.Observe(traffic.TunnelData{Tunnel: t.r.t, Dir: t.dir, Time: time.Now(), Data: p})
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

// cut ends both sides so that they see that something was lost.
func (c *clientConn) cut(origin tunnelConn) {
	c.abort()
	if far, ok := origin.(resetter); ok {
		far.resetOnClose()
	}
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
