package traffic

import (
	"context"
	"io"
	"time"
)

// Request is a request on its way through the stack of RoundTrippers. A
// RoundTripper must not change the one it is given: it passes on a changed
// Clone.
type Request struct {
	// Method is case-sensitive, as sent.
	Method string
	// Target is the request-target of the request line as sent.
	Target string
	// URL is where the request goes, from Target or from Host.
	URL URL
	// Proto is the version as sent, "HTTP/1.1".
	Proto string
	// Header has all fields as sent, hop-by-hop ones included.
	Header Fields
	// Body is the content with transfer coding undone and content coding kept;
	// nil for none. Whoever answers the request may leave it unread.
	Body io.ReadCloser
	// Length is the length of Body in bytes if the message states it, 0 for no
	// body, -1 if it ends by itself (chunked).
	Length int64
	// Trailer has the trailer fields once Body has returned io.EOF.
	Trailer Fields
	// Informational, if not nil, is given each 1xx response that comes before
	// the final one, in order, before RoundTrip returns. An error from it is
	// the client's and ends the round trip.
	Informational func(*Response) error
	// Trace, if not nil, is filled in by whoever reaches an origin, before
	// RoundTrip returns.
	Trace *Trace
}

// Trace tells how an origin was reached.
type Trace struct {
	// Server is the address of the origin connection, ip:port.
	Server string
	// DNS, Connect and TLS are what it took to open the connection, monotonic;
	// -1 for a step that did not happen, as on a reused connection.
	DNS, Connect, TLS time.Duration
	// Began is when the connection was ready and writing the request began,
	// Sent when the last byte of it that was there had been written.
	Began, Sent time.Time
}

// Clone returns a copy whose Header may be changed. Body and Informational are
// shared.
func (r *Request) Clone() *Request {
	c := *r
	c.Header = r.Header.Clone()
	return &c
}

// Response is the answer to a Request. The one who reads Body closes it, and a
// layer that puts another Body in its place closes that one.
type Response struct {
	// Status is the status code, 100 to 999.
	Status int
	// Reason is the reason phrase as sent, "" for none.
	Reason string
	// Proto is the version as sent, "HTTP/1.1".
	Proto string
	// Header has all fields as sent, hop-by-hop ones included.
	Header Fields
	// Body is the content with transfer coding undone and content coding kept;
	// nil for none.
	Body io.ReadCloser
	// Length is the length of Body in bytes if the message states it, 0 for no
	// body, -1 if it ends by itself (chunked, or at the end of the connection).
	Length int64
	// Trailer has the trailer fields once Body has returned io.EOF.
	Trailer Fields
	// Source says who made the response; a layer that answers sets it.
	Source Source

	line string // the status line as read, see SetWireLine
}

// Source says who has made a response.
type Source string

// The sources of responses.
const (
	SourceOrigin Source = ""       // an origin, perhaps edited by rules
	SourceRule   Source = "rule"   // a rule, or who has resumed a breakpoint
	SourceReplay Source = "replay" // a recording
)

// RoundTripper answers requests: the network, a rule, a breakpoint, a
// recording. RoundTrippers stack; each decides whether to answer itself or to
// ask the next one. Methods may be called concurrently.
type RoundTripper interface {
	// RoundTrip returns the final response, whose Body the caller closes, or an
	// error, which is a *Failure where the kind of trouble is known.
	RoundTrip(ctx context.Context, req *Request) (*Response, error)
}

// RoundTripperFunc is a function as a RoundTripper.
type RoundTripperFunc func(ctx context.Context, req *Request) (*Response, error)

// RoundTrip calls f.
func (f RoundTripperFunc) RoundTrip(ctx context.Context, req *Request) (*Response, error) {
	return f(ctx, req)
}
