package eventserver

import (
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// ring keeps the latest events for subscribers.
type ring struct {
	// namespace is that of Socket.IO in which they are told: "" stands for "/".
	namespace string
	maxItems  int
	maxBytes  int64

	mu       sync.Mutex // guards the fields below
	segments []*segment
	open     *segment // being filled; nil if nothing has come since the last
	// begun has the entries of open by exchange, and headed those items that a
	// later one may make superfluous.
	begun, headed map[traffic.ExchangeID]*item
	// running has the sessions of exchanges and connections that have not ended:
	// they stay what they were.
	running map[traffic.ExchangeID]*session
	active  *session
	next    uint64 // the number of the next item
	items   int
	bytes   int64
	timer   *time.Timer
	news    chan struct{} // closed when a segment is closed
	closed  bool
}

func newRing(namespace string, maxItems int, maxBytes int64, active *session) *ring {
	r := &ring{
		namespace: namespace, maxItems: maxItems, maxBytes: maxBytes, active: active, next: 1,
		begun: map[traffic.ExchangeID]*item{}, headed: map[traffic.ExchangeID]*item{},
		running: map[traffic.ExchangeID]*session{},
		news:    make(chan struct{}),
	}
	r.timer = time.AfterFunc(time.Hour, r.tick)
	r.timer.Stop()
	return r
}

// add appends an item; urgent ones are not kept waiting.
func (r *ring) add(it *item, urgent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addLocked(it, urgent)
}

func (r *ring) addLocked(it *item, urgent bool) {
	if r.closed {
		it.release()
		return
	}
	if it.x != nil {
		it.session = r.sessionOf(it.x.ID)
	}
	if r.open == nil {
		r.open = &segment{first: r.next, namespace: r.namespace}
		r.timer.Reset(segmentTime)
	}
	r.open.add(it)
	r.next++
	if urgent || r.open.full() {
		r.closeSegment()
	}
}

// sessionOf returns the session of an exchange. One that began unseen belongs to
// the active one.
func (r *ring) sessionOf(id traffic.ExchangeID) *session {
	if s := r.running[id]; s != nil {
		return s
	}
	return r.active
}

// sessionNow is sessionOf for who does not hold the lock.
func (r *ring) sessionNow(id traffic.ExchangeID) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessionOf(id)
}

// inFlight counts the exchanges and connections that have not ended.
func (r *ring) inFlight() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running)
}

// activate lets what begins from now on belong to a session.
func (r *ring) activate(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = s
}

func (r *ring) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeSegment()
}

// closeSegment moves the open segment into the ring and wakes who waits.
func (r *ring) closeSegment() {
	s := r.open
	if s == nil {
		return
	}
	r.open = nil
	r.timer.Stop()
	clear(r.begun)
	clear(r.headed)
	r.segments = append(r.segments, s)
	r.items += len(s.items)
	r.bytes += s.bytes
	r.trim()
	close(r.news)
	r.news = make(chan struct{})
}

// trim forgets the oldest segments, but for the last one.
func (r *ring) trim() {
	for len(r.segments) > 1 && (r.items > r.maxItems || r.bytes > r.maxBytes) {
		old := r.segments[0]
		r.segments[0] = nil
		r.segments = r.segments[1:]
		r.items -= len(old.items)
		r.bytes -= old.bytes
		old.evict()
	}
}

// charge notes that a segment takes n more bytes, as it was encoded.
func (r *ring) charge(s *segment, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.first < r.segments[0].first {
		return // it has left
	}
	s.bytes += n
	r.bytes += n
	r.trim()
}

// bounds returns the numbers of the oldest item and of the one that comes next.
func (r *ring) bounds() (first, next uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.segments) > 0:
		first = r.segments[0].first
	case r.open != nil:
		first = r.open.first
	default:
		first = r.next
	}
	return first, r.next
}

// size returns how much there is in the ring, and the number of the item that comes
// next.
func (r *ring) size() (items int, bytes int64, next uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	items, bytes = r.items, r.bytes
	if r.open != nil {
		items, bytes = items+len(r.open.items), bytes+r.open.bytes
	}
	return items, bytes, r.next
}

// after returns the first segment with items from the number at on, held, and how
// many items between at and it are not in the ring any more. Without such a
// segment it returns a channel that is closed when there is one; both are nil
// once the ring is closed.
func (r *ring) after(at uint64) (s *segment, missed uint64, wait <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, _ := slices.BinarySearchFunc(r.segments, at, func(s *segment, at uint64) int {
		if s.end() <= at {
			return -1
		}
		return 1
	})
	if i == len(r.segments) {
		if r.closed {
			return nil, 0, nil
		}
		return nil, 0, r.news
	}
	s = r.segments[i]
	s.hold()
	if s.first > at {
		missed = s.first - at
	}
	return s, missed, nil
}

// forget hides what belongs to a session from those who have not read it yet.
func (r *ring) forget(one *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeSegment()
	for _, s := range r.segments {
		s.forget(one)
	}
}

// close ends the ring. What is in it can still be read.
func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closeSegment()
	r.closed = true
	close(r.news)
}
