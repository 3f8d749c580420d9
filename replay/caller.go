package replay

import (
	"errors"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// caller is the client of a live call: what it has said so far.
type caller struct {
	reader *callReader // nil once it said nothing more, or for a call without content
	said   callContent
	last   digest // of the last message
	ended  bool   // nothing more comes
}

func newCaller(req *traffic.Request, tol *tolerance) *caller {
	c := &caller{ended: req.Body == nil}
	if !c.ended {
		c.reader = newCallReader(req.Body, req.URL.Path(), traffic.ClientToServer, req.Header, tol)
	}
	return c
}

// hear waits for the next message, or for the end. The error is that of reading.
func (c *caller) hear() error {
	m, ok := c.reader.next()
	if !ok {
		err := c.reader.messages.Err()
		c.ended = true
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, grpcwire.ErrCut):
			return readFailure(err)
		}
		m = cutMessage
	}
	c.last = m.digest
	c.said.add(m)
	return nil
}

// content returns what was said so far as it is compared.
func (c *caller) content() content {
	all := c.said.content()
	all.partial = !c.ended
	return all
}

// readFailure is the failure of a client whose request cannot be read.
func readFailure(err error) *traffic.Failure {
	return &traffic.Failure{Kind: traffic.FailEOF, Side: traffic.SideClient, Text: "read request: " + err.Error(), Err: err}
}
