package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

type exchangeKey struct{}

// exchangeContext is the context of an exchange that passes layers.
type exchangeContext struct {
	context.Context
	x *exchange
}

// Value returns the exchange, or what the context inside has.
func (c *exchangeContext) Value(key any) any {
	if key == (exchangeKey{}) {
		return c.x
	}
	return c.Context.Value(key)
}

// exchangeFrom returns the exchange that a context of layers belongs to, or nil.
func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// inLayers returns the context for the layers, which have Notes in it.
func (x *exchange) inLayers(ctx context.Context) context.Context {
	ctx, x.notes = traffic.WithNotes(&exchangeContext{ctx, x}, &x.Exchange, x.c.p.observer, &x.order)
	return ctx
}

// edits is what the network was asked for and has answered, from which layers
// may have made something else. Of several requests it is the last one; of an
// exchange that never came to the network there is none.
type edits struct {
	sent     *traffic.Request // nil for what the client sent
	sentBody *sentBody        // nil for the client's
	received traffic.Response // Status is 0 for none; without Body
	answer   answerBody       // nil for none
	content  lazyCapture      // of answer, as far as layers read it
	relayed  bool             // answer is what the client gets
}

// editable is the network behind layers.
type editable struct{ *origins }

// RoundTrip sends what layers may have changed, with framing that fits, and
// notes what it was and what came back.
func (e editable) RoundTrip(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	x := exchangeFrom(ctx)
	if x == nil { // a layer's own request
		return e.origins.RoundTrip(ctx, req)
	}
	out, err := x.sending(req)
	if err != nil {
		return nil, err
	}
	resp, err := e.origins.RoundTrip(ctx, out)
	if err == nil {
		x.receiving(resp)
	}
	return resp, err
}

// sending returns the request to send in place of one that layers may have
// changed.
func (x *exchange) sending(req *traffic.Request) (*traffic.Request, error) {
	if x.edits != nil {
		x.edits.release()
	}
	x.edits = new(edits)
	if req == &x.upstream {
		return req, nil
	}
	out, err := fitRequest(req)
	if err != nil {
		return nil, err
	}
	if out.Body != nil && out.Body != x.upstream.Body {
		x.edits.sentBody = &sentBody{
			ReadCloser: out.Body, req: out, client: &x.upstream,
			capture: lazyCapture{limit: x.c.p.opts.MaxBody, length: out.Length},
		}
		out.Body = x.edits.sentBody
	}
	if !sameHead(out, &x.upstream) || x.edits.sentBody != nil || out.Body == nil && x.reqBody != nil {
		x.edits.sent = out
	}
	return out, nil
}

func sameHead(a, b *traffic.Request) bool {
	return a.Method == b.Method && a.URL == b.URL && a.Proto == b.Proto && sameFields(a.Header, b.Header)
}

func sameFields(a, b traffic.Fields) bool {
	return slices.EqualFunc(a, b, func(a, b traffic.Field) bool { return a.Name == b.Name && a.Value == b.Value })
}

// receiving notes what the origin answered.
func (x *exchange) receiving(resp *traffic.Response) {
	x.edits.received = *resp
	x.edits.received.Header = resp.Header.Clone()
	x.edits.received.Body = nil
	if body, ok := resp.Body.(answerBody); ok {
		x.edits.content.limit, x.edits.content.length = x.c.p.opts.MaxBody, resp.Length
		x.edits.answer = body
		body.SetTap(&x.edits.content) // until it is relayed as it came
	}
}

// concludeEdits fills in what an exchange says about edits.
func (x *exchange) concludeEdits() {
	e := x.edits
	if e == nil {
		return
	}
	if e.sentBody != nil {
		x.SentBody = e.sentBody.capture.different(x.RequestBody)
	}
	if e.sent != nil && (x.SentBody != nil || e.sentBody == nil || !sameHead(e.sent, &x.upstream)) {
		sent := *e.sent
		sent.Body, sent.Informational, sent.Trace = nil, nil, nil
		x.Sent = &sent
	}
	if e.received.Status == 0 {
		return
	}
	if x.ReceivedBody = e.content.different(x.ResponseBody); x.ReceivedBody != nil || !x.answeredAsReceived() {
		if e.answer != nil {
			e.received.Trailer = e.answer.Trailers()
		}
		received := e.received // e leads to the connection
		x.Received = &received
	}
}

// answeredAsReceived reports whether the client got the origin's head, and, as
// far as that is known without what layers have read, its content.
func (x *exchange) answeredAsReceived() bool {
	a, b := &x.edits.received, x.Response
	if b == nil || a.Status != b.Status || a.Reason != b.Reason || !sameFields(a.Header, b.Header) {
		return false
	}
	unread := !x.edits.content.begun && a.Length != 0
	return x.edits.relayed || !unread || x.ResponseBody == nil
}

// release frees what was captured of a request that was not the last one.
func (e *edits) release() {
	if e.sentBody != nil {
		e.sentBody.capture.release()
	}
	e.content.release()
}

// sentBody is the body of a request that a layer made.
type sentBody struct {
	io.ReadCloser
	req     *traffic.Request // whose body it is
	client  *traffic.Request // what the layers were given
	capture lazyCapture
}

// Read reads and captures content. The client's trailer follows it, unless the
// layer has made one.
func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.capture.Data(p[:n])
	if errors.Is(err, io.EOF) && b.req.Trailer == nil {
		b.req.Trailer = b.client.Trailer
	}
	return n, err
}

// lazyCapture keeps content that mostly nobody asks for.
type lazyCapture struct {
	limit, length int64
	body          *traffic.Body // nil until there is some
	begun         bool
}

// Data keeps p.
func (c *lazyCapture) Data(p []byte) {
	if len(p) == 0 {
		return
	}
	if c.begun = true; c.body == nil {
		c.body = traffic.NewBody(c.limit)
		c.body.Expect(c.length)
	}
	c.body.Append(p)
}

// Full reports whether Data need not be called any more.
func (c *lazyCapture) Full() bool { return c.body != nil && c.body.Full() }

// Skip counts what passed unseen.
func (c *lazyCapture) Skip(n int64) {
	if c.body != nil {
		c.body.Skip(n)
	}
}

func (c *lazyCapture) release() { c.body.Release() }

// different returns what was captured if other is not the same, else nil.
func (c *lazyCapture) different(other *traffic.Body) *traffic.Body {
	if c.body != nil && sameContent(c.body, other) {
		c.body.Release()
		c.body = nil
	}
	return c.body
}

func sameContent(a, b *traffic.Body) bool {
	if b == nil || a.Size() != b.Size() {
		return false
	}
	ra, rb := a.Open(), b.Open()
	for pa, pb := make([]byte, 4<<10), make([]byte, 4<<10); ; {
		na, err := io.ReadFull(ra, pa)
		nb, _ := io.ReadFull(rb, pb)
		if !bytes.Equal(pa[:na], pb[:nb]) {
			return false
		}
		if err != nil {
			return true
		}
	}
}

var _ h1.Tap = (*lazyCapture)(nil)
