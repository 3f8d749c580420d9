package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// maxErrorHead is how much of a bad head goes into a ClientError.
const maxErrorHead = 4 << 10

// rejectHead answers what could not be read as a request, tells the observer,
// and leaves the connection unusable. head is what was read of it.
func (c *clientConn) rejectHead(err error, head []byte) {
	var bad *h1.Error
	switch {
	case errors.As(err, &bad):
		c.reject(bad.Status, traffic.FailProtocol, bad.Text, head)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.reject(http.StatusRequestTimeout, traffic.FailTimeout, "the request head did not come in time", head)
	case errors.Is(err, io.EOF):
		return // between requests, perhaps behind empty lines
	case errors.Is(err, h1.ErrTruncated):
		c.clientError(0, traffic.FailEOF, "the connection ended inside a request head", head)
	default:
		c.clientError(0, traffic.FailReset, err.Error(), head)
	}
}

// reject answers with the status, tells the observer why, and ends the
// connection: after a bad request nothing on it can be trusted.
func (c *clientConn) reject(status int, kind traffic.FailureKind, text string, head []byte) {
	c.clientError(status, kind, text, head)
	if err := c.writeText(status, text, true); err == nil {
		c.lingerClose()
	}
}

func (c *clientConn) clientError(status int, kind traffic.FailureKind, text string, head []byte) {
	e := traffic.ClientError{
		Conn: c.id, Client: c.client, Time: time.Now(), Status: status,
		Failure: &traffic.Failure{Kind: kind, Side: traffic.SideClient, Text: text},
		Secure:  c.tls != nil, Tags: c.tags, Started: c.now,
		Head: withoutSecret(head[:min(len(head), maxErrorHead)]),
	}
	if c.tunnel != nil {
		e.Target = c.tunnel.target.addr
	}
	if c.h2.Load() != nil {
		e.Proto = proto2
	}
	c.p.observer.Observe(e)
}

// withoutSecret returns a copy of a head without what is secret between client and
// proxy: the lines that begin with Proxy-Authorization, whatever follows, and those
// that go on with such a line.
func withoutSecret(head []byte) []byte {
	const secret = "Proxy-Authorization"
	out := make([]byte, 0, len(head))
	inside := false
	for line := range bytes.Lines(head) {
		goesOn := line[0] == ' ' || line[0] == '\t'
		inside = inside && goesOn || len(line) >= len(secret) && strings.EqualFold(string(line[:len(secret)]), secret)
		if !inside {
			out = append(out, line...)
		}
	}
	return out
}

// headOf returns the head of a request that was read but cannot be served, for
// a report: without what is secret between client and proxy.
func headOf(req *traffic.Request) []byte { return h1.AppendRequest(nil, req, req.Target) }

// writeText sends an answer of necto's own and announces the end of the
// connection. withBody is false in the answer to HEAD; fields are more lines of the
// header, with their ends.
func (c *clientConn) writeText(status int, text string, withBody bool, fields ...string) error {
	text = "necto: " + text + "\n"
	length := len(text)
	if !withBody {
		text = ""
	}
	out := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"X-Content-Type-Options: nosniff\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s",
		status, http.StatusText(status), length, strings.Join(fields, ""), text)
	_, err := c.conn.Write(out)
	return err
}
