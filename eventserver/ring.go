package eventserver

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// bounds are how much is kept: so many items, and about so many bytes.
type bounds struct {
	items int
	bytes int64
}

// ring keeps the latest events for subscribers.
type ring struct {
	// namespace is that of Socket.IO in which they are told: "" stands for "/".
	namespace string
	// most bounds what is kept for subscribers who are slow, backlog what is kept for
	// those who come later.
	most, backlog bounds
	// segmentItems is how many items a segment has at most.
	segmentItems int

	mu       sync.Mutex // guards the fields below
	segments []*segment
	next     uint64 // the number of the next item
	items    int
	bytes    int64
	readers  map[*subscriber]struct{}
	// lean is the number up to which segments have no bundles, but for what was made
	// for somebody who went back.
	lean uint64
	// open has what add has added since timer was started, of openBytes.
	open      []item
	openBytes int64
	timer     *time.Timer
	closed    bool
}

func newRing(namespace string, most, backlog bounds) *ring {
	r := &ring{
		namespace: namespace, most: most, backlog: backlog, segmentItems: max(1, min(segmentItems, most.items/4)), next: 1,
		readers: map[*subscriber]struct{}{},
	}
	r.timer = time.AfterFunc(time.Hour, r.tick)
	r.timer.Stop()
	return r
}

// add appends a publication, which is told a little later.
func (r *ring) add(p *publication) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = append(r.open, item{kind: itemPublished, details: &details{published: p}})
	r.openBytes += p.cost
	if len(r.open) == 1 {
		r.timer.Reset(noteTime)
	}
	if r.closed || len(r.open) >= segmentItems || r.openBytes >= segmentBytes {
		r.commitOpen()
	}
}

func (r *ring) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commitOpen()
}

// commitOpen appends what add has added.
func (r *ring) commitOpen() {
	r.timer.Stop()
	items := r.open
	r.open, r.openBytes = nil, 0
	r.commit(items)
}

// addAll appends items, which belong to the ring from then on.
func (r *ring) addAll(items []item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commit(items)
}

// commit appends items and calls who waits for them.
func (r *ring) commit(items []item) {
	if r.closed {
		release(items)
		return
	}
	if len(items) == 0 {
		return
	}
	for len(items) > 0 {
		s := newSegment(r.namespace, r.next, items, r.segmentItems)
		r.segments = append(r.segments, s)
		r.next = s.end()
		r.items += len(s.items)
		r.bytes += s.bytes
		items = items[len(s.items):]
	}
	r.trim()
	r.call()
}

// call lets all subscribers look at what there is to send now.
func (r *ring) call() {
	for sub := range r.readers {
		sub.call()
	}
}

// trim forgets what is kept for nobody, and what is too much, but for the last
// segment.
func (r *ring) trim() {
	read := r.next
	for sub := range r.readers {
		read = min(read, sub.read.Load())
	}
	r.strip(read)
	for len(r.segments) > 1 && (r.over(r.most) || r.over(r.backlog) && r.segments[0].end() <= read) {
		old := r.segments[0]
		r.segments[0] = nil
		r.segments = r.segments[1:]
		r.items -= len(old.items)
		r.bytes -= old.bytes
		old.evict()
	}
}

func (r *ring) over(b bounds) bool { return r.items > b.items || r.bytes > b.bytes }

// strip forgets the bundles of segments that everybody has read up to a number.
func (r *ring) strip(read uint64) {
	for i := r.find(r.lean); i < len(r.segments) && r.segments[i].end() <= read; i++ {
		s := r.segments[i]
		freed := s.forgetBundles()
		s.bytes -= freed
		r.bytes -= freed
		r.lean = s.end()
	}
}

// find returns the index of the first segment with items from a number on.
func (r *ring) find(at uint64) int {
	i, _ := slices.BinarySearchFunc(r.segments, at, func(s *segment, at uint64) int {
		if s.end() <= at {
			return -1
		}
		return 1
	})
	return i
}

// join lets a subscriber read from what comes next. It returns where that is.
func (r *ring) join(sub *subscriber) (next uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sub.read.Store(r.next)
	r.readers[sub] = struct{}{}
	return r.next
}

// quit says that a subscriber reads no more.
func (r *ring) quit(sub *subscriber) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.readers, sub)
	r.trim()
}

// back lets a subscriber read from a number on again, or from the oldest item if
// that is not in the ring any more. It returns where that is.
func (r *ring) back(sub *subscriber, to uint64) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	to = min(max(to, r.first()), r.next)
	sub.read.Store(min(sub.read.Load(), to))
	r.lean = min(r.lean, to)
	return to
}

// charge notes that a segment takes n more bytes, as bundles were made of it.
func (r *ring) charge(s *segment, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.first < r.first() {
		return // it has left
	}
	s.bytes += n
	r.bytes += n
	r.trim()
}

// first returns the number of the oldest item, under mu.
func (r *ring) first() uint64 {
	if len(r.segments) > 0 {
		return r.segments[0].first
	}
	return r.next
}

// bounds returns the numbers of the oldest item and of the one that comes next.
func (r *ring) bounds() (first, next uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first(), r.next
}

// size returns how much there is in the ring, and how many items the slowest
// subscriber has not read.
func (r *ring) size() (items int, bytes int64, behind uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for sub := range r.readers {
		behind = max(behind, r.next-sub.read.Load())
	}
	return r.items + len(r.open), r.bytes + r.openBytes, behind
}

// after appends to into the segments with items from the number at on, held, as many
// as it has room for. missed is how many items between at and the first are not in the
// ring any more. Without such a segment closed says whether there will never be one.
func (r *ring) after(at uint64, into []*segment) (segments []*segment, missed uint64, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.find(at)
	if i == len(r.segments) {
		return into, 0, r.closed
	}
	if first := r.segments[i].first; first > at {
		missed = first - at
	}
	for _, s := range r.segments[i:min(i+cap(into)-len(into), len(r.segments))] {
		s.hold()
		into = append(into, s)
	}
	return into, missed, false
}

// unannounced returns the first items of those exchanges of which the ring has items
// from a number on, but no entry.
func (r *ring) unannounced(at uint64) map[traffic.ExchangeID]*item {
	r.mu.Lock()
	defer r.mu.Unlock()
	firsts := map[traffic.ExchangeID]*item{}
	for _, s := range r.segments[r.find(at):] {
		for i := range s.items {
			it := &s.items[i]
			if it.x != nil && !it.gone.Load() && firsts[it.x.ID] == nil {
				firsts[it.x.ID] = it
			}
		}
	}
	maps.DeleteFunc(firsts, func(_ traffic.ExchangeID, it *item) bool { return it.kind == itemEntry })
	return firsts
}

// forget hides what belongs to a session from those who have not read it yet.
func (r *ring) forget(one *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	r.commitOpen()
	r.closed = true
	r.call()
}
