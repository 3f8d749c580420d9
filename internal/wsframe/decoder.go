package wsframe

import (
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Handler is told by a Decoder what the frames of one direction mean: for each
// one FrameStart, FrameContent for each piece of content, one FrameEnd. A frame
// that the end of the connection cuts has no FrameEnd.
type Handler interface {
	// FrameStart is told when a frame's header is complete; at is when its
	// first byte arrived.
	FrameStart(h Header, at time.Time)
	// FrameContent is told the next piece of content: unmasked and, if the
	// frame belongs to a compressed message, inflated as far as it became
	// readable with this frame. p is valid only during the call and must not
	// be changed.
	FrameContent(p []byte)
	// FrameEnd is told when the frame is complete.
	FrameEnd(end FrameEnd)
}

// FrameEnd is what is known once a frame is complete.
type FrameEnd struct {
	// At is when the last byte arrived.
	At time.Time
	// Anomalies is what is wrong with the frame.
	Anomalies Anomaly
	// Inflated says that the content was inflated, wholly or, if Err is set,
	// up to the fault. Where it is false the content is the payload.
	Inflated bool
	// Err is why the content of a compressed message could not be inflated:
	// because of this frame, or of an earlier one of the same direction.
	Err error
	// CloseCode and CloseReason are what a close frame says, CloseNoStatus if
	// it has no code. They are 0 and "" for other frames.
	// The reason of a frame over 125 bytes is cut there.
	CloseCode   int
	CloseReason string
}

// Decoder understands the frames of one direction that a Parser finds, for which
// it is the Sink: it follows messages over their fragments, inflates, and notes
// anomalies. Nothing it finds stops it. It is used by one goroutine at a time,
// like its Parser, and holds little: see Inflater for what compression needs.
type Decoder struct {
	handler  Handler
	server   bool // frames come from the server
	ext      Extensions
	inflater *Inflater // nil until a message was compressed

	header Header
	left   int64 // payload bytes of the frame still to come
	end    FrameEnd
	skip   bool // the rest of the frame's payload is lost to a fault

	message message
	closed  bool // a close frame was seen
	close   [MaxControlPayload]byte
	closeN  int
}

// message is what is known of the message that frames belong to.
type message struct {
	open       bool // begun and not ended
	compressed bool
	failed     error // why the rest is not inflated
	isText     bool  // and is to be checked
	text       textCheck
}

// NewDecoder returns a Decoder for the frames of one direction of a connection
// whose handshake agreed on ext.
func NewDecoder(dir traffic.Direction, ext Extensions, h Handler) *Decoder {
	return &Decoder{handler: h, server: dir == traffic.ServerToClient, ext: ext}
}

// Release gives back what is held for a message that has not ended. It must be
// called when the connection ends, after the last Feed of the Parser.
func (d *Decoder) Release() {
	if d.inflater != nil {
		d.inflater.Abandon()
	}
}

// Header implements Sink.
func (d *Decoder) Header(h Header, at time.Time) {
	d.header, d.left, d.skip, d.closeN = h, h.Length, false, 0
	d.end = FrameEnd{Anomalies: d.headerAnomalies(h)}
	switch h.Opcode {
	case OpText, OpBinary:
		d.beginMessage(h)
	case OpContinuation:
		if !d.message.open {
			d.end.Anomalies |= NoMessageToContinue
			d.message = message{}
		}
	}
	if d.inMessage() && d.message.compressed {
		d.end.Err = d.inflateError()
		d.end.Inflated = d.end.Err == nil
	}
	d.handler.FrameStart(h, at)
}

// beginMessage gives up a message that has not ended, which is an anomaly, and
// begins the next.
func (d *Decoder) beginMessage(h Header) {
	if d.message.open {
		d.end.Anomalies |= MessageInsideMessage
		d.Release()
	}
	compressed := d.ext.Deflate && h.RSV&RSV1 != 0
	d.message = message{
		open:       true,
		compressed: compressed,
		isText:     h.Opcode == OpText && d.ext.Opaque == "" && (h.RSV == 0 || compressed),
	}
}

// inMessage reports whether the current frame is part of the current message.
func (d *Decoder) inMessage() bool { return d.header.Opcode <= OpBinary }

// inflateError returns why the current message cannot be inflated.
func (d *Decoder) inflateError() error {
	if d.message.failed == nil && d.inflater != nil {
		return d.inflater.Err()
	}
	return d.message.failed
}

// Payload implements Sink.
func (d *Decoder) Payload(p []byte) {
	d.left -= int64(len(p))
	switch {
	case d.end.Inflated:
		d.inflate(p)
	case d.inMessage() && d.end.Err == nil:
		d.content(p)
	default:
		if d.header.Opcode == OpClose {
			d.closeN += copy(d.close[d.closeN:], p)
		}
		d.handler.FrameContent(p)
	}
}

// inflate passes on what becomes readable with p.
func (d *Decoder) inflate(p []byte) {
	if d.skip {
		return
	}
	if d.inflater == nil {
		d.inflater = NewInflater(!d.compression().NoTakeover)
	}
	last := d.header.Fin && d.left == 0
	if err := d.inflater.Write(p, last, (*inflated)(d)); err != nil {
		d.skip, d.end.Err, d.message.failed = true, err, err
		d.end.Anomalies |= BadDeflate
	}
}

func (d *Decoder) compression() Compression {
	if d.server {
		return d.ext.Server
	}
	return d.ext.Client
}

// inflated is a Decoder as the Appender of its Inflater.
type inflated Decoder

func (d *inflated) Append(p []byte) { (*Decoder)(d).content(p) }

// content checks and passes on content of a message.
func (d *Decoder) content(p []byte) {
	if d.message.isText && !d.message.text.add(p) {
		d.message.isText = false
		d.end.Anomalies |= InvalidText
	}
	d.handler.FrameContent(p)
}

// End implements Sink.
func (d *Decoder) End(at time.Time) {
	if d.header.Length == 0 && d.end.Inflated && d.header.Fin {
		d.inflate(nil)
	}
	if d.inMessage() && d.header.Fin {
		if d.message.isText && d.end.Err == nil && !d.message.text.end() {
			d.end.Anomalies |= InvalidText
		}
		d.message = message{}
	}
	if d.header.Opcode == OpClose {
		d.endClose()
	}
	d.end.At = at
	d.handler.FrameEnd(d.end)
}

func (d *Decoder) endClose() {
	code, reason, wrong := ParseClose(d.close[:d.closeN])
	if d.end.Anomalies&LongControl != 0 {
		wrong &^= InvalidCloseReason // the reason was cut, maybe inside a character
	}
	d.end.CloseCode, d.end.CloseReason = code, reason
	d.end.Anomalies |= wrong
	d.closed = true
}

// headerAnomalies returns what is wrong with a header for itself, in this
// direction and with these extensions.
func (d *Decoder) headerAnomalies(h Header) Anomaly {
	var wrong Anomaly
	if h.LengthSize != 0 {
		wrong |= NonMinimalLength
	}
	if !h.Masked && !d.server {
		wrong |= UnmaskedClient
	}
	if h.Masked && d.server {
		wrong |= MaskedServer
	}
	if h.IsControl() && !h.Fin {
		wrong |= FragmentedControl
	}
	if h.IsControl() && h.Length > MaxControlPayload {
		wrong |= LongControl
	}
	if d.closed && !h.IsControl() {
		wrong |= DataAfterClose
	}
	if d.ext.Opaque == "" {
		wrong |= d.extensionAnomalies(h)
	}
	return wrong
}

// extensionAnomalies returns what is wrong with a header unless an unknown
// extension allows it.
func (d *Decoder) extensionAnomalies(h Header) Anomaly {
	var wrong Anomaly
	reserved := h.RSV
	if d.ext.Deflate {
		reserved &^= RSV1
	}
	if reserved != 0 {
		wrong |= ReservedBits
	}
	if reserved != h.RSV && (h.IsControl() || h.Opcode == OpContinuation) {
		wrong |= MisplacedRSV1
	}
	if h.Opcode > OpPong || h.Opcode > OpBinary && h.Opcode < OpClose {
		wrong |= ReservedOpcode
	}
	return wrong
}
