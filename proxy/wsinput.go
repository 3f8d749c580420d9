package proxy

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// wsInput reads one direction of a filtered connection and puts its frames
// together. It is the Sink and the Handler of its own Decoder.
type wsInput struct {
	half    *wsHalf
	ext     wsframe.Extensions
	parser  wsframe.Parser
	decoder *wsframe.Decoder
	left    []byte // what was fed and belongs to no frame yet
	pending int    // bytes fed that no frame has taken
	blind   bool   // frames cannot be found any more

	part    wsPart
	pos     int // payload bytes of part so far
	message wsMessage
	open    bool // message has begun and not ended
	held    int  // size of message
	stream  *wsStream
	err     error // of writing

	wsQueue
	recoded bool // compressed messages are made anew; used by who handles messages
}

func newWSInput(h *wsHalf, ext wsframe.Extensions) *wsInput {
	in := &wsInput{half: h, ext: ext}
	in.changed = sync.NewCond(&in.mu)
	in.decoder = wsframe.NewDecoder(h.dir, ext, in)
	return in
}

func (in *wsInput) out() *wsOutput { return in.half.ws.filter.out[in.half.dir] }

// relay reads until the side ends, and returns when all that waited is handled.
func (in *wsInput) relay() {
	h := in.half
	defer h.src.release()
	defer in.decoder.Release()
	var worker sync.WaitGroup
	worker.Go(in.work)
	err := in.readAll()
	if errors.Is(err, io.EOF) {
		in.passLeft()
	} else {
		h.failed(h.from, err) // now, as writing may be blocked
	}
	in.finish()
	worker.Wait()
	if closed := h.ws.closed(); closed != nil {
		<-closed // a side that ends because of it must not keep the other from being told
	}
	in.out().close()
	h.failed(h.from, err)
}

// passLeft passes on, in its turn, the beginning of a message or frame.
func (in *wsInput) passLeft() {
	in.spill("")
	in.drain()
	in.send(in.left)
	in.left = nil
}

func (in *wsInput) readAll() error {
	for {
		p, err := in.half.src.read()
		in.feed(p)
		if in.err != nil {
			return in.err
		}
		if err != nil {
			return err
		}
	}
}

// feed finds the frames in p. Behind what are none, all bytes pass.
func (in *wsInput) feed(p []byte) {
	if in.blind {
		in.send(p)
		return
	}
	in.pending += len(p)
	err := in.parser.Feed(p, time.Now(), in)
	if in.pending <= len(p) {
		in.left = append(in.left[:0], p[len(p)-in.pending:]...)
	} else {
		in.left = append(in.left, p...)
	}
	if err == nil {
		return
	}
	in.blind = true
	in.half.tap.log().Warn("websocket frames cannot be told apart from here", "err", err)
	in.passLeft()
	in.out().close()
}

// send writes bytes and tells of the frames that are complete with them.
func (in *wsInput) send(wire []byte, frames ...traffic.Frame) {
	if in.err != nil || len(wire)+len(frames) == 0 {
		return
	}
	if in.err = in.out().write(wire, frames...); in.err != nil {
		in.half.failed(in.half.to, in.err)
	}
}

// Header implements wsframe.Sink.
func (in *wsInput) Header(h wsframe.Header, at time.Time) {
	in.part = wsPart{header: h, wire: wsframe.AppendHeader(nil, h), frame: traffic.Frame{
		Exchange: &in.half.ws.x.Exchange, First: at, Dir: in.half.dir,
		Opcode: traffic.Opcode(h.Opcode), Fin: h.Fin, RSV: h.RSV, Masked: h.Masked, Length: h.Length,
	}}
	in.pending -= len(in.part.wire)
	in.pos = 0
	if in.isData() {
		in.begin()
	}
	in.decoder.Header(h, at)
	switch {
	case in.stream != nil:
		in.stream.begin()
	case h.Length > maxFiltered, in.isData() && in.held+int(h.Length) > maxFiltered:
		in.spill(tooLarge)
	}
}

// isData reports whether part is of a message.
func (in *wsInput) isData() bool { return in.part.header.Opcode <= wsframe.OpBinary }

// begin begins a message, unless part continues one. A message inside another
// makes that one end without a last frame.
func (in *wsInput) begin() {
	h := in.part.header
	if h.Opcode == wsframe.OpContinuation && in.open {
		return
	}
	if in.open {
		in.message.plain = true
		in.endMessage()
	}
	in.open, in.held = true, 0
	in.message = wsMessage{
		compressed: in.ext.Deflate && h.RSV&wsframe.RSV1 != 0 && h.Opcode != wsframe.OpContinuation,
		plain:      h.Opcode == wsframe.OpContinuation,
	}
}

// Payload implements wsframe.Sink.
func (in *wsInput) Payload(p []byte) {
	in.pending -= len(p)
	start := len(in.part.wire)
	in.part.wire = append(in.part.wire, p...)
	if in.part.header.Masked {
		wsframe.Mask(in.part.header.Key, in.pos, in.part.wire[start:])
	}
	in.pos = (in.pos + len(p)) & 3
	in.decoder.Payload(p)
	if in.stream != nil {
		in.stream.flush()
	}
}

// End implements wsframe.Sink.
func (in *wsInput) End(at time.Time) { in.decoder.End(at) }

// FrameStart implements wsframe.Handler.
func (in *wsInput) FrameStart(wsframe.Header, time.Time) {}

// FrameContent implements wsframe.Handler.
func (in *wsInput) FrameContent(p []byte) {
	if in.stream == nil && in.held+len(in.part.content)+len(p) > maxFiltered {
		in.spill(tooLarge)
	}
	if in.stream != nil {
		in.stream.content(p)
		return
	}
	in.part.content = append(in.part.content, p...)
}

// FrameEnd implements wsframe.Handler.
func (in *wsInput) FrameEnd(end wsframe.FrameEnd) {
	f := &in.part.frame
	f.Inflated, f.Anomalies = end.Inflated, end.Anomalies.Texts()
	if f.Payload, f.Size = in.part.content, f.Length; end.Inflated {
		f.Size = int64(len(f.Payload))
	}
	data, last := in.isData(), in.part.header.Fin
	if data {
		in.message.lost = in.message.lost || end.Err != nil
	}
	switch {
	case in.stream != nil:
		in.stream.end()
		if data && in.message.lost && in.stream.recode {
			in.giveUp(errLost)
		}
	case data:
		in.message.parts = append(in.message.parts, in.part)
		in.held += in.part.size()
	case f.Opcode == traffic.OpClose:
		in.half.ws.heardClose(in.half.dir)
		in.enqueue(wsMessage{parts: []wsPart{in.part}, plain: true})
	case !f.Opcode.Control(): // reserved
		in.enqueue(wsMessage{parts: []wsPart{in.part}, plain: true})
	default:
		in.send(in.part.wire, *f)
	}
	in.part = wsPart{}
	switch {
	case data && last:
		in.endMessage()
	case !in.open:
		in.endStream()
	}
}

// endMessage ends the current message, of which no more comes.
func (in *wsInput) endMessage() {
	if in.stream == nil {
		in.enqueue(in.message)
	}
	in.message, in.open, in.held = wsMessage{}, false, 0
	in.endStream()
}

func (in *wsInput) endStream() {
	if in.stream != nil {
		in.stream = nil
		in.out().end()
	}
}
