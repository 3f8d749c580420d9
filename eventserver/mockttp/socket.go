package mockttp

import (
	"time"

	"github.com/necto-dev/necto/traffic"
)

// codeNone and codeAbnormal are the codes of a close frame without one, and of no
// close frame at all (RFC 6455 section 7.4.1).
const (
	codeNone     = 1005
	codeAbnormal = 1006
)

// opened tells of a WebSocket connection that was accepted.
func (m *Mapper) opened(e *exchange) {
	m.conclude(e)
	e.times.accepted = e.x.Duration
	m.passthrough(e)
	m.tell(e, WebSocketAccepted, e.x.Started.Add(e.x.Duration), (*writer).accepted)
}

// joinOpen takes in what is known of a connection that was opened before anything
// was wanted.
func (e *exchange) joinOpen() {
	if e.stage != ended {
		e.stage = ended
		e.times.received, e.times.accepted = e.x.RequestDone, e.x.Duration
	}
}

// message is a WebSocket message of which not all frames have come.
type message struct {
	opcode traffic.Opcode // OpContinuation while there is none
	data   []byte
	size   int64
}

// messageKind has the event for the messages of each traffic.Direction: Mockttp
// names them from where the proxy stands, and only what passes between it and the
// client counts.
var messageKind = [2]Kind{WebSocketMessageReceived, WebSocketMessageSent}

// frame joins frames to messages and tells of those that are complete.
func (m *Mapper) frame(e *exchange, f *traffic.Frame) {
	e.joinOpen()
	if f.Opcode.Control() || !m.wantsAny(messageKind[f.Dir]) || !seenByClient(f) {
		return
	}
	msg := &e.messages[f.Dir]
	switch {
	case f.Opcode != traffic.OpContinuation:
		*msg = message{opcode: f.Opcode}
	case msg.opcode == traffic.OpContinuation:
		return // its beginning came before anything was wanted
	}
	payload, size := f.Payload, f.Size
	if f.Dir == traffic.ClientToServer && f.Edited {
		payload, size = f.Original, int64(len(f.Original))
	}
	if int64(len(msg.data)) == msg.size { // nothing is missing so far
		msg.data = append(msg.data, payload[:min(len(payload), maxContent-len(msg.data))]...)
	}
	msg.size += size
	if f.Fin {
		m.message(e, f.Dir, f.Last, *msg)
		*msg = message{}
	}
}

// seenByClient reports whether the client has sent or received a frame: rules may
// have dropped or made it.
func seenByClient(f *traffic.Frame) bool {
	if f.Dir == traffic.ClientToServer {
		return !f.Injected
	}
	return !f.Dropped
}

// message tells of a message that is complete.
func (m *Mapper) message(e *exchange, dir traffic.Direction, at time.Time, msg message) {
	event := e.event(messageKind[dir], at, func(w *writer, s *state) { w.message(s, dir, at, msg) })
	event.subject.Message = &traffic.Frame{
		Exchange: e.x, First: at, Last: at, Dir: dir, Opcode: msg.opcode, Fin: true,
		Length: msg.size, Size: msg.size, Payload: msg.data,
	}
	event.cost = int64(len(msg.data))
	m.publish(event)
}

// closed tells of the end of a WebSocket connection: one without a close frame was
// aborted.
func (m *Mapper) closed(e *exchange, c traffic.WSClosed) {
	e.joinOpen()
	k, write := WebSocketClose, func(w *writer, s *state) { w.socketClose(s, c.Close) }
	if c.Close.Code == codeAbnormal {
		e.times.aborted = c.Close.Duration
		k, write = Abort, func(w *writer, s *state) { w.abort(s, brokenSocket(c.Close)) }
	} else {
		e.times.closed = c.Close.Duration
	}
	event := e.event(k, c.At(), write)
	event.subject.Close = c.Close
	m.publish(event)
	delete(m.exchanges, e.x.ID)
}
