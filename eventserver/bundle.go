package eventserver

// audience is which part of a segment a subscriber wants, if it wants all of it.
type audience uint8

const (
	// controlOnly gets what belongs to no traffic.
	controlOnly audience = iota
	// everyone gets the events of WebSocket connections, too.
	everyone
	// allTraffic gets everything.
	allTraffic
	audiences // how many there are
)

// bundleFor returns what an audience gets of a segment. The first who asks makes
// it; made is what that takes in bytes.
func (s *segment) bundleFor(a audience) (b *bundle, made int64) {
	s.bundles.Lock()
	defer s.bundles.Unlock()
	if s.shared[a] == nil {
		var p packer
		for _, it := range s.items {
			p.add(it, a == allTraffic, a != controlOnly)
		}
		s.shared[a] = p.bundle(s.namespace)
		made = p.made + int64(len(s.shared[a].frames))
	}
	return s.shared[a], made
}

// packer makes a bundle of items: batches of entries first.
type packer struct {
	entries []*encoded
	rest    []*event
	// made is what was encoded for it, in bytes.
	made int64
}

// add adds the events of an item: those of entries and updates if traffic is
// wanted, those of WebSocket connections if sockets are, and all others.
func (p *packer) add(it *item, traffic, sockets bool) {
	if it.gone.Load() || it.kind == itemEntry && !traffic || it.kind == itemFrame && !sockets {
		return
	}
	events, made := it.encoded()
	p.made += made
	for i := range events {
		e := &events[i]
		switch e.topic {
		case topicBatch:
			p.entries = append(p.entries, &e.args)
			continue
		case topicUpdate:
			if !traffic {
				continue
			}
		case topicSocket:
			if !sockets {
				continue
			}
		case topicControl:
		}
		p.rest = append(p.rest, e)
	}
}

// bundle returns what was added, as packets of a namespace.
func (p *packer) bundle(namespace string) *bundle {
	b := newBundle(namespace)
	for from := 0; from < len(p.entries); {
		to := batchEnd(p.entries, from)
		b.addBatch(eventBatch, p.entries[from:to])
		from = to
	}
	for _, e := range p.rest {
		b.add(e.name, &e.args)
	}
	return b
}

// batchEnd returns how far a batch from entries[from] on goes.
func batchEnd(entries []*encoded, from int) int {
	attachments := 0
	for i := from; i < len(entries); i++ {
		attachments += len(entries[i].attachments)
		if i > from && attachments > maxAttachments || i-from == segmentEntries {
			return i
		}
	}
	return len(entries)
}
