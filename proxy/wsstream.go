package proxy

import (
	"github.com/necto-dev/necto/internal/wsframe"
)

// wsStream passes on a message, or another frame, that is too large to be held,
// as it comes. It is part of a wsInput while that is inside such a message.
type wsStream struct {
	in      *wsInput
	kept    *frameContent // of the current frame
	recode  bool          // the message's content is sent, and not its bytes
	started bool          // a frame of the recoded message was sent
	opcode  uint8         // of the recoded message
	note    string        // told of each frame as an anomaly, "" for none
}

// spill ends the holding of the current message, or of a frame on its own: what
// there is of it is passed on in its turn, and so is what follows. note says why.
func (in *wsInput) spill(note string) {
	if in.stream != nil || !in.open && len(in.part.wire) == 0 {
		return
	}
	in.drain()
	in.out().begin()
	s := &wsStream{in: in, note: note, recode: in.open && in.message.compressed && in.recoded}
	in.stream = s
	parts, current := in.message.parts, in.part
	in.message.parts = nil
	for _, in.part = range parts {
		in.replay()
	}
	in.part = current
	if len(in.part.wire) > 0 {
		s.begin()
		s.content(in.part.content)
		s.flush()
		in.part.content = nil
	}
}

// replay passes on a whole part that was held.
func (in *wsInput) replay() {
	in.stream.begin()
	in.stream.content(in.part.content)
	in.stream.flush()
	in.stream.end()
}

// begin begins a frame.
func (s *wsStream) begin() {
	if s.in.isData() && s.in.part.header.Opcode != wsframe.OpContinuation {
		s.opcode = s.in.part.header.Opcode
	}
	s.kept = newFrameContent(s.in.half.ws.x.c.p.opts.MaxBody)
	s.flush()
}

// content takes content of the frame.
func (s *wsStream) content(p []byte) {
	s.kept.add(p)
	if s.recodes() && len(p) > 0 {
		s.sendPiece(p, false)
	}
}

func (s *wsStream) recodes() bool { return s.recode && s.in.isData() }

// sendPiece sends content as a frame of its own.
func (s *wsStream) sendPiece(p []byte, last bool) {
	h := wsframe.Header{Fin: last, Opcode: s.opcode}
	if s.started {
		h.Opcode = wsframe.OpContinuation
	}
	s.started = true
	wire, _ := s.in.out().build(h, p)
	s.in.send(wire)
}

// flush sends what there is of the frame's bytes.
func (s *wsStream) flush() {
	if !s.recodes() {
		s.in.send(s.in.part.wire)
	}
	s.in.part.wire = s.in.part.wire[:0]
}

// end ends the frame and tells of it.
func (s *wsStream) end() {
	s.flush()
	if s.recodes() && s.in.part.header.Fin {
		s.sendPiece(nil, true)
	}
	f := s.in.part.frame
	f.Payload, f.SHA256 = s.kept.bytes()
	if f.Truncated = f.SHA256 != nil; f.Inflated {
		f.Size = s.kept.size
	}
	if s.note != "" {
		f.Anomalies = append(f.Anomalies, s.note)
	}
	s.in.send(nil, f)
	s.kept.release()
	s.kept = nil
}
