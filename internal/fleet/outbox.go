package fleet

import (
	"bytes"
	"slices"
	"sync"

	"github.com/necto-dev/necto/traffic"
)

const (
	// maxWaiting bounds the events that wait for Redis, in bytes. What comes then is
	// lost.
	maxWaiting = 16 << 20
	// noteBytes is what an event counts without its content.
	noteBytes = 1 << 10
)

// outbox has what is to be told to other nodes.
type outbox struct {
	// wake is signalled when there is something to tell.
	wake chan struct{}

	mu sync.Mutex // guards what follows
	// notes are events and *message, in order.
	notes []any
	bytes int64
	// urgent says that somebody waits for one of them.
	urgent bool
	// lost counts events that were not noted, and ends are the exchanges whose end
	// was among them.
	lost   uint64
	ends   []uint64
	closed bool
}

func newOutbox() outbox { return outbox{wake: make(chan struct{}, 1)} }

// put adds a message that somebody waits for. It is never lost.
func (o *outbox) put(m *message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.notes = append(o.notes, m)
		o.urgent = true
		signal(o.wake)
	}
}

// Observe tells the other nodes of an event. It never waits.
func (s *Space) Observe(e traffic.Event) {
	switch e := e.(type) {
	case traffic.RequestStarted, traffic.ResponseStarted, traffic.TLSFailed, traffic.ClientError, traffic.WSClosed:
		s.out.note(e, false)
	case traffic.RequestDone:
		s.out.note(e, false, e.RequestBody)
	case traffic.ExchangeDone:
		s.out.note(e, false, bodiesOfExchange(e.Exchange)...)
	case traffic.ExchangeAborted:
		s.out.note(e, false, bodiesOfExchange(e.Exchange)...)
	case traffic.WSOpened:
		s.out.note(e, false, bodiesOfExchange(e.Exchange)...)
	case traffic.FrameSeen:
		s.out.note(traffic.FrameSeen{Frame: copyFrame(e.Frame)}, false)
	case traffic.BreakpointHit:
		s.held.begin(e.Hit)
		s.noteHit(e.Hit)
	case traffic.BreakpointResumed:
		s.held.end(e.Hit)
		s.out.note(e, true)
	case traffic.BreakpointTimedOut:
		s.held.end(e.Hit)
		s.out.note(e, true)
	default: // is not told to clients
	}
}

// noteHit tells the other nodes of a hit.
func (s *Space) noteHit(h *traffic.Hit) {
	s.out.note(traffic.BreakpointHit{Hit: h}, true, bodiesOfHit(h)...)
}

func bodiesOfExchange(x *traffic.Exchange) []*traffic.Body {
	return []*traffic.Body{x.RequestBody, x.ResponseBody, x.SentBody, x.ReceivedBody}
}

// copyFrame returns what is shown of a frame, which is gone when Observe returns.
func copyFrame(f *traffic.Frame) *traffic.Frame {
	c := *f
	c.Truncated = f.Truncated || len(f.Payload) > shownBody
	c.Payload = bytes.Clone(f.Payload[:min(len(f.Payload), shownBody)])
	c.Original = bytes.Clone(f.Original[:min(len(f.Original), shownBody)])
	c.SHA256 = bytes.Clone(f.SHA256)
	c.Anomalies, c.Rules = slices.Clone(f.Anomalies), slices.Clone(f.Rules)
	return &c
}

// note adds an event, whose bodies it keeps until it is told.
func (o *outbox) note(e traffic.Event, urgent bool, bodies ...*traffic.Body) {
	cost := int64(noteBytes)
	for _, b := range bodies {
		if b != nil {
			cost += min(b.Size(), shownBody)
		}
	}
	if f, ok := e.(traffic.FrameSeen); ok {
		cost += int64(len(f.Payload))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if o.bytes+cost > maxWaiting {
		o.lose(e)
		return
	}
	for _, b := range bodies {
		if b != nil {
			b.Keep()
		}
	}
	o.notes = append(o.notes, e)
	o.bytes += cost
	o.urgent = o.urgent || urgent
	signal(o.wake)
}

// lose notes that an event is not told, under mu.
func (o *outbox) lose(e traffic.Event) {
	o.lost++
	if id, ends := endOf(e); ends {
		o.ends = append(o.ends, id)
	}
}

// endOf returns the exchange that an event ends, if it does.
func endOf(e traffic.Event) (uint64, bool) {
	switch e := e.(type) {
	case traffic.ExchangeDone:
		return uint64(e.ID), true
	case traffic.ExchangeAborted:
		return uint64(e.ID), true
	case traffic.WSClosed:
		return uint64(e.Exchange.ID), true
	default:
		return 0, false
	}
}

// taken is what was taken from an outbox at once.
type taken struct {
	notes  []any
	lost   uint64
	ends   []uint64
	closed bool
}

// take returns what there is to tell.
func (o *outbox) take() taken {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := taken{notes: o.notes, lost: o.lost, ends: o.ends, closed: o.closed}
	o.notes, o.bytes, o.urgent, o.lost, o.ends = nil, 0, false, 0, nil
	return t
}

// isUrgent reports whether somebody waits.
func (o *outbox) isUrgent() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.urgent || o.closed
}

// close says that nothing more will be added.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	signal(o.wake)
}

// release gives back the bodies of notes.
func release(notes []any) {
	for _, n := range notes {
		switch e := n.(type) {
		case traffic.RequestDone:
			e.RequestBody.Release()
		case traffic.ExchangeDone:
			e.ReleaseBodies()
		case traffic.ExchangeAborted:
			e.ReleaseBodies()
		case traffic.WSOpened:
			e.ReleaseBodies()
		case traffic.BreakpointHit:
			releaseHit(e.Hit)
		}
	}
}
