package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// roundTrip2 is RoundTrip on a stream of oc, at began. After an error again says
// whether the request may be sent on another connection.
func (o *origins) roundTrip2(ctx context.Context, req *traffic.Request, oc *originConn, began time.Time) (resp *traffic.Response, again bool, err error) {
	st, err := oc.h2.Open(ctx, requestHead(req))
	if err != nil {
		o.forgetEnded(oc)
		return nil, h2.IsUnprocessed(err), roundTripFailure(req, err)
	}
	// The end of ctx, which is the client's stream or connection, is the end of
	// this one.
	reset := func() { st.Reset(codeOf(context.Cause(ctx), h2.CodeCancel)) }
	leave := context.AfterFunc(ctx, reset)
	up := startStream(req, st)
	if req.Trace != nil {
		req.Trace.Began, req.Trace.Sent = began, time.Now()
	}
	head, err := readFinal2(ctx, st, req)
	if err != nil {
		leave()
		reset()
		if uploadErr := up.abort(); uploadErr != nil {
			err = uploadErr
		}
		o.forgetEnded(oc)
		return nil, o.mayRepeat(req, oc, err), roundTripFailure(req, err)
	}
	oc.used.Store(true)
	resp = &traffic.Response{Status: head.Status(), Proto: proto2, Header: head.Fields, Length: st.Length()}
	if isWebSocket(req) && resp.Status/100 == 2 {
		leave() // the WebSocket connection ends with the client's stream
		acceptWebSocket(req, resp)
		resp.Body = newStreamConn(st)
	} else {
		resp.Body = &streamBody{req: req, resp: resp, st: st, up: up, leave: leave, reset: reset, done: head.End}
	}
	if req.Proto != proto2 {
		response1(resp)
		frame1(resp, req)
	}
	return resp, false, nil
}

// forgetEnded lets nobody find a connection on which no stream can be opened any
// more.
func (o *origins) forgetEnded(oc *originConn) {
	if !oc.h2.CanOpen() {
		o.forget(oc)
	}
}

// mayRepeat reports whether a request to which nothing was answered may be sent
// again: the origin says that it has done nothing with it (RFC 9113 section 8.7),
// or its connection was closed meanwhile; and what it consists of is still there.
func (o *origins) mayRepeat(req *traffic.Request, oc *originConn, err error) bool {
	if h2.IsUnprocessed(err) {
		body, ok := req.Body.(*requestBody)
		return req.Body == nil || ok && !body.begun.Load()
	}
	_, reset := errors.AsType[*h2.StreamError](err)
	return !reset && oc.used.Load() && !oc.h2.CanOpen() && replayable(req)
}

// startStream sends the content of a request, in a goroutine of its own; nil if
// there is none.
func startStream(req *traffic.Request, st *h2.Stream) *upload {
	if req.Body == nil {
		return nil
	}
	return startUpload(req.Body, st, func() error {
		_, err := copyStream(st, asItComes(req.Body), req.Length, nil, &req.Trailer)
		return err
	})
}

// requestHead returns the head of a request in HTTP/2.
func requestHead(req *traffic.Request) h2.Head {
	fields := fields2(req.Header)
	if isWebSocket(req) {
		return webSocketHead(req, fields)
	}
	head := h2.RequestHead(req.Method, req.URL.Scheme, authorityOf(req), req.URL.Target, fields)
	head.End = req.Body == nil
	return head
}

// readFinal2 reads the heads of a response, passing on those of 1xx, to the final
// one.
func readFinal2(ctx context.Context, st *h2.Stream, req *traffic.Request) (h2.Head, error) {
	for {
		head, err := st.ReadHead(ctx)
		if err != nil || head.Status() >= 200 {
			return head, err
		}
		if req.Informational == nil {
			continue
		}
		resp := &traffic.Response{Status: head.Status(), Proto: proto2, Header: head.Fields}
		if req.Proto != proto2 {
			response1(resp)
		}
		if err := req.Informational(resp); err != nil {
			return h2.Head{}, err
		}
	}
}

// streamBody is the content of a response in HTTP/2.
type streamBody struct {
	req   *traffic.Request
	resp  *traffic.Response
	st    *h2.Stream
	up    *upload
	leave func() bool // lets the stream outlive the client's
	reset func()      // resets the stream as the client's was
	tap   h1.Tap      // nil for none
	done  bool
}

// SetTap shows the content to t as it passes.
func (b *streamBody) SetTap(t h1.Tap) { b.tap = t }

// Trailers returns the trailer fields once the end was reached.
func (b *streamBody) Trailers() traffic.Fields { return b.resp.Trailer }

// Read reads content.
func (b *streamBody) Read(p []byte) (int, error) {
	if b.done {
		return 0, io.EOF
	}
	n, err := b.st.Read(p)
	show(b.tap, p[:n])
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.done, b.resp.Trailer = true, b.st.Trailer()
	default:
		err = b.blame(err)
	}
	return n, err
}

// blame gives the reason for an answer that broke off, as originBody does.
func (b *streamBody) blame(err error) error {
	if source := b.up.failed(); source != nil {
		return roundTripFailure(b.req, source)
	}
	return upstreamFailure("read the response body", err)
}

// Close waits for an upload that is about to end, and resets a stream that has
// not.
func (b *streamBody) Close() error {
	b.up.finish(b.done)
	if !b.leave() {
		b.reset()
	}
	return b.st.Close()
}

// show shows content to a tap, if there is one.
func show(tap h1.Tap, p []byte) {
	switch {
	case tap == nil || len(p) == 0:
	case tap.Full():
		tap.Skip(int64(len(p)))
	default:
		tap.Data(p)
	}
}

// streamConn is a stream as a connection.
type streamConn struct {
	net.Conn
	st  *h2.Stream
	cut atomic.Bool // Close is to reset it
}

func newStreamConn(st *h2.Stream) *streamConn { return &streamConn{Conn: st.NetConn(), st: st} }

// CloseWrite tells the other side that nothing more will come.
func (s *streamConn) CloseWrite() error { return closeWrite(s.Conn) }

// resetOnClose makes Close a reset.
func (s *streamConn) resetOnClose() { s.cut.Store(true) }

// Close ends both directions.
func (s *streamConn) Close() error {
	if s.cut.Load() {
		s.st.Reset(h2.CodeCancel) // what RST is to TCP (RFC 8441 section 5)
	}
	return s.Conn.Close()
}

var (
	_ answerBody = (*streamBody)(nil)
	_ tunnelConn = (*streamConn)(nil)
)

// codeOf returns the code of the RST_STREAM or GOAWAY frame that err is about,
// else other. A stream that ended without an error has no code to pass on.
func codeOf(err error, other h2.Code) h2.Code {
	if e, ok := errors.AsType[*h2.StreamError](err); ok && e.Code != h2.CodeNo {
		return e.Code
	}
	if e, ok := errors.AsType[*h2.GoAwayError](err); ok && e.Code != h2.CodeNo {
		return e.Code
	}
	return other
}
