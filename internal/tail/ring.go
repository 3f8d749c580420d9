package tail

// ring keeps the last of many items.
type ring struct {
	items []*item
	next  int
	limit int
}

// add keeps it, in the place of the oldest where limit are kept, whose memory it
// takes over.
func (r *ring) add(it *item) {
	switch {
	case r.limit <= 0:
	case len(r.items) < r.limit:
		it.keep()
		r.items = append(r.items, it)
	default:
		it.Raw = append(r.items[r.next].Raw[:0], it.Raw...)
		r.items[r.next] = it
		r.next = (r.next + 1) % r.limit
	}
}

// drain calls fn for each item, the oldest first.
func (r *ring) drain(fn func(*item) error) error {
	for i := range r.items {
		if err := fn(r.items[(r.next+i)%len(r.items)]); err != nil {
			return err
		}
	}
	return nil
}
