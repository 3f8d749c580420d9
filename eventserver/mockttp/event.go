package mockttp

import (
	"bytes"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Event is one event that a Mapper publishes. Whoever is given it calls Release
// in the end; until then Encode and the fields may be used by any goroutine.
type Event struct {
	Kind Kind
	// At is when it happened, as of the traffic.Event behind it.
	At time.Time

	subject Subject
	stage   stage
	encode  func(*writer)
	bodies  []*traffic.Body  // kept until Release
	content [2]*traffic.Body // those of them that Content is about
	cost    int64
}

// Subject is what an event is about, for filters. What does not apply is nil.
type Subject struct {
	// Exchange has no more than what the event announces.
	Exchange *traffic.Exchange
	// Pending says that the exchange had not ended.
	Pending bool
	// Message is a WebSocket message as if it had come in one frame, of which
	// only Dir, Opcode, Fin, Length, Size and Payload are set.
	Message *traffic.Frame
	Close   *traffic.WSClose
	// Tunnel and TLSFailed are those of events about connections.
	Tunnel    *traffic.Tunnel
	TLSFailed *traffic.TLSFailed
}

// Subject returns what the event is about.
func (e *Event) Subject() Subject {
	s := e.subject
	if s.Exchange == nil || e.stage == ended {
		return s
	}
	x := s.Exchange
	s.Pending = true
	s.Exchange = &traffic.Exchange{
		ID: x.ID, Conn: x.Conn, Started: x.Started, Client: x.Client, TLS: x.TLS, ClientTags: x.ClientTags, Request: x.Request,
	}
	if e.stage == headed {
		s.Exchange.Server, s.Exchange.Response, s.Exchange.ResponseStarted = x.Server, x.Response, x.ResponseStarted
	}
	return s
}

// Content returns what is known of the content of the exchange's request or
// response, content coding undone, for filters; nil for none.
func (e *Event) Content(dir traffic.Direction) []byte {
	body := e.content[dir]
	if body == nil {
		return nil
	}
	header := e.subject.Exchange.Request.Header
	if dir == traffic.ServerToClient {
		header = e.subject.Exchange.Response.Header
	}
	data, _ := contentOf(body)
	if decoded, _, ok := decode(body, data, header); ok {
		return decoded
	}
	return data
}

// Payload is the argument of an event.
type Payload struct {
	// Text is JSON. At each of Holes, in order, the number of an attachment is
	// missing: {"_placeholder":true,"num":}.
	Text        []byte
	Holes       []int
	Attachments [][]byte
}

// scratch has buffers for texts that are being written, of type *[]byte.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// Encode returns the payload.
func (e *Event) Encode() Payload {
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	w := writer{Payload{Text: (*buf)[:0]}}
	e.encode(&w)
	*buf = w.Text
	w.Text = bytes.Clone(w.Text) // of the right size: it is kept for a while
	return w.Payload
}

// eventCost is what an event takes without content, in bytes, about.
const eventCost = 1 << 10

// Cost returns what the event holds in memory, in bytes, about.
func (e *Event) Cost() int64 { return eventCost + e.cost }

// keep keeps content for the event, nil for none.
func (e *Event) keep(b *traffic.Body) {
	if b != nil {
		b.Keep()
		e.bodies = append(e.bodies, b)
		e.cost += min(b.Size(), maxContent)
	}
}

// Release gives back the content that the event keeps.
func (e *Event) Release() {
	for _, b := range e.bodies {
		b.Release()
	}
	e.bodies = nil
}
