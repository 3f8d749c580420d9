package eventserver

import "sync"

// The bounds of a segment. Binary clients take ten attachments a packet, so a
// segment makes one batch or a few.
const (
	segmentEntries = 50
	segmentItems   = 512
	segmentBytes   = 1 << 20
)

// segment is a run of events in order. Nothing is added any more.
type segment struct {
	// namespace is that of the ring.
	namespace string
	// first is the number of its first item.
	first uint64
	items []item
	// session is that of all exchanges in it, nil if there are none, unless mixed
	// says that they have several.
	session *session
	mixed   bool
	// bytes is what the segment takes, about, guarded by ring.mu.
	bytes int64

	bundles sync.Mutex // guards shared and parts; held while they are made
	// shared has what is sent to all who have asked for the same.
	shared [audiences]*bundle
	// parts has the events of items, where somebody has picked them; nil if nobody
	// has.
	parts map[*item][]event
	// made is what shared and parts take in bytes, as far as the ring was charged.
	made int64

	mu   sync.Mutex // guards held, which is how many read it, and gone
	held int
	gone bool
}

// newSegment returns a segment of as many items as fit into it: one at least, most
// at most. An entry does not come before an event of no exchange, such as that
// everything was cleared, which was there first.
func newSegment(namespace string, first uint64, items []item, most int) *segment {
	s := &segment{namespace: namespace, first: first}
	entries, controls := 0, 0
	for i := range items {
		it := &items[i]
		if i > 0 && (i == most || s.bytes >= segmentBytes) ||
			it.kind == itemEntry && (entries == segmentEntries || controls > 0) {
			break
		}
		switch it.kind {
		case itemEntry:
			entries++
		case itemControl:
			controls++
		default:
		}
		s.items = items[: i+1 : i+1]
		s.bytes += it.cost()
		s.addSession(it.session)
	}
	return s
}

// addSession notes that an item is of a session, nil for none.
func (s *segment) addSession(one *session) {
	switch {
	case one == nil:
	case s.session == nil:
		s.session = one
	case s.session != one:
		s.mixed = true
	}
}

// end is the number of the item behind the last one.
func (s *segment) end() uint64 { return s.first + uint64(len(s.items)) }

// hold keeps what the items hold until the call of drop. It is called while the
// segment is in the ring.
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
		release(s.items)
	}
}

// release gives back what items hold.
func release(items []item) {
	for i := range items {
		items[i].release()
	}
}

// forgetBundles forgets what was made of the segment, and returns what that took in
// bytes.
func (s *segment) forgetBundles() (freed int64) {
	s.bundles.Lock()
	defer s.bundles.Unlock()
	for i, b := range s.shared {
		b.recycle()
		s.shared[i] = nil
	}
	freed, s.made, s.parts = s.made, 0, nil
	return freed
}

// forget hides what belongs to a session from those who have not read it yet.
func (s *segment) forget(one *session) {
	if s.session != one && !s.mixed {
		return
	}
	s.bundles.Lock()
	defer s.bundles.Unlock()
	for i := range s.items {
		if it := &s.items[i]; it.session == one && it.kind != itemHeld {
			it.gone.Store(true)
		}
	}
	clear(s.shared[:])
}
