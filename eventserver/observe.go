package eventserver

import (
	"bytes"

	"github.com/necto-dev/necto/traffic"
)

// previewMax is how much of a body or of a frame's payload is in an event, in
// bytes, content coding undone. REST has the rest.
const previewMax = 64 << 10

// Observe implements traffic.Observer. It never waits for a subscriber.
func (s *Server) Observe(e traffic.Event) {
	switch e := e.(type) {
	case traffic.RequestStarted:
		s.ring.begin(e.Exchange)
	case traffic.RequestDone:
		s.ring.requestDone(e.Exchange)
	case traffic.ResponseStarted:
		s.ring.head(e.Exchange)
	case traffic.ExchangeDone:
		s.ring.done(itemDone, e.Exchange)
	case traffic.ExchangeAborted:
		s.ring.done(itemDone, e.Exchange)
	case traffic.WSOpened:
		s.ring.done(itemOpen, e.Exchange)
	case traffic.FrameSeen:
		s.ring.frame(e.Frame)
	case traffic.WSClosed:
		s.ring.add(&item{kind: itemClose, x: e.Exchange, at: e.At(), close: e.Close, cost: itemCost}, false)
	default:
		s.observeControl(e)
	}
}

// begin notes that an exchange has begun.
func (r *ring) begin(x *traffic.Exchange) {
	it := &item{kind: itemEntry, x: x, cost: itemCost}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addLocked(it, false)
	if r.open != nil {
		r.begun[x.ID] = it
	}
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
	it := &item{kind: itemHead, x: x, cost: itemCost}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addLocked(it, false)
	if r.open != nil {
		r.headed[x.ID] = it
	}
}

// done notes that an exchange has ended, or gone over to WebSocket.
func (r *ring) done(kind itemKind, x *traffic.Exchange) {
	it := &item{kind: kind, x: x, response: keepContent(x.ResponseBody)}
	it.cost = itemCost + it.response.cost()
	r.mu.Lock()
	defer r.mu.Unlock()
	if head := r.headed[x.ID]; head != nil {
		head.gone = true
	}
	r.addLocked(it, false)
}

// frame notes a frame, of which it keeps a copy.
func (r *ring) frame(f *traffic.Frame) {
	kept := &frame{Frame: *f}
	n := min(len(f.Payload), previewMax)
	kept.Payload = bytes.Clone(f.Payload[:n])
	kept.Original, kept.SHA256, kept.Anomalies = nil, nil, nil
	kept.cut = f.Truncated || n < len(f.Payload)
	r.add(&item{kind: itemFrame, x: f.Exchange, frame: kept, cost: itemCost + int64(n)}, false)
}
