package eventserver

import (
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// The bounds of a segment. Binary clients take ten attachments a packet, so a
// segment makes one batch or a few.
const (
	segmentEntries = 50
	segmentItems   = 512
	segmentBytes   = 1 << 20
	segmentTime    = 100 * time.Millisecond
)

// segment is a run of events in order, closed: nothing is added any more.
type segment struct {
	// first is the number of its first item.
	first   uint64
	session string
	items   []*item
	entries int
	bytes   int64
	// shared has what is sent to all who have asked for the same.
	shared [2]sharedBundle

	mu   sync.Mutex // guards held, which is how many read it, and gone
	held int
	gone bool
}

// end is the number of the item behind the last one.
func (s *segment) end() uint64 { return s.first + uint64(len(s.items)) }

// hold keeps the bodies of the segment readable until the call of drop. It
// returns false if they are no more.
func (s *segment) hold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false
	}
	s.held++
	return true
}

func (s *segment) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held--
	s.releaseIfUnused()
}

// evict says that the segment has left the ring.
func (s *segment) evict() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.releaseIfUnused()
}

func (s *segment) releaseIfUnused() {
	if s.gone && s.held == 0 {
		for _, it := range s.items {
			it.release()
		}
	}
}

// ring keeps the latest events for subscribers.
type ring struct {
	maxItems int
	maxBytes int64

	mu       sync.Mutex
	segments []*segment
	open     *segment // being filled; nil if nothing has come since the last
	// begun has the entries of open by exchange, and headed those items that a
	// later one may make superfluous.
	begun, headed map[traffic.ExchangeID]*item
	next          uint64
	items         int
	bytes         int64
	session       string
	timer         *time.Timer
	news          chan struct{} // closed when a segment is closed
	closed        bool
}

func newRing(maxItems int, maxBytes int64, session string) *ring {
	r := &ring{
		maxItems: maxItems, maxBytes: maxBytes, session: session, next: 1,
		begun: map[traffic.ExchangeID]*item{}, headed: map[traffic.ExchangeID]*item{},
		news: make(chan struct{}),
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
	s := r.open
	if s == nil {
		s = &segment{first: r.next, session: r.session}
		r.open = s
		r.timer.Reset(segmentTime)
	}
	s.items = append(s.items, it)
	s.bytes += it.cost
	r.next++
	if it.kind == itemEntry {
		s.entries++
	}
	if urgent || s.entries >= segmentEntries || len(s.items) >= segmentItems || s.bytes >= segmentBytes {
		r.closeSegment()
	}
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
	for len(r.segments) > 1 && (r.items > r.maxItems || r.bytes > r.maxBytes) {
		r.evictFirst()
	}
	close(r.news)
	r.news = make(chan struct{})
}

func (r *ring) evictFirst() {
	old := r.segments[0]
	r.segments[0] = nil
	r.segments = r.segments[1:]
	r.items -= len(old.items)
	r.bytes -= old.bytes
	old.evict()
}

// switchSession closes the open segment: what follows belongs to another session.
func (r *ring) switchSession(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeSegment()
	r.session = id
}

// end returns the number of the item that comes next.
func (r *ring) end() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next
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
	s.hold() // those of the ring are there
	if s.first > at {
		missed = s.first - at
	}
	return s, missed, nil
}

// close ends the ring. What is in it can still be read.
func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeSegment()
	r.closed = true
	close(r.news)
	r.news = make(chan struct{})
}

// clear forgets what is in the ring, and releases it.
func (r *ring) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeSegment()
	for len(r.segments) > 0 {
		r.evictFirst()
	}
}
