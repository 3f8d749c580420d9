package eventserver

import "sync"

// audience is which part of a segment a subscriber wants, if it wants all of it.
type audience uint8

const (
	// everyone gets what is not traffic.
	everyone audience = iota
	// allTraffic gets everything.
	allTraffic
)

// sharedBundle is a bundle that is the same for a whole audience.
type sharedBundle struct {
	once sync.Once
	*bundle
}

// bundleFor returns what an audience gets of a segment. The first who asks makes
// it.
func (s *segment) bundleFor(a audience) *bundle {
	shared := &s.shared[a]
	shared.once.Do(func() {
		var p packer
		for _, it := range s.items {
			p.add(it, s.session, a == allTraffic)
		}
		shared.bundle = p.bundle()
	})
	return shared.bundle
}

// packer makes a bundle of items: batches of entries first.
type packer struct {
	entries []*encoded
	rest    []*event
}

// add adds the events of an item, those of traffic only if that is wanted.
func (p *packer) add(it *item, session string, traffic bool) {
	if it.gone || it.kind == itemEntry && !traffic {
		return
	}
	events := it.encodedFor(session)
	for i := range events {
		switch e := &events[i]; {
		case it.kind == itemEntry:
			p.entries = append(p.entries, &e.args)
		case traffic || !e.traffic:
			p.rest = append(p.rest, e)
		}
	}
}

func (p *packer) bundle() *bundle {
	b := new(bundle)
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
