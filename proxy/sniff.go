package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// sniffTimeout is how long a tunnel may be silent, or stop inside its first
// bytes, before the origin's first bytes are awaited as well.
const sniffTimeout = 200 * time.Millisecond

// maxMethod is how long a method may be for a tunnel to be taken for HTTP.
const maxMethod = 24

type inside uint8

const (
	insideUnknown inside = iota // more bytes are needed
	insideTLS
	insideHTTP
	insideRaw
)

// sniffed is what was found out about a tunnel.
type sniffed struct {
	kind   inside
	origin *originConn // nil for none yet
	early  []byte      // what the origin said before the client did
	failed error       // of dialling, in vain, for a client that says nothing
}

// sniff waits for the first bytes of a tunnel to t and says what they are. In
// protocols where the origin speaks first it may do so: if the client is silent,
// one that was not dialled yet is, whatever layers there are.
func (c *clientConn) sniff(t target, origin *originConn) (sniffed, error) {
	c.deadline = time.Time{}
	defer c.noDeadline()
	s := sniffed{origin: origin}
	for {
		p := trimNewlines(c.r.Buffered())
		s.kind = classify(p)
		switch s.kind {
		case insideUnknown:
		case insideRaw:
			return s, nil
		default:
			c.skipNewlines()
			return s, nil
		}
		started := len(p) > 0
		c.setDeadline(time.Now().Add(sniffTimeout))
		err := c.r.Fill()
		if err == nil {
			continue
		}
		s.kind = insideRaw
		late := errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case started && (late || errors.Is(err, io.EOF)):
			return s, nil
		case !late:
			return s, err
		}
		if spoke, err := c.awaitEither(t, &s); err != nil || spoke {
			return s, err
		}
	}
}

// skipNewlines drops the stray line ends that some clients send behind the head
// of a CONNECT.
func (c *clientConn) skipNewlines() {
	p := c.r.Buffered()
	c.r.Discard(len(p) - len(trimNewlines(p)))
}

func trimNewlines(p []byte) []byte { return bytes.TrimLeft(p, "\r\n") }

// awaitEither waits until the client or the origin says something or ends. It
// reports whether the origin did, and notes what it said. Like a connection
// between requests, it ends when the proxy stops.
func (c *clientConn) awaitEither(t target, s *sniffed) (spoke bool, err error) {
	if c.origins == nil {
		c.setDeadline(time.Now().Add(idleTimeout))
		return false, c.fillIdle()
	}
	c.setDeadline(time.Time{})
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	opened := make(chan *originConn, 1)
	var listening sync.WaitGroup
	listening.Go(func() { spoke = c.listenToOrigin(ctx, t, s, opened) })
	err = c.fillIdle()
	cancel()
	if origin := <-opened; origin != nil {
		_ = origin.conn.SetReadDeadline(time.Now())
		listening.Wait()
		_ = origin.conn.SetReadDeadline(time.Time{})
	}
	listening.Wait()
	if spoke {
		return true, nil
	}
	return false, err
}

// listenToOrigin waits for the first bytes of the origin, which it dials if there
// is no connection yet and sends to opened. It ends the wait for the client if
// there are any.
func (c *clientConn) listenToOrigin(ctx context.Context, t target, s *sniffed, opened chan<- *originConn) bool {
	defer close(opened)
	s.origin, s.failed = c.origins.openOther(ctx, t, s.origin, c.offered())
	if ctx.Err() != nil { // it need not be dialled any more
		s.failed = nil
	}
	if s.origin == nil {
		c.setDeadline(time.Now().Add(idleTimeout))
		if c.stopping.Load() {
			c.setDeadline(time.Now()) // what stop has set
		}
		return false
	}
	opened <- s.origin
	early, spoke := listen(s.origin.conn)
	if spoke {
		s.early = early
		c.setDeadline(time.Now())
	}
	return spoke
}

// putBack lets the next reader of oc's connection begin with early.
func (o *origins) putBack(oc *originConn, early []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	oc.conn = &aheadConn{Conn: oc.conn, ahead: early}
}

// listen returns the first bytes from conn. It reports false if a deadline
// passes before there is any, or an end.
func listen(conn net.Conn) ([]byte, bool) {
	early := make([]byte, 4<<10)
	n, err := conn.Read(early)
	return early[:n], n > 0 || !errors.Is(err, os.ErrDeadlineExceeded)
}

// classify says what the first bytes of a tunnel are. A method in capitals and
// a space is HTTP, also "PRI ", with which HTTP/2 begins.
func classify(p []byte) inside {
	if len(p) == 0 {
		return insideUnknown
	}
	if p[0] == 0x16 { // a TLS handshake record
		return insideTLS
	}
	for i, b := range p {
		switch {
		case b == ' ' && i > 0:
			return insideHTTP
		case b != '-' && b != '_' && (b < 'A' || b > 'Z') || i >= maxMethod:
			return insideRaw
		}
	}
	return insideUnknown
}
