package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// maxTries is how often a request is sent to origins that do not take it.
const maxTries = 3

// RoundTrip sends the request to its origin. One that the origin has not worked
// on is sent once more where that is safe.
func (o *origins) RoundTrip(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	t := o.targetOf(req.URL)
	webSocket := isWebSocket(req)
	if o.d.opts.Upstream != nil && !t.connect {
		t.upgrade = webSocket
	}
	v := o.versionsFor(req, t)
	now := time.Now()
	for try := 1; ; try++ {
		oc, err := o.get(ctx, t, v, now, req.Trace)
		switch {
		case err != nil && o.turnsTo2(t, &v, err):
			continue
		case err != nil:
			return nil, err
		case oc.h2 != nil && webSocket && !oc.offersWebSockets(ctx):
			if o.d.only2.has(t) {
				return nil, noWebSockets(req)
			}
			v = http1
			continue
		}
		if !oc.used.Load() { // opening it took time
			now = time.Now()
		}
		resp, again, err := o.roundTripOn(ctx, req, oc, now)
		if err != nil && o.turnsTo2(t, &v, err) {
			again = req.Body == nil
		}
		if err == nil || !again || try == maxTries || ctx.Err() != nil {
			return resp, err
		}
	}
}

// roundTripOn is RoundTrip on oc. After an error again says whether the request may
// be sent on another connection.
func (o *origins) roundTripOn(ctx context.Context, req *traffic.Request, oc *originConn, now time.Time) (resp *traffic.Response, again bool, err error) {
	switch {
	case oc.h2 != nil:
		return o.roundTrip2(ctx, req, oc, now)
	case req.Proto == proto2:
		resp, err = o.roundTripDown(ctx, req, oc, now)
	default:
		resp, err = o.roundTrip(req, oc, now)
	}
	if err == nil {
		return resp, false, nil
	}
	again = oc.used.Load() && oc.silent && replayable(req)
	if oc.saysHTTP2() {
		err = answersInHTTP2(req)
	}
	o.drop(oc)
	return nil, again, err
}

// replayable reports whether a request may be sent a second time on a connection
// of HTTP/1 because the first one was closed (RFC 9112 section 9.3.1): it is
// idempotent (RFC 9110 section 9.2.2) and has no content.
func replayable(req *traffic.Request) bool {
	switch req.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return req.Body == nil
	}
	return false
}

// roundTripDown sends a request of HTTP/2 in HTTP/1.1, and makes an answer of
// HTTP/2 of what comes back. The end of ctx, which is the client's stream, ends
// the connection.
func (o *origins) roundTripDown(ctx context.Context, req *traffic.Request, oc *originConn, now time.Time) (*traffic.Response, error) {
	out, err := request1(req)
	if err != nil {
		return nil, &traffic.Failure{Kind: traffic.FailProtocol, Side: traffic.SideClient, Text: err.Error(), Err: err}
	}
	if inform := req.Informational; inform != nil {
		out.Informational = func(resp *traffic.Response) error {
			response2(resp)
			return inform(resp)
		}
	}
	conn := oc.conn
	leave := context.AfterFunc(ctx, func() {
		resetOnClose(netConn(conn))
		_ = conn.Close() // what waits for it returns
	})
	resp, err := o.roundTrip(out, oc, now)
	if err != nil {
		leave()
		return nil, err
	}
	if resp.Status == http.StatusSwitchingProtocols {
		leave() // the WebSocket connection ends with the stream
		resp.Proto, resp.Reason = proto2, ""
		return resp, checkAccept(req, resp)
	}
	response2(resp)
	if body, ok := resp.Body.(*originBody); ok {
		body.leave = leave
	}
	return resp, nil
}

// roundTrip sends the request on oc, at began, and reads the head of the final
// response.
// After an error nothing is left running and oc is to be dropped.
func (o *origins) roundTrip(req *traffic.Request, oc *originConn, began time.Time) (*traffic.Response, error) {
	oc.silent = true
	up, sendErr := oc.send(req)
	oc.since = time.Now()
	if req.Trace != nil {
		req.Trace.Began, req.Trace.Sent = began, oc.since
	}
	resp, err := oc.readFinal(req)
	if err != nil {
		if uploadErr := up.abort(); uploadErr != nil {
			err = uploadErr
		} else if sendErr != nil {
			err = sendErr
		}
		return nil, roundTripFailure(req, err)
	}
	framing, err := h1.ResponseFraming(resp, req.Method)
	if err == nil && oc.forward != nil && resp.Status == http.StatusProxyAuthRequired {
		err = viaFailure(oc.forward, authRefused(oc.forward)) // the client knows of no such proxy
	}
	if err != nil {
		_ = up.abort() // the answer is the reason
		return nil, roundTripFailure(req, err)
	}
	resp.Length = framing.BodyLength()
	if resp.Status == 101 {
		if !up.finish(true) {
			return nil, roundTripFailure(req, &h1.Error{Text: "a 101 before the request was over"})
		}
		resp.Body = &upgradedConn{o: o, oc: oc}
		return resp, nil
	}
	reusable := sendErr == nil && persistent(req.Proto, req.Header) && persistent(resp.Proto, resp.Header)
	resp.Body = &originBody{Body: oc.r.Body(framing), o: o, oc: oc, req: req, resp: resp, up: up, reusable: reusable}
	return resp, nil
}

// roundTripFailure names the side an error belongs to.
func roundTripFailure(req *traffic.Request, err error) error {
	var failure *traffic.Failure
	var source *uploadError
	switch {
	case errors.As(err, &failure):
		return failure
	case errors.As(err, &source): // of a body that a layer made
		return &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideNecto, Text: "read the request body: " + plain(err), Err: err}
	default:
		return upstreamFailure(req.URL.Authority, err)
	}
}

// send writes the request. A body that is not all there yet is written by a
// goroutine of its own, so that an early answer is not kept waiting; the upload
// is nil otherwise. An error is not the end: the origin may have answered
// before it closed the connection.
func (oc *originConn) send(req *traffic.Request) (*upload, error) {
	if req.Body == nil {
		out := getBuffer()
		defer putBuffer(out)
		*out = oc.appendHead(*out, req)
		_, err := oc.conn.Write(*out)
		return nil, err
	}
	if raw, ok := req.Body.(rawBody); ok {
		framing, err := h1.RequestFraming(req)
		if err == nil && framing == raw.Framing() {
			return oc.sendRaw(req, raw)
		}
	}
	return startUpload(req.Body, oc.conn, func() error { return oc.sendContent(req) }), nil
}

// sendRaw sends a request with the framing it came with.
func (oc *originConn) sendRaw(req *traffic.Request, body rawBody) (*upload, error) {
	send := func() error {
		out := getBuffer()
		defer putBuffer(out)
		*out = oc.appendHead(*out, req)
		return body.Relay(oc.conn, *out)
	}
	if body.Buffered() {
		return nil, send()
	}
	return startUpload(req.Body, oc.conn, send), nil
}

// sendContent sends a request whose body is read decoded and framed anew.
func (oc *originConn) sendContent(req *traffic.Request) error {
	framing, err := h1.RequestFraming(req)
	if err != nil {
		return err
	}
	if _, err := oc.conn.Write(oc.appendHead(nil, req)); err != nil {
		return &h1.WriteError{Err: err}
	}
	return copyBody(oc.conn, asItComes(req.Body), framing, nil, &req.Trailer)
}

// readFinal reads response heads, passing on those of 1xx, to the final one.
func (oc *originConn) readFinal(req *traffic.Request) (*traffic.Response, error) {
	for {
		resp, err := oc.r.ReadResponse()
		if err != nil {
			oc.silent = oc.silent && (errors.Is(err, io.EOF) || failureKind(err) == traffic.FailReset)
			return nil, err
		}
		oc.silent = false
		if resp.Status >= 200 || resp.Status == 101 && req.Header.Has("Upgrade") {
			return resp, nil
		}
		if _, err := h1.ResponseFraming(resp, req.Method); err != nil {
			return nil, err
		}
		if resp.Status == 101 {
			return nil, &h1.Error{Text: "a 101 that was not asked for"}
		}
		if req.Informational != nil {
			if err := req.Informational(resp); err != nil {
				return nil, err
			}
		}
	}
}

// originBody is the content of a response. Its Close decides what becomes of
// the connection.
type originBody struct {
	*h1.Body
	o        *origins
	oc       *originConn
	req      *traffic.Request
	resp     *traffic.Response
	up       *upload
	reusable bool
	// leave lets the connection outlive the client's stream, if that is what it
	// was opened for; nil where it ends with the client's connection anyway.
	leave func() bool
}

// SetTap shows the content to t as it passes.
func (b *originBody) SetTap(t h1.Tap) { b.Tap = t }

// Read reads decoded content.
func (b *originBody) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	if errors.Is(err, io.EOF) {
		b.resp.Trailer = b.Trailer
	}
	return n, b.blame(err)
}

// Relay writes the raw body as it comes.
func (b *originBody) Relay(w io.Writer, prefix []byte) error {
	return b.blame(b.Body.Relay(w, prefix))
}

// blame gives the reason for an answer that broke off: if the client failed to
// send the rest of its request, that closed the connection.
func (b *originBody) blame(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if _, ok := errors.AsType[*h1.WriteError](err); ok {
		return err
	}
	if source := b.up.failed(); source != nil {
		return roundTripFailure(b.req, source)
	}
	return upstreamFailure("read the response body", err)
}

// Trailers returns the trailer fields once the end was reached.
func (b *originBody) Trailers() traffic.Fields { return b.Trailer }

// Close waits for an upload that is about to end, cuts one that is not, and
// keeps or drops the connection.
func (b *originBody) Close() error {
	uploaded := b.up.finish(b.Done())
	if b.leave != nil && !b.leave() {
		b.reusable = false
	}
	if uploaded && b.reusable && b.Done() && b.Framing().Kind != h1.UntilClose && len(b.oc.r.Buffered()) == 0 {
		b.o.release(b.oc)
	} else {
		b.o.drop(b.oc)
	}
	return nil
}

// upgradedConn is an origin connection behind a 101. It stays one of o, which end
// with the client's connection, until it is closed.
type upgradedConn struct {
	o  *origins
	oc *originConn
}

// Read reads what came behind the 101.
func (u *upgradedConn) Read(p []byte) (int, error) { return u.oc.r.Read(p) }

// Write writes to the origin.
func (u *upgradedConn) Write(p []byte) (int, error) { return u.oc.conn.Write(p) }

// CloseWrite tells the origin that nothing more will come.
func (u *upgradedConn) CloseWrite() error { return closeWrite(u.oc.conn) }

// Close closes the connection. It may be called while another goroutine reads.
func (u *upgradedConn) Close() error {
	u.o.forget(u.oc) // streams of one client may open many
	return u.oc.conn.Close()
}

// resetOnClose makes Close a reset.
func (u *upgradedConn) resetOnClose() { resetOnClose(netConn(u.oc.conn)) }

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}
