package h2

// recentStreams is how many streams are remembered that we have reset.
const recentStreams = 256

// recent has the identifiers of the streams that we have reset last. The peer may
// send more for them before it knows, which is not to be held against it (RFC 9113
// section 5.1). The zero value is empty.
type recent struct {
	ids  [recentStreams]uint32
	next int
}

func (r *recent) add(id uint32) {
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

func (r *recent) has(id uint32) bool {
	for _, other := range r.ids {
		if other == id {
			return true
		}
	}
	return false
}
