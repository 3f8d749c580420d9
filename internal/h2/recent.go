package h2

import "slices"

// recentStreams is how many streams are remembered that we have reset.
const recentStreams = 256

// recent has the identifiers of the streams that we have reset last. The peer may
// send more for them before it knows, which is not to be held against it (RFC 9113
// section 5.1). The zero value is empty.
type recent struct {
	ids     [recentStreams]uint32
	next    int
	evicted uint32 // highest of those that are forgotten
}

func (r *recent) add(id uint32) {
	r.evicted = max(r.evicted, r.ids[r.next])
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

// mayHave reports whether id was added, as far as is known.
func (r *recent) mayHave(id uint32) bool {
	return id <= r.evicted || slices.Contains(r.ids[:], id)
}
