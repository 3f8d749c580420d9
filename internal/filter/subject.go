package filter

import (
	"github.com/necto-dev/necto/traffic"
)

// Subject is what a Filter looks at: an exchange, a frame or the end of one of
// its WebSocket connections, a tunnel, or a TLS handshake that failed. What is
// not there is nil.
//
// A Subject remembers the content it was given, so the next one is a new value,
// not this one with other fields. One goroutine uses it at a time.
type Subject struct {
	// Exchange is the exchange; for a frame and the end of a connection, the one
	// whose 101 opened the connection, nil if nobody knows it. While it runs it
	// must have only what events have announced: hand in a copy.
	Exchange *traffic.Exchange
	// Frame is nil unless the subject is a frame.
	Frame *traffic.Frame
	// Close is nil unless the subject is the end of a connection.
	Close *traffic.WSClose
	// Tunnel is nil unless the subject is a tunnel, TLSFailed unless it is a
	// failed handshake.
	Tunnel    *traffic.Tunnel
	TLSFailed *traffic.TLSFailed

	// Pending says that the exchange has not ended, Held that it, or the frame,
	// waits at a breakpoint.
	Pending, Held bool
	// Content returns the content of a request (ClientToServer) or response,
	// content coding undone, nil for none. Of a gRPC call whose messages can be told
	// as JSON it is a line of that for each message. It is called only if a predicate needs
	// it, and at most once a direction. A nil Content means that none is at hand.
	Content func(traffic.Direction) []byte
	// Session is the ULID of the run, "" if it is not known.
	Session string
	// Comment is what somebody wrote to the exchange, as HAR 1.2 `comment` has
	// it; "" for none.
	Comment string

	content [2][]byte
	asked   [2]bool
}

// contentOf returns the content of one direction, nil for none.
func (s *Subject) contentOf(dir traffic.Direction) []byte {
	if !s.asked[dir] && s.Content != nil {
		s.content[dir] = s.Content(dir)
	}
	s.asked[dir] = true
	return s.content[dir]
}

// request returns the request, nil if nothing is known of one.
func (s *Subject) request() *traffic.Request {
	if s.Exchange == nil {
		return nil
	}
	return s.Exchange.Request
}

// response returns the final response, nil for none.
func (s *Subject) response() *traffic.Response {
	if s.Exchange == nil {
		return nil
	}
	return s.Exchange.Response
}

// messageOfSocket reports whether the subject is a frame or the end of a
// connection, which only borrows its exchange.
func (s *Subject) messageOfSocket() bool { return s.Frame != nil || s.Close != nil }

// webSocket reports whether the subject belongs to a WebSocket connection.
func (s *Subject) webSocket() bool {
	if s.messageOfSocket() {
		return true
	}
	r := s.request()
	return r != nil && (s.Exchange.WS != nil || r.URL.IsWebSocket())
}

// secure reports whether the URL asks for TLS.
func (s *Subject) secure() bool {
	r := s.request()
	return r != nil && r.URL.Secure()
}

// scheme returns the scheme of the URL: a connection that a handshake opened has
// ws or wss, in a recording as well as live, where the request still says http.
func (s *Subject) scheme() string {
	if s.webSocket() {
		return s.request().URL.WebSocket().Scheme
	}
	return s.request().URL.Scheme
}
