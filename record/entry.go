package record

import (
	"time"

	"github.com/necto-dev/necto/traffic"
)

// The line types of a recording.
const (
	TypeMeta    = "meta"
	TypeHTTP    = "http"
	TypePending = "http.pending"
	TypeTLS     = "tls"
	TypeTunnel  = "tunnel"
	TypeWSOpen  = "ws.open"
	TypeWSFrame = "ws.frame"
	TypeWSClose = "ws.close"
	TypeEnd     = "end"
)

// Entry is an exchange as a recording has it: an http line, an http.pending line
// for one that had not ended, or a ws.open line for the handshake of a WebSocket
// connection. Secrets are redacted if the recording is.
type Entry struct {
	// Type is TypeHTTP, TypePending or TypeWSOpen.
	Type string
	// Seq is the number of the line, ID that of the exchange, Conn that of the
	// client connection; all from 1.
	Seq, ID, Conn uint64
	// At is when the exchange started, wall clock, UTC, in microseconds.
	At time.Time
	// Offset is the time from the start of the session to At, monotonic, in
	// microseconds.
	Offset time.Duration
	// Client and Server are ip:port; Server is "" if no origin was reached.
	Client, Server string
	// TLS describes the client's TLS connection, nil for plain text.
	TLS     *traffic.TLSInfo
	Request EntryRequest
	// Response is nil if there was none.
	Response *EntryResponse
	// Sent is what the origin was sent, and Received what it answered, where rules
	// have made something else of Request and Response; nil where those say it all.
	Sent     *EntryRequest
	Received *EntryResponse
	// Timing splits Duration; -1 means that a step did not happen. Both are in
	// tenths of a millisecond.
	Timing   traffic.Timing
	Duration time.Duration
	// GRPC has the messages of a gRPC call, nil for anything else. Their times are
	// in tenths of a millisecond.
	GRPC []traffic.GRPCMessage
	// GRPCEnd is how many of GRPC had passed when the client ended its side, -1 if
	// it never did.
	GRPCEnd int
	// Failure is why the exchange did not complete, nil if it did.
	Failure     *traffic.Failure
	Rules, Tags []string
	// WS is what the handshake agreed on, nil unless Type is TypeWSOpen. A ws.open
	// line has neither Timing nor Duration, and its URL has the scheme ws or wss.
	WS *traffic.WebSocket
}

// EntryRequest is the request of an Entry.
type EntryRequest struct {
	// Method, URL and Proto are as sent, byte for byte.
	Method, URL, Proto string
	Header             traffic.Fields
	// Body is nil if there was no content.
	Body    *EntryBody
	Trailer traffic.Fields
}

// EntryResponse is the response of an Entry.
type EntryResponse struct {
	Status        int
	Reason, Proto string
	Header        traffic.Fields
	// Source says who made the response.
	Source traffic.Source
	// Body is nil if there was no content.
	Body    *EntryBody
	Trailer traffic.Fields
	// Informational has the 1xx responses before this one; they have neither
	// Body nor Informational.
	Informational []EntryResponse
}

// EntryBody is content as a recording keeps it: transfer and content coding
// undone, secrets redacted. [File.OpenBody] reads it.
type EntryBody struct {
	// Size is the length of what is stored in bytes; of a Truncated body, the
	// length of what passed on the wire.
	Size int64
	// Coding has the content codings that were undone, as Content-Encoding
	// spells them ("gzip", "gzip, br"), and WireSize the length before; "" and
	// 0 if the content is stored as it came.
	Coding   string
	WireSize int64
	// Chunks says when which bytes of a streamed body arrived, counted before
	// content decoding; nil if that was not noted.
	Chunks []traffic.Chunk
	// Truncated means that only the beginning is stored.
	Truncated bool
	// Inline is the stored content, unless File names the sidecar that has it,
	// by the SHA-256 of its content.
	Inline []byte
	File   string
}
