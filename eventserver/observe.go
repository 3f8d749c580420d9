package eventserver

import (
	"bytes"
	"slices"

	"github.com/necto-dev/necto/traffic"
)

var _ traffic.Observer = (*Server)(nil)

// previewMax is how much of a body or of a frame's payload is in an event, in
// bytes, content coding undone. REST has the rest.
const previewMax = 64 << 10

// Observe implements traffic.Observer. It never waits for a subscriber.
func (s *Server) Observe(e traffic.Event) {
	for _, n := range s.namespaces {
		n.observe(e)
	}
	switch e := e.(type) {
	case traffic.RequestStarted:
		if one := s.ring.begin(e.Exchange); one != nil {
			s.history.begin(e.Exchange, one)
		}
	case traffic.RequestDone:
		s.history.requestDone(e.Exchange)
		s.ring.requestDone(e.Exchange)
	case traffic.ResponseStarted:
		s.history.head(e.Exchange)
		s.ring.head(e.Exchange)
	case traffic.ExchangeDone:
		s.done(itemDone, e.Exchange)
	case traffic.ExchangeAborted:
		s.done(itemDone, e.Exchange)
	case traffic.WSOpened:
		s.done(itemOpen, e.Exchange)
	case traffic.FrameSeen:
		s.metrics.frames[e.Dir].Inc()
		s.history.frame(s.ring.frame(e.Frame))
	case traffic.WSClosed:
		s.history.socketDone(s.ring.socketDone(e))
	default:
		s.observeControl(e)
	}
}

// done notes that an exchange has ended, or gone over to WebSocket.
func (s *Server) done(kind itemKind, x *traffic.Exchange) {
	s.metrics.done(x)
	s.history.done(kind, x)
	s.ring.done(kind, x)
}

// begin notes that an exchange has begun, and returns the session that it belongs
// to, nil if nothing is noted any more.
func (r *ring) begin(x *traffic.Exchange) *session {
	it := &item{kind: itemEntry, x: x, cost: 2*itemCost + fieldsCost(x.Request.Header) + int64(len(x.Request.Target))}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.running[x.ID] = r.active
	r.active.exchanges.Add(1)
	r.addLocked(it, false)
	if r.open != nil {
		r.begun[x.ID] = it
	}
	return r.active
}

// requestDone notes that the content of a request is there: with the entry, if
// that has not gone out yet.
func (r *ring) requestDone(x *traffic.Exchange) {
	if x.RequestBody == nil {
		return
	}
	c := keepContent(x.RequestBody)
	r.mu.Lock()
	defer r.mu.Unlock()
	if it := r.begun[x.ID]; it != nil {
		it.request = c
		it.cost += c.cost()
		r.open.bytes += c.cost()
		return
	}
	r.addLocked(&item{kind: itemRequest, x: x, request: c, cost: itemCost + c.cost()}, false)
}

// head notes that a response has begun.
func (r *ring) head(x *traffic.Exchange) {
	it := &item{kind: itemHead, x: x, cost: itemCost + fieldsCost(x.Response.Header)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addLocked(it, false)
	if r.open != nil {
		r.headed[x.ID] = it
	}
}

// done notes that an exchange has ended, or gone over to WebSocket.
func (r *ring) done(kind itemKind, x *traffic.Exchange) {
	it := &item{kind: kind, x: x, request: keepContent(x.RequestBody), response: keepContent(x.ResponseBody)}
	it.cost = itemCost + it.request.cost() + it.response.cost()
	if x.Response != nil {
		it.cost += fieldsCost(x.Response.Header)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if head := r.headed[x.ID]; head != nil {
		head.gone.Store(true)
	}
	r.addLocked(it, false)
	r.sessionOf(x.ID).bytes.Add(it.request.size + it.response.size)
	if kind == itemDone {
		delete(r.running, x.ID)
	}
}

// frame notes a frame, of which it keeps a copy, and returns the item of that.
func (r *ring) frame(f *traffic.Frame) *item {
	kept := &frame{Frame: *f}
	n := min(len(f.Payload), previewMax)
	kept.Payload = bytes.Clone(f.Payload[:n])
	kept.Rules = slices.Clone(f.Rules)
	kept.Original, kept.SHA256, kept.Anomalies = nil, nil, nil
	kept.cut = f.Truncated || n < len(f.Payload)
	it := &item{kind: itemFrame, x: f.Exchange, frame: kept, cost: itemCost + int64(n)}
	r.add(it, false)
	return it
}

// socketDone notes that a WebSocket connection has ended, and returns the item of
// that.
func (r *ring) socketDone(e traffic.WSClosed) *item {
	it := &item{kind: itemClose, x: e.Exchange, at: e.At(), close: e.Close, cost: itemCost}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addLocked(it, false)
	delete(r.running, e.Exchange.ID)
	return it
}
