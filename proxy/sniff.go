package proxy

import (
	"bytes"
	"errors"
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

// sniff waits for the first bytes of a tunnel and says what they are. In
// protocols where the origin speaks first it may do so: early is what it said.
func (c *clientConn) sniff(origin *originConn) (kind inside, early []byte, err error) {
	c.deadline = time.Time{}
	defer c.noDeadline()
	for {
		p := trimNewlines(c.r.Buffered())
		switch kind := classify(p); kind {
		case insideUnknown:
		case insideRaw:
			return kind, nil, nil
		default:
			c.skipNewlines()
			return kind, nil, nil
		}
		started := len(p) > 0
		c.setDeadline(time.Now().Add(sniffTimeout))
		err := c.r.Fill()
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return insideRaw, nil, err
		case started:
			return insideRaw, nil, nil
		default:
			if early, spoke, err := c.awaitEither(origin); err != nil || spoke {
				return insideRaw, early, err
			}
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
// reports whether the origin did, and returns what it said. Like a connection
// between requests, it ends when the proxy stops.
func (c *clientConn) awaitEither(origin *originConn) (early []byte, spoke bool, err error) {
	c.setDeadline(time.Now().Add(idleTimeout))
	var listening sync.WaitGroup
	if origin != nil {
		c.noDeadline()
		listening.Go(func() {
			early, spoke = listen(origin.conn)
			c.setDeadline(time.Now())
		})
	}
	if err = c.fillIdle(); origin != nil {
		_ = origin.conn.SetReadDeadline(time.Now())
		listening.Wait()
		_ = origin.conn.SetReadDeadline(time.Time{})
	}
	if spoke {
		return early, true, nil
	}
	return nil, false, err
}

// listen returns the first bytes from conn. It reports false if a deadline
// passes before there is any, or an end.
func listen(conn net.Conn) ([]byte, bool) {
	early := make([]byte, 4<<10)
	n, err := conn.Read(early)
	return early[:n], n > 0 || !errors.Is(err, os.ErrDeadlineExceeded)
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
