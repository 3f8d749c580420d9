package traffic

import "time"

// Event is something an Observer is told. The set is closed: the types of this
// file and those of WebSocket connections, rules and breakpoints.
//
//sumtype:decl
type Event interface {
	// At is when it happened: wall clock with a monotonic reading where the
	// run is live.
	At() time.Time
	event()
}

// RequestStarted is told when the head of a request has been read.
type RequestStarted struct{ *Exchange }

// RequestDone is told when the last byte of a request's content has been read.
// A request whose client or origin left early has none.
type RequestDone struct{ *Exchange }

// ResponseStarted is told when the head of the final response has been read.
type ResponseStarted struct{ *Exchange }

// ExchangeDone ends an exchange that completed.
type ExchangeDone struct{ *Exchange }

// ExchangeAborted ends an exchange that did not complete; Failure says why.
type ExchangeAborted struct{ *Exchange }

// At returns when the exchange started.
func (e RequestStarted) At() time.Time { return e.Started }

// At returns when the request had been read.
func (e RequestDone) At() time.Time { return e.Started.Add(e.RequestDone) }

// At returns when the head of the response had been read.
func (e ResponseStarted) At() time.Time { return e.Started.Add(e.ResponseStarted) }

// At returns when the exchange ended.
func (e ExchangeDone) At() time.Time { return e.Started.Add(e.Duration) }

// At returns when the exchange ended.
func (e ExchangeAborted) At() time.Time { return e.Started.Add(e.Duration) }

// BodyChunk is told for each piece of content as it passes, and only where it
// was asked for.
type BodyChunk struct {
	Exchange *Exchange
	Dir      Direction
	Time     time.Time
	// Data has transfer coding undone and content coding kept. It is valid
	// only during Observe.
	Data []byte
}

// Informational is told for each 1xx response, also for a 100 with which necto
// itself asks the client for content; that is none of Exchange.Informational.
type Informational struct {
	Exchange *Exchange
	Time     time.Time
	Response *Response
}

// TunnelOpened is told when bytes begin to pass unread in both directions.
type TunnelOpened struct{ *Tunnel }

// TunnelData is told for each piece that passes, and only where it was asked
// for.
type TunnelData struct {
	Tunnel *Tunnel
	Dir    Direction
	Time   time.Time
	// Data is valid only during Observe.
	Data []byte
}

// TunnelClosed is told when they end.
type TunnelClosed struct{ *Tunnel }

// Tunnel is a connection that necto passed on without reading: a passthrough
// host, or a protocol it does not know.
type Tunnel struct {
	Conn   ConnID
	Client string // ip:port
	// Target is host:port as the client asked for it.
	Target string
	// SNI is the server name in the client's TLS hello, "" if none was seen.
	SNI string
	// Offered, JA3 and JA4 are from the same hello, as in TLSInfo.
	Offered  []string
	JA3, JA4 string
	// Tags are labels given by the client.
	Tags []string
	// Started is wall clock with a monotonic reading.
	Started time.Time
	// Steps are those of the client's connection.
	Steps ConnSteps

	// Announced by TunnelClosed:

	// BytesUp and BytesDown count client-to-server and server-to-client bytes.
	BytesUp, BytesDown int64
	Duration           time.Duration
	// Failure is nil after an orderly end.
	Failure *Failure
}

// ConnSteps says when a client's connection got how far: wall clock with a
// monotonic reading, zero for a step that it did not take or that is not known.
type ConnSteps struct {
	// Accepted is when the connection was, Tunnel when a CONNECT or SOCKS request
	// on it was granted, and Handshake when its TLS was set up.
	Accepted, Tunnel, Handshake time.Time
}

// At returns when the tunnel was opened.
func (e TunnelOpened) At() time.Time { return e.Started }

// At returns when the tunnel ended.
func (e TunnelClosed) At() time.Time { return e.Started.Add(e.Duration) }

// TLSFailed is told when a TLS handshake with a client failed.
type TLSFailed struct {
	Conn   ConnID
	Client string
	Time   time.Time
	// SNI, ALPN are from the client's hello, empty if it was not readable.
	SNI  string
	ALPN []string
	// JA3 and JA4 are the hello's fingerprints, as in TLSInfo.
	JA3, JA4 string
	// Target is host:port of the tunnel that the handshake was in, "" for none.
	Target string
	// Tags are labels given by the client.
	Tags []string
	// Steps are those of the client's connection.
	Steps ConnSteps
	// Failure is cert-rejected, no-shared-cipher, no-shared-version, closed, reset,
	// timeout or protocol. A client that ends the connection soon after the
	// handshake and without a word, as those do that judge a certificate late, has
	// closed or reset it, too.
	Failure string
	// Text is the error in words.
	Text string
}

// ClientError is told when a client sent something that is not a request necto
// can serve. It belongs to no exchange.
type ClientError struct {
	Conn    ConnID
	Client  string
	Time    time.Time
	Failure *Failure
	// Status is the status code the client was answered with, 0 for none.
	Status int
	// Target is host:port of the tunnel that it was in, "" for none, and Secure
	// says that it came over TLS.
	Target string
	Secure bool
	// Proto is HTTP/2.0 where that was agreed on, else "".
	Proto string
	// Tags are labels given by the client.
	Tags []string
	// Started is when the client began to send it, zero if that is not known: wall
	// clock with a monotonic reading.
	Started time.Time
	// Head is what was read of the request's head, at most 4 KiB, nil if
	// nothing was.
	Head []byte
}

// CertIssued is told when a leaf certificate was minted.
type CertIssued struct {
	Time time.Time
	// Name is the host name or IP address it is for.
	Name string
	// NotAfter is when it ends.
	NotAfter time.Time
}

// At returns when the chunk was read.
func (e BodyChunk) At() time.Time { return e.Time }

// At returns when the piece was read.
func (e TunnelData) At() time.Time { return e.Time }

// At returns when the response had been read.
func (e Informational) At() time.Time { return e.Time }

// At returns when the handshake failed.
func (e TLSFailed) At() time.Time { return e.Time }

// At returns when the error was found.
func (e ClientError) At() time.Time { return e.Time }

// At returns when the certificate was signed.
func (e CertIssued) At() time.Time { return e.Time }

func (RequestStarted) event()  {}
func (RequestDone) event()     {}
func (ResponseStarted) event() {}
func (ExchangeDone) event()    {}
func (ExchangeAborted) event() {}
func (BodyChunk) event()       {}
func (Informational) event()   {}
func (TunnelOpened) event()    {}
func (TunnelData) event()      {}
func (TunnelClosed) event()    {}
func (TLSFailed) event()       {}
func (ClientError) event()     {}
func (CertIssued) event()      {}

// Observer is told what happens. Observe is called from many goroutines at
// once, though never twice at once for one exchange; it returns quickly and
// changes nothing. An observer that keeps an Exchange's bodies beyond the call
// keeps them with Body.Keep.
type Observer interface {
	Observe(Event)
}

// Tee is Observers told in order.
type Tee []Observer

// Observe tells each observer.
func (t Tee) Observe(e Event) {
	for _, o := range t {
		o.Observe(e)
	}
}
