package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// source is where the content of a request comes from.
type source interface {
	io.Reader
	trailed
	// Buffered reports whether Read will not have to wait for the client.
	Buffered() bool
	// Done reports whether the end was reached in good order.
	Done() bool
}

// trailed is a body that may have a trailer.
type trailed interface {
	// Trailers returns the trailer fields once the end was reached.
	Trailers() traffic.Fields
}

// requestBody is the request's content as the layers see it.
type requestBody struct {
	source
	x         *exchange
	capture   capture
	continued bool        // the client was told to send the content; guarded by x.order
	over      atomic.Bool // the last byte was read
	begun     atomic.Bool // somebody reads
}

// unread reports whether there is content that nobody has begun to read.
func (b *requestBody) unread() bool { return b != nil && !b.begun.Load() && !b.over.Load() }

// Read is for layers that need the content.
func (b *requestBody) Read(p []byte) (int, error) {
	b.begun.Store(true)
	if err := b.askFor(); err != nil {
		return 0, err
	}
	return b.read(p)
}

// read is Read for those who have asked, or do not.
func (b *requestBody) read(p []byte) (int, error) {
	b.begun.Store(true)
	n, err := b.source.Read(p)
	if errors.Is(err, io.EOF) {
		b.ended()
	}
	return n, requestFailure(err)
}

// askFor tells a client that waits for 100 Continue to go on (RFC 9110 section
// 10.1.1), unless the final answer is already on its way.
func (b *requestBody) askFor() error {
	if b.Buffered() || !b.x.Request.Header.HasToken("Expect", "100-continue") {
		return nil
	}
	b.x.order.Lock()
	defer b.x.order.Unlock()
	if b.continued || b.x.Response != nil {
		return nil
	}
	b.continued = true
	resp := &traffic.Response{Status: http.StatusContinue, Reason: "Continue", Proto: "HTTP/1.1"}
	b.x.c.p.observer.Observe(traffic.Informational{Exchange: &b.x.Exchange, Time: time.Now(), Response: resp})
	return clientFailure(b.x.client.inform(resp))
}

// ended is called when the last byte was read: from now on the answer is
// awaited, and the client watched.
func (b *requestBody) ended() {
	if b.x.RequestDone < 0 {
		b.x.requestRead()
		b.x.client.await()
	}
}

// Close makes a reader that waits for the client return. It may be called
// while another goroutine reads.
func (b *requestBody) Close() error {
	if !b.over.Load() {
		b.x.client.interrupt()
	}
	return nil
}

// rawRequestBody is a requestBody that came in HTTP/1.
type rawRequestBody struct {
	requestBody
	body *h1.Body
}

// newRawRequestBody returns the content of x as it comes in body.
func newRawRequestBody(x *exchange, body *h1.Body) *rawRequestBody {
	b := &rawRequestBody{requestBody: requestBody{source: rawSource{body}, x: x}, body: body}
	b.capture.begin(x, traffic.ClientToServer, x.Request.Length, new(traffic.Body))
	body.Tap = &b.capture
	return b
}

// Framing returns how the content is delimited.
func (b *rawRequestBody) Framing() h1.Framing { return b.body.Framing() }

// Relay is for the network: the raw body, as it comes.
func (b *rawRequestBody) Relay(w io.Writer, prefix []byte) error {
	b.begun.Store(true)
	err := b.body.Relay(w, prefix)
	if err == nil {
		b.ended()
	}
	return requestFailure(err)
}

// rawSource is a body of HTTP/1 as a source.
type rawSource struct{ *h1.Body }

// Trailers returns the trailer fields once the end was reached.
func (s rawSource) Trailers() traffic.Fields { return s.Trailer }

// asItComes returns content for the network, which does not ask a client that
// waits for 100 Continue to go on: that is for the origin to say.
func asItComes(body io.Reader) io.Reader {
	switch b := body.(type) {
	case *requestBody:
		return unasked{b}
	case *rawRequestBody:
		return unasked{&b.requestBody}
	}
	return body
}

// unasked is a requestBody that is read as it comes.
type unasked struct{ *requestBody }

// Read reads content.
func (b unasked) Read(p []byte) (int, error) { return b.read(p) }

// streamSource is the content of a stream as a source.
type streamSource struct {
	st   *h2.Stream
	conn net.Conn // st, with a deadline for reading
	tap  h1.Tap
	done bool
}

// Read reads content.
func (s *streamSource) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	show(s.tap, p[:n])
	s.done = s.done || errors.Is(err, io.EOF)
	return n, err
}

// Buffered returns false: a stream does not say what it has.
func (s *streamSource) Buffered() bool { return s.done }

// Done reports whether the end was reached in good order.
func (s *streamSource) Done() bool { return s.done }

// Trailers returns the trailer fields once the end was reached.
func (s *streamSource) Trailers() traffic.Fields { return s.st.Trailer() }
