package proxy

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// maxInformational is how many 1xx responses of one exchange are kept. More are
// relayed and told, but an origin may send them for ever.
const maxInformational = 100

// told is what the observer is given of an exchange, in one piece. Some observers
// keep it for long, and with it nothing of the connection.
type told struct {
	traffic.Exchange
	kept    traffic.Response
	content traffic.Body // of the response
}

// exchange is a request being answered.
type exchange struct {
	*told
	c        *clientConn
	client   clientSide
	ctx      context.Context // the client's: done when it is gone or the proxy stops
	origin   bool            // necto is the origin
	atOnce   bool            // the request was there, whole, when it started
	upstream traffic.Request // what the layers are given
	trace    traffic.Trace
	reqBody  *requestBody // nil for none
	answer   capture
	notes    *traffic.Notes // nil without layers
	edits    *edits         // nil without layers

	// order is held while the observer is told and while 1xx responses are
	// written: an upload goroutine does both, too.
	order sync.Mutex
}

func (c *clientConn) newExchange(req *traffic.Request, url traffic.URL, started time.Time) *exchange {
	x := &exchange{client: c, ctx: c.ctx, atOnce: c.whole}
	x.begin(c, req, url, started)
	return x
}

// begin fills in what is known of the exchange that is on c.
func (x *exchange) begin(c *clientConn, req *traffic.Request, url traffic.URL, started time.Time) {
	x.c = c
	req.URL = url
	x.told = &told{Exchange: traffic.Exchange{
		ID: traffic.ExchangeID(c.p.lastExchange.Add(1)), Conn: c.id, Started: started,
		Client: c.client, TLS: c.tls, ClientTags: c.tags, Request: req, RequestDone: -1, ResponseStarted: -1,
	}}
}

// prepareUpstream makes the request that the layers are given: the client's,
// with the callbacks and, if the route says so, another Host.
func (x *exchange) prepareUpstream(r route) {
	if r.tags != nil {
		x.ClientTags = r.tags
	}
	x.origin = r.origin
	x.upstream = *x.Request
	x.upstream.Informational = x.informational
	x.trace = noTrace
	x.upstream.Trace = &x.trace
	if r.host != "" {
		x.upstream.Header = x.Request.Header.Clone()
		x.upstream.Header.Set("Host", r.host)
	}
}

// serve answers the request whose content, if there is any, x.reqBody has. It
// reports whether both sides agree to keep the connection.
func (x *exchange) serve() bool {
	x.observe(traffic.RequestStarted{Exchange: &x.Exchange})
	if x.reqBody == nil || x.reqBody.Done() {
		x.requestRead()
	}
	keep := x.run()
	if x.WS == nil { // a WebSocket connection has ended it
		x.finish()
	}
	return keep && x.Failure == nil
}

// run gets the answer and relays it. It reports whether both sides agree to
// keep the connection.
func (x *exchange) run() bool {
	ctx := x.ctx
	if len(x.c.p.opts.Layers) > 0 {
		ctx = x.inLayers(ctx)
	}
	if x.RequestDone >= 0 {
		x.client.await()
	}
	defer x.client.awaited()
	if x.c.next == nil {
		return x.fail(&traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "there is no way to an origin"})
	}
	resp, err := x.c.next.RoundTrip(ctx, &x.upstream)
	if err == nil && x.notes != nil {
		err = x.checkAnswer(resp)
	}
	if err != nil {
		return x.fail(err)
	}
	x.responseStarted(resp)
	if resp.Status == 101 {
		x.client.upgrade(x, resp)
		return false
	}
	return x.client.respond(x, resp)
}

// observe tells the observer, one event at a time.
func (x *exchange) observe(e traffic.Event) {
	x.order.Lock()
	defer x.order.Unlock()
	x.c.p.observer.Observe(e)
}

// requestRead is called once the last byte of the request was read.
func (x *exchange) requestRead() {
	x.order.Lock()
	defer x.order.Unlock()
	if x.reqBody != nil {
		x.reqBody.over.Store(true)
		x.reqBody.capture.ended()
		x.Request.Trailer = x.reqBody.Trailers()
		x.upstream.Trailer = x.Request.Trailer
		x.RequestBody = x.reqBody.capture.body
	}
	if x.atOnce {
		x.RequestDone = 0
	} else {
		x.RequestDone = time.Since(x.Started)
	}
	x.c.p.observer.Observe(traffic.RequestDone{Exchange: &x.Exchange})
}

// informational relays a 1xx response. HTTP/1.0 clients must not get any (RFC
// 9110 section 15.2), nor a client a second 100 after necto's own.
func (x *exchange) informational(resp *traffic.Response) error {
	if x.notes != nil { // a layer may have made it
		if err := checkInformational(resp); err != nil {
			return unfit("response", err)
		}
	}
	x.order.Lock()
	defer x.order.Unlock()
	if len(x.Informational) < maxInformational {
		x.Informational = append(x.Informational, resp)
	}
	x.c.p.observer.Observe(traffic.Informational{Exchange: &x.Exchange, Time: time.Now(), Response: resp})
	if x.Request.Proto == "HTTP/1.0" {
		return nil
	}
	if resp.Status == http.StatusContinue && x.reqBody != nil {
		if x.reqBody.continued {
			return nil
		}
		x.reqBody.continued = true
	}
	return clientFailure(x.client.inform(resp))
}

func (x *exchange) responseStarted(resp *traffic.Response) {
	x.order.Lock()
	defer x.order.Unlock()
	x.kept = *resp
	x.kept.Body = nil
	x.Response = &x.kept
	x.Server = x.trace.Server
	x.ResponseStarted = time.Since(x.Started)
	x.c.p.observer.Observe(traffic.ResponseStarted{Exchange: &x.Exchange})
}

// fail ends an exchange that has no answer: with a 502 that says why, unless
// the failure says otherwise or the client is the reason.
func (x *exchange) fail(err error) bool {
	x.setFailure(err)
	x.client.awaited()
	if x.reqBody.unread() && x.reqBody.Buffered() {
		_ = x.drain(-1) // for the capture; it does not wait
	}
	switch {
	case x.ctx.Err() != nil:
		x.client.reset(x)
	case x.Failure.End != traffic.EndDefault:
		x.client.end(x)
	case x.Failure.Side == traffic.SideClient && x.Failure.Kind == traffic.FailProtocol:
		x.client.refuse(x, http.StatusBadRequest)
	case x.Failure.Side == traffic.SideClient:
		x.client.reset(x)
	default:
		x.client.refuse(x, http.StatusBadGateway)
	}
	return false
}

// setFailure notes why the exchange failed. What happens after the connection
// was cancelled has the cause of that as its reason.
func (x *exchange) setFailure(err error) {
	var failure *traffic.Failure
	switch cause := x.left(); {
	case errors.Is(cause, errClientGone):
		failure = &traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideClient, Text: errClientGone.Error(), Err: err}
	case errors.Is(cause, errShutdown):
		failure = &traffic.Failure{Kind: traffic.FailShutdown, Side: traffic.SideNecto, Text: errShutdown.Error(), Err: err}
	case cause != nil: // of a stream
		failure = clientReset(cause, err)
	case !errors.As(err, &failure):
		failure = &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: err.Error(), Err: err}
	}
	x.Failure = failure
}

// left returns why the client's side has ended, nil if it has not.
func (x *exchange) left() error {
	if cause := context.Cause(x.c.ctx); cause != nil {
		return cause
	}
	return context.Cause(x.ctx)
}

// finish ends the exchange: everything about it is known now.
func (x *exchange) finish() {
	x.conclude()
	if x.Failure != nil {
		x.observe(traffic.ExchangeAborted{Exchange: &x.Exchange})
	} else {
		x.observe(traffic.ExchangeDone{Exchange: &x.Exchange})
	}
	x.ReleaseBodies()
}

// conclude fills in what the last event announces.
func (x *exchange) conclude() {
	if x.reqBody != nil && x.RequestBody == nil {
		x.RequestBody = x.reqBody.capture.body
	}
	if x.Response == nil {
		x.Server = x.trace.Server
	}
	x.Tags = x.ClientTags
	if x.notes != nil {
		var tags []string
		x.Rules, tags = x.notes.End()
		x.Tags = append(slices.Clip(x.Tags), tags...)
		x.concludeEdits()
	}
	x.Duration = time.Since(x.Started)
	x.Timing = x.timing()
}

// timing splits the duration as HAR 1.2 does.
func (x *exchange) timing() traffic.Timing {
	t := traffic.Timing{Blocked: -1, DNS: x.trace.DNS, Connect: x.trace.Connect, TLS: x.trace.TLS, Send: -1, Wait: -1, Receive: -1}
	if !x.trace.Sent.IsZero() {
		t.Send = x.trace.Sent.Sub(x.trace.Began)
	}
	if x.ResponseStarted >= 0 {
		t.Receive = x.Duration - x.ResponseStarted
		if !x.trace.Sent.IsZero() {
			t.Wait = max(0, x.ResponseStarted-x.trace.Sent.Sub(x.Started))
		}
	}
	return t
}
