package proxy

import (
	"errors"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// errLost is why a message that must be compressed anew cannot be.
var errLost = errors.New("content of an edited direction cannot be inflated")

// handle does with a message what the filter says.
func (in *wsInput) handle(m *wsMessage) {
	ws := in.half.ws
	if ws.isClosing() {
		in.drop(m)
		return
	}
	if m.plain || m.lost {
		in.pass(m)
		return
	}
	whole := m.whole()
	v, err := ws.filter.Filter(ws.filter.ctx, whole)
	m.rules = v.Rules
	switch {
	case ws.filter.ctx.Err() != nil:
		in.drop(m)
		return
	case err != nil:
		in.drop(m)
		in.giveUp(err)
		return
	case v.Drop:
		in.drop(m)
	case v.Replace:
		in.replace(m, whole, v.Payload)
	default:
		in.pass(m)
	}
	for _, i := range v.After {
		if err := ws.Inject(i); err != nil {
			in.half.tap.log().Warn("websocket frame not injected", "err", err)
		}
	}
}

// giveUp closes the connection because necto cannot go on.
func (in *wsInput) giveUp(err error) {
	in.half.tap.log().Warn("websocket connection closed by its filter", "err", err)
	in.half.ws.Close(wsframe.CloseInternalError, "")
}

// whole returns a message as one frame.
func (m *wsMessage) whole() *traffic.Frame {
	f := m.parts[0].frame
	last := &m.parts[len(m.parts)-1].frame
	f.Fin, f.Last, f.Inflated = true, last.Last, m.compressed
	if len(m.parts) > 1 {
		f.Payload, f.Length, f.Anomalies = nil, 0, nil
		for i := range m.parts {
			part := &m.parts[i].frame
			f.Payload = append(f.Payload, part.Payload...)
			f.Anomalies = append(f.Anomalies, part.Anomalies...)
			f.Length += part.Length
		}
	}
	f.Size = int64(len(f.Payload))
	return &f
}

// tell returns the frames as they were read.
func (m *wsMessage) tell() []traffic.Frame {
	frames := make([]traffic.Frame, len(m.parts))
	for i := range m.parts {
		frames[i] = m.parts[i].frame
		frames[i].Rules = m.rules
	}
	return frames
}

// pass sends a message as it came, if the other side can understand that.
func (in *wsInput) pass(m *wsMessage) {
	if m.compressed && in.recoded {
		in.passAnew(m)
		return
	}
	var wire []byte
	for i := range m.parts {
		wire = append(wire, m.parts[i].wire...)
	}
	in.sendHandled(wire, m.tell())
}

// passAnew sends the content of a message whose bytes refer to what the other
// side did not get.
func (in *wsInput) passAnew(m *wsMessage) {
	if m.lost || m.plain {
		in.drop(m)
		in.giveUp(errLost)
		return
	}
	whole := m.whole()
	wire, _ := in.inOne(m, whole.Payload)
	in.sendHandled(wire, m.tell())
}

// drop takes a message out. Of what follows in a direction with context takeover
// the other side could then not understand what is compressed.
func (in *wsInput) drop(m *wsMessage) {
	in.edited(m)
	frames := m.tell()
	for i := range frames {
		frames[i].Dropped = true
	}
	in.sendHandled(nil, frames)
}

// edited notes that the other side does not get a message as it was.
func (in *wsInput) edited(m *wsMessage) {
	in.recoded = in.recoded || m.compressed && !in.compression().NoTakeover
}

func (in *wsInput) compression() wsframe.Compression {
	if in.half.dir == traffic.ServerToClient {
		return in.ext.Server
	}
	return in.ext.Client
}

// replace sends payload in place of a message's content.
func (in *wsInput) replace(m *wsMessage, whole *traffic.Frame, payload []byte) {
	in.edited(m)
	if len(m.parts) > 1 && !m.compressed && len(payload) == len(whole.Payload) {
		in.replaceParts(m, payload)
		return
	}
	wire, f := in.inOne(m, payload)
	f.First, f.Edited, f.Rules = whole.First, true, m.rules
	f.Payload, f.Size, f.Original = payload, int64(len(payload)), whole.Payload
	f.Inflated = f.RSV&wsframe.RSV1 != 0
	in.sendHandled(wire, []traffic.Frame{f})
}

// replaceParts keeps the lengths of the frames.
func (in *wsInput) replaceParts(m *wsMessage, payload []byte) {
	var wire []byte
	frames := m.tell()
	for i := range frames {
		n := len(m.parts[i].content)
		piece, made := in.out().build(wsframe.Header{Fin: frames[i].Fin, Opcode: m.parts[i].header.Opcode}, payload[:n])
		wire = append(wire, piece...)
		made.First, made.Edited, made.Rules = frames[i].First, true, m.rules
		made.Payload, made.Size, made.Original = payload[:n], int64(n), m.parts[i].content
		frames[i], payload = made, payload[n:]
	}
	in.sendHandled(wire, frames)
}

// inOne returns a message in one frame, compressed if it was before and that
// is worth while, and what there is to tell of the frame.
func (in *wsInput) inOne(m *wsMessage, payload []byte) ([]byte, traffic.Frame) {
	h := wsframe.Header{Fin: true, Opcode: m.parts[0].header.Opcode}
	if m.compressed {
		var compressed bool
		if payload, compressed = wsframe.AppendDeflate(nil, payload, in.compression()); compressed {
			h.RSV = wsframe.RSV1
		}
	}
	return in.out().build(h, payload)
}

// sendHandled is send for the goroutine that handles messages.
func (in *wsInput) sendHandled(wire []byte, frames []traffic.Frame) {
	if err := in.out().write(wire, frames...); err != nil {
		in.half.failed(in.half.to, err)
	}
}
