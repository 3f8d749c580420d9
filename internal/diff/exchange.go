package diff

import (
	"net/http"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// compare compares two exchanges of one key.
func (c *collector) compare(from, to *side, x, y *item) error {
	a, err := from.entry(x)
	if err != nil {
		return err
	}
	b, err := to.entry(y)
	if err != nil {
		return err
	}
	c.text("/request/url", a.Request.URL, b.Request.URL)
	c.text("/request/proto", a.Request.Proto, b.Request.Proto)
	if err := c.message("/request", c.requestOf(from.file, a), c.requestOf(to.file, b)); err != nil {
		return err
	}
	if err := c.response(from.file, to.file, a, b); err != nil {
		return err
	}
	c.failure(a.Failure, b.Failure)
	if x.socket && y.socket {
		return c.conversation(from, to, x, y)
	}
	return nil
}

// message is what requests and responses have in common.
type message struct {
	file    *record.File
	header  traffic.Fields
	body    *record.EntryBody
	trailer traffic.Fields
	// bodied is false where Content-Length tells of content that is not there, as
	// in the answer to HEAD.
	bodied bool
	// call is the path of a gRPC call whose messages are described, "" for none, and
	// dir where this message went.
	call string
	dir  traffic.Direction
}

func (c *collector) requestOf(file *record.File, e *record.Entry) message {
	r := &e.Request
	return message{file, r.Header, r.Body, r.Trailer, true, c.callOf(e), traffic.ClientToServer}
}

func (c *collector) responseOf(file *record.File, e *record.Entry) message {
	r := e.Response
	return message{file, r.Header, r.Body, r.Trailer, e.Request.Method != http.MethodHead, c.callOf(e), traffic.ServerToClient}
}

func (c *collector) message(path string, a, b message) error {
	c.header(path+"/headers", a.header, b.header, a.bodied && b.bodied)
	if err := c.body(path+"/body", a, b); err != nil {
		return err
	}
	c.header(path+"/trailers", a.trailer, b.trailer, false)
	return nil
}

func (c *collector) response(from, to *record.File, a, b *record.Entry) error {
	ra, rb := a.Response, b.Response
	if !c.presence("/response", ra != nil, rb != nil, statusOf(ra), statusOf(rb)) {
		return nil
	}
	if ra.Status != rb.Status {
		c.add(Change{Path: "/response/status", Kind: Changed, From: ra.Status, To: rb.Status})
	}
	c.text("/response/reason", ra.Reason, rb.Reason)
	c.text("/response/proto", ra.Proto, rb.Proto)
	return c.message("/response", c.responseOf(from, a), c.responseOf(to, b))
}

// statusOf returns what is told of a response that only one side has.
func statusOf(r *record.EntryResponse) any {
	if r == nil {
		return nil
	}
	return map[string]int{"status": r.Status}
}

func (c *collector) failure(a, b *traffic.Failure) {
	if !c.presence("/error", a != nil, b != nil, failureOf(a), failureOf(b)) {
		return
	}
	c.text("/error/kind", string(a.Kind), string(b.Kind))
	c.text("/error/side", string(a.Side), string(b.Side))
	c.text("/error/text", a.Text, b.Text)
}

// failureOf returns what is told of a failure that only one side has.
func failureOf(f *traffic.Failure) any {
	if f == nil {
		return nil
	}
	return map[string]string{"kind": string(f.Kind), "text": f.Text}
}
