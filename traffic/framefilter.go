package traffic

import (
	"context"
	"errors"
)

// FrameFilter decides what becomes of the messages of one WebSocket connection.
// It is used by two goroutines at a time, one a direction.
type FrameFilter interface {
	// Filter is asked about each text and binary message once it was read as a
	// whole. m has its opcode, direction and times, and as Payload all of its
	// content, inflated and joined from its fragments; it has no Seq yet. m is
	// valid until Filter returns, and must not be changed.
	//
	// Filter may block: m then waits, and what the same side sends behind it
	// but for pings and pongs, which pass. So does reading from that side, once
	// 4 MiB wait. ctx is done when the connection has ended or is being closed:
	// Filter must return then, with whatever verdict.
	//
	// After an error the connection is closed with 1011.
	//
	// Not asked about are control frames, messages of more than 4 MiB before or
	// after inflating, whose frames are told with the anomaly "too large for
	// rules", and what cannot be understood as a message. All of it passes.
	Filter(ctx context.Context, m *Frame) (FrameVerdict, error)
}

// FrameVerdict is what becomes of a message. The zero value lets it pass: as it
// was on the wire, unless the direction has context takeover and a compressed
// message of it was dropped or replaced before. Its messages are then compressed
// anew, and told as they were read.
type FrameVerdict struct {
	// Drop takes the message out.
	Drop bool
	// Replace sends Payload in place of the content, under the same opcode: in
	// frames of the same lengths if the message was not compressed and the
	// content has as many bytes as before, else in one. Payload of a text
	// message is to be UTF-8. It must not be changed any more.
	Replace bool
	Payload []byte
	// After is sent behind the message, or in the place of one dropped.
	After []Injection
	// Rules names what decided so: see Frame.Rules.
	Rules []string
}

// Injection is a frame that necto makes: a whole message, a ping or a pong.
type Injection struct {
	Dir     Direction
	Opcode  Opcode
	Payload []byte
	// Rule names what made it, for Frame.Rules; "" for none, as when a user did.
	Rule string
}

// FrameWriter sends frames on a WebSocket connection. It may be used by any
// goroutine.
type FrameWriter interface {
	// Inject sends a frame where a message ends. Called by Filter it comes
	// before the message that Filter was asked about, if in the same direction.
	// It returns ErrFramesClosed where nothing can be sent any more, else the
	// error of the connection, which ends by it.
	Inject(Injection) error
	// Close sends a close frame to both sides; what they send from then on goes
	// nowhere. The connection ends when both have answered, or after 10 s.
	// Closing again does nothing.
	Close(code int, reason string)
}

// ErrFramesClosed says that a frame was not sent because the direction has ended
// or has had its close frame, or its frames cannot be told apart any more.
var ErrFramesClosed = errors.New("websocket direction is closed")
