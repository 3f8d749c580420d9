package traffic

import "time"

// Opcode is the type of a WebSocket frame (RFC 6455 section 5.2). 3 to 7 and 11
// to 15 are reserved.
type Opcode uint8

// The opcodes of RFC 6455.
const (
	OpContinuation Opcode = 0
	OpText         Opcode = 1
	OpBinary       Opcode = 2
	OpClose        Opcode = 8
	OpPing         Opcode = 9
	OpPong         Opcode = 10
)

// Control reports whether frames of this opcode are control frames.
func (o Opcode) Control() bool { return o&8 != 0 }

// Frame is one WebSocket frame as it was on the wire.
type Frame struct {
	// Exchange is the one whose 101 opened the connection.
	Exchange *Exchange
	// Seq counts the frames of the connection from 1, over both directions.
	Seq uint64
	// First and Last are when the first and the last byte of the frame had
	// been read: wall clock with a monotonic reading. On a connection whose
	// frames rules may hold, Last is when the frame was passed on or dropped.
	First, Last time.Time
	Dir         Direction
	Opcode      Opcode
	Fin         bool
	// RSV has the reserved bits: 4 for RSV1, 2 for RSV2, 1 for RSV3.
	RSV uint8
	// Masked says that the payload was masked on the wire; Payload never is.
	Masked bool
	// Length is the length of the payload on the wire, before inflating.
	Length int64
	// Payload is the content, unmasked, inflated if the message is compressed
	// and that was possible. At most Options.MaxBody bytes of it are kept. A
	// frame of a compressed message has what became readable with it.
	Payload []byte
	// Size is the length of the content after inflating; it is Length where
	// nothing was inflated. It is more than len(Payload) if Truncated.
	Size      int64
	Truncated bool
	// Inflated says that Payload is not what was on the wire but what it means.
	Inflated bool
	// SHA256 is the hash of the whole content if Truncated, else nil.
	SHA256 []byte
	// Anomalies say in words what RFC 6455 or RFC 7692 forbid about the frame;
	// it was passed on all the same.
	Anomalies []string
	// Injected, Dropped and Edited say what rules did: necto made the frame
	// itself, did not pass it on, or passed it on with another payload.
	Injected, Dropped, Edited bool
	// Rules names the rules and breakpoints that did so, or held the message, in
	// order.
	Rules []string
	// Original is the content before it was edited, nil for other frames. All
	// else is told of the frame that was sent, but for First, when the first
	// byte of the original had been read. The frames of an edited message that
	// were joined into one have their content together. It is at most 4 MiB.
	Original []byte
}

// WebSocket is what a handshake agreed on.
type WebSocket struct {
	// Subprotocol is the one chosen, "" for none.
	Subprotocol string
	// Deflate says per Direction how permessage-deflate is used (RFC 7692).
	Deflate [2]Deflate
	// Opaque says that an extension necto does not know was agreed on: frames
	// are seen, their payload is not understood.
	Opaque bool
	// Via is how the connection was opened: "" for the upgrade of HTTP/1.1, "h2"
	// for extended CONNECT (RFC 8441).
	Via string
}

// Deflate is how one direction of a connection uses permessage-deflate.
type Deflate string

// The ways to use permessage-deflate.
const (
	DeflateOff        Deflate = ""
	DeflateTakeover   Deflate = "takeover"
	DeflateNoTakeover Deflate = "no-takeover"
)

// WSClose is how a WebSocket connection ended.
type WSClose struct {
	// Code and Reason are those of the first close frame; 1005 if it had none,
	// 1006 if there was no close frame (RFC 6455 section 7.4.1).
	Code   int
	Reason string
	// By is the side that sent the first close frame, or that the connection
	// broke on.
	By Side
	// Cause says what ended a connection without a close frame: eof, reset,
	// timeout or shutdown; "" otherwise.
	Cause string
	// Frames counts the frames per Direction.
	Frames [2]uint64
	// Duration is the time from the exchange's Started to the end, monotonic.
	Duration time.Duration
}

// WSOpened is told when a 101 that opens a WebSocket connection was relayed. It
// announces all fields of the exchange.
type WSOpened struct{ *Exchange }

// FrameSeen is told for each frame, after it was passed on.
type FrameSeen struct {
	// Frame and what it refers to are valid only during Observe: an observer
	// that keeps a frame copies it.
	*Frame
}

// WSClosed is told when both directions of a WebSocket connection have ended.
type WSClosed struct {
	Exchange *Exchange
	Close    *WSClose
}

// At returns when the handshake was complete.
func (e WSOpened) At() time.Time { return e.Started.Add(e.Duration) }

// At returns when the frame had been read.
func (e FrameSeen) At() time.Time { return e.Last }

// At returns when the connection ended.
func (e WSClosed) At() time.Time { return e.Exchange.Started.Add(e.Close.Duration) }

func (WSOpened) event()  {}
func (FrameSeen) event() {}
func (WSClosed) event()  {}
