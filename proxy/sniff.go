package proxy

import (
	"bytes"
	"errors"
	"os"
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

// sniff waits for the first bytes of a tunnel and says what they are. In
// protocols where the origin speaks first it may do so: early is what it said.
func (c *clientConn) sniff(origin *originConn) (kind inside, early []byte, err error) {
	c.deadline = time.Time{}
	defer c.noDeadline()
	for {
		c.skipNewlines()
		kind := classify(c.r.Buffered())
		if kind != insideUnknown {
			return kind, nil, nil
		}
		started := len(c.r.Buffered()) > 0
		c.setDeadline(time.Now().Add(sniffTimeout))
		err := c.r.Fill()
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return insideRaw, nil, err
		case started:
			return insideRaw, nil, nil
		default:
			if early, err := c.awaitEither(origin); err != nil || len(early) > 0 {
				return insideRaw, early, err
			}
		}
	}
}

// skipNewlines drops the stray line ends that some clients send behind the head
// of a CONNECT.
func (c *clientConn) skipNewlines() {
	p := c.r.Buffered()
	c.r.Discard(len(p) - len(bytes.TrimLeft(p, "\r\n")))
}

// awaitEither waits until the client or the origin says something and returns
// what the origin said.
func (c *clientConn) awaitEither(origin *originConn) ([]byte, error) {
	if origin == nil {
		c.setDeadline(time.Now().Add(idleTimeout))
		return nil, c.r.Fill()
	}
	c.noDeadline()
	early := make([]byte, 4<<10)
	n := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		n, _ = origin.conn.Read(early) // an end shows again when the tunnel is copied
		c.setDeadline(time.Now())
	}()
	err := c.r.Fill()
	_ = origin.conn.SetReadDeadline(time.Now())
	<-done
	_ = origin.conn.SetReadDeadline(time.Time{})
	c.noDeadline()
	if n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		return early[:n], nil
	}
	return nil, err
}

// classify says what the first bytes of a tunnel are. A method in capitals and
// a space is HTTP, but "PRI " is the preface of HTTP/2, which is not read here.
func classify(p []byte) inside {
	if len(p) == 0 {
		return insideUnknown
	}
	if p[0] == 0x16 { // a TLS handshake record
		return insideTLS
	}
	for i, b := range p {
		switch {
		case b == ' ' && i > 0 && string(p[:i]) != "PRI":
			return insideHTTP
		case b != '-' && b != '_' && (b < 'A' || b > 'Z') || i >= maxMethod:
			return insideRaw
		}
	}
	return insideUnknown
}
