package traffic

import "time"

// ExchangeID numbers exchanges from 1 in the order they began in this run. To the
// numbers of another node of a cluster, node<<NodeShift is added, as it is to those
// of its hits.
type ExchangeID uint64

// NodeShift is where the number of a node is in an ExchangeID or a HitID.
const NodeShift = 40

// ConnID numbers client connections from 1 in the order they were accepted in
// this run.
type ConnID uint64

// Direction is the way bytes go.
type Direction uint8

// The two directions of a connection.
const (
	ClientToServer Direction = iota
	ServerToClient
)

// String returns client-to-server or server-to-client.
func (d Direction) String() string {
	if d == ClientToServer {
		return "client-to-server"
	}
	return "server-to-client"
}

// Exchange is one request and what became of it. See the package comment for
// which fields may be read when.
type Exchange struct {
	// Announced by RequestStarted:

	ID   ExchangeID
	Conn ConnID
	// Started is when the first byte of the request had been read: wall clock
	// with a monotonic reading.
	Started time.Time
	// Client is the client's address, ip:port.
	Client string
	// TLS describes the client's TLS connection, nil for plain text.
	TLS *TLSInfo
	// ClientTags are labels that the client gave with its credentials for the
	// proxy. They are among Tags, too.
	ClientTags []string
	// Request is what the client sent. Its Body is nil here: see RequestBody;
	// its Trailer is announced by RequestDone.
	Request *Request

	// Announced by RequestDone (if there is one) and by the last event:

	// RequestBody is what was captured of the request's content, sealed; nil
	// for none. Transfer coding is undone, content coding kept.
	RequestBody *Body
	// RequestDone is the time from Started to the last byte of the request, -1
	// if it never came.
	RequestDone time.Duration

	// Announced by ResponseStarted and by the last event:

	// Server is the address of the origin connection, ip:port, "" if none was
	// used.
	Server string
	// Response is what the client was sent, nil if there was no answer; an
	// answer that necto made up to report a Failure is not kept. Its Body is nil
	// here: see ResponseBody; its Trailer is announced by the last event.
	Response *Response
	// ResponseStarted is the time from Started to the head of the response, -1
	// if none came.
	ResponseStarted time.Duration

	// Announced by ExchangeDone, ExchangeAborted and WSOpened:

	// Sent is what the origin was sent, and Received what it answered, where
	// layers have made something else of Request and Response; nil where those
	// say it all, and Received also where no origin answered. Bodies are nil
	// here: see SentBody and ReceivedBody.
	Sent     *Request
	Received *Response
	// SentBody and ReceivedBody are like RequestBody and ResponseBody, on the
	// origin's side; nil where those say it all, or for none. Of a ReceivedBody
	// there is no more than layers have read.
	SentBody, ReceivedBody *Body
	// ResponseBody is what was captured of the response's content, sealed; nil
	// for none. Transfer coding is undone, content coding kept.
	ResponseBody *Body
	// WS is what the handshake agreed on, nil unless WSOpened ends the exchange.
	WS *WebSocket
	// Informational has the 1xx responses that came before the final one.
	Informational []*Response
	// GRPC has the messages of a gRPC call, both directions in the order in
	// which their last bytes passed; nil for anything else. What was sent behind
	// the last whole message is not among them.
	GRPC []GRPCMessage
	// GRPCEnd is how many of GRPC had passed when the client of a gRPC call ended
	// its side, -1 if it never did; 0 for anything else.
	GRPCEnd int
	// Duration is the time from Started to the end, monotonic.
	Duration time.Duration
	// Timing splits Duration.
	Timing Timing
	// Failure is why the exchange did not complete, nil if it did.
	Failure *Failure
	// Rules names what changed or answered the exchange, in order.
	Rules []string
	// Tags are labels given by rules or by the client.
	Tags []string
}

// Edited reports whether layers have changed what went to the origin or what it
// answered. It may be called after the last event.
func (x *Exchange) Edited() bool {
	return x.Sent != nil || x.Received != nil || x.SentBody != nil || x.ReceivedBody != nil
}

// KeepBodies takes a reference to each of the bodies; see Body.Keep.
func (x *Exchange) KeepBodies() {
	for _, b := range x.bodies() {
		if b != nil {
			b.Keep()
		}
	}
}

// ReleaseBodies gives back what KeepBodies took.
func (x *Exchange) ReleaseBodies() {
	for _, b := range x.bodies() {
		b.Release()
	}
}

func (x *Exchange) bodies() [4]*Body {
	return [4]*Body{x.RequestBody, x.ResponseBody, x.SentBody, x.ReceivedBody}
}

// Timing splits an exchange's duration the way HAR 1.2 `timings` does. Each
// value is monotonic; -1 means that the step did not happen, as Connect on a
// reused connection.
type Timing struct {
	Blocked, DNS, Connect, TLS, Send, Wait, Receive time.Duration
}

// TLSInfo describes a TLS connection with a client.
type TLSInfo struct {
	// Version is "1.2" or "1.3".
	Version string
	// ALPN is the protocol agreed on, "" for none.
	ALPN string
	// Cipher is the IANA name of the cipher suite.
	Cipher string
	// SNI is the server name the client asked for, "" for none.
	SNI string
	// Offered are the protocols that the client offered by ALPN, in its order.
	Offered []string
	// JA3 and JA4 are the fingerprints of the client's hello: the MD5 of JA3 in
	// hexadecimal, and JA4 as its specification prints it; "" where not known.
	JA3, JA4 string
}

// GRPCMessage is one length-prefixed message of a gRPC call.
type GRPCMessage struct {
	Dir Direction
	// At is the time from Exchange.Started to the message's last byte,
	// monotonic.
	At time.Duration
	// Size is the length of the message in bytes as sent, without its prefix of
	// five bytes; Compressed says that the prefix marks it as compressed.
	Size       int64
	Compressed bool
}
