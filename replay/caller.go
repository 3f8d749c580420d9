package replay

import (
	"io"

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
	m, _, err := c.reader.next()
	switch {
	case err == nil:
		c.last = m.digest
		c.said.add(m)
	case err == io.EOF:
		c.ended = true
	case err == io.ErrUnexpectedEOF: // it ends inside a message, which no recorded one is equal to
		c.ended = true
		c.said.add(callMessage{digest: digest{lo: 1}.in(domainMessage), size: -1})
		c.last = digest{lo: 1}.in(domainMessage)
	default:
		return readFailure(err)
	}
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
