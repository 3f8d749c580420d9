package eventserver

import (
	"sync"
	"time"
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
	// namespace is that of the ring.
	namespace string
	// first is the number of its first item.
	first   uint64
	items   []*item
	entries int
	// session is that of all exchanges in it, nil if there are none, unless mixed
	// says that they have several.
	session *session
	mixed   bool
	// bytes is what the segment takes, about, guarded by ring.mu.
	bytes int64

	bundles sync.Mutex // guards shared; held while one is made
	// shared has what is sent to all who have asked for the same.
	shared [audiences]*bundle

	mu   sync.Mutex // guards held, which is how many read it, and gone
	held int
	gone bool
}

// add appends an item while the segment is open.
func (s *segment) add(it *item) {
	s.items = append(s.items, it)
	s.bytes += it.cost
	if it.kind == itemEntry {
		s.entries++
	}
	switch {
	case it.session == nil:
	case s.session == nil:
		s.session = it.session
	case s.session != it.session:
		s.mixed = true
	}
}

// full reports whether the segment is to be closed.
func (s *segment) full() bool {
	return s.entries >= segmentEntries || len(s.items) >= segmentItems || s.bytes >= segmentBytes
}

// end is the number of the item behind the last one.
func (s *segment) end() uint64 { return s.first + uint64(len(s.items)) }

// hold keeps the bodies of the segment readable until the call of drop. It is
// called while the segment is in the ring.
func (s *segment) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held++
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

// forget hides what belongs to a session from those who have not read it yet.
func (s *segment) forget(one *session) {
	if s.session != one && !s.mixed {
		return
	}
	s.bundles.Lock()
	defer s.bundles.Unlock()
	for _, it := range s.items {
		if it.session == one && it.kind != itemHeld {
			it.gone.Store(true)
		}
	}
	clear(s.shared[:])
}
