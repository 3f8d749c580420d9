package eventserver

import "sync"

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

// bundleFor returns what an audience gets of a segment, of which the caller is a
// user from then on. The first who asks makes it; made is what that takes in bytes.
func (s *segment) bundleFor(a audience) (b *bundle, made int64) {
	s.bundles.Lock()
	defer s.bundles.Unlock()
	if s.shared[a] == nil {
		p := newPacker(s)
		defer p.free()
		for i := range s.items {
			p.add(&s.items[i], a == allTraffic, a != controlOnly)
		}
		s.shared[a] = p.bundle(false)
		made = int64(cap(s.shared[a].frames))
		s.made += made
	}
	s.shared[a].users.Add(1)
	return s.shared[a], made
}

// pick is an item of which something goes into a bundle.
type pick struct {
	it *item
	// traffic and sockets say what: updates, and events of WebSocket connections.
	// announce says that an entry is to come before them, which is not the item's.
	traffic, sockets, announce bool
}

// packer makes bundles of items of a segment.
type packer struct {
	segment *segment
	picks   []pick
	// w is what an event is written with, batch has entries.
	w       jsonWriter
	batch   encoded
	entries int
	// made is what was encoded for all who pick, in bytes.
	made int64
}

var packers = sync.Pool{New: func() any { return new(packer) }}

// newPacker returns a packer, which is to be freed.
func newPacker(s *segment) *packer {
	p := packers.Get().(*packer)
	p.segment = s
	return p
}

// maxScratch is how much memory for text is kept for the next bundle, in bytes.
const maxScratch = 256 << 10

func (p *packer) free() {
	clear(p.picks)
	p.w.reset()
	p.batch.reset()
	if cap(p.w.text)+cap(p.batch.text) > maxScratch {
		p.w.text, p.batch.text = nil, nil
	}
	p.segment, p.picks, p.entries, p.made = nil, p.picks[:0], 0, 0
	packers.Put(p)
}

// add adds the events of an item: those of entries and updates if traffic is
// wanted, those of WebSocket connections if sockets are, and all others.
func (p *packer) add(it *item, traffic, sockets bool) {
	if it.gone.Load() || it.kind == itemEntry && !traffic || it.kind == itemFrame && !sockets {
		return
	}
	p.picks = append(p.picks, pick{it: it, traffic: traffic, sockets: sockets})
}

// announce adds an entry for an exchange that a filter let through only now.
func (p *packer) announce(it *item) { p.picks = append(p.picks, pick{it: it, announce: true}) }

// bundle returns what was added: batches of entries first. picked says that it is
// for one subscriber, and that others may pick the same items: they are encoded
// once.
func (p *packer) bundle(picked bool) *bundle {
	b := newBundle(p.segment.namespace)
	for _, one := range p.picks {
		if one.announce || one.it.kind == itemEntry {
			p.addEntry(b, p.entryOf(one, picked))
		}
	}
	p.endBatch(b)
	for _, one := range p.picks {
		if one.announce || one.it.kind == itemEntry {
			continue
		}
		if !picked {
			one.it.encode(&p.w, one.wants, func(e *event) { b.add(e.name, &e.args) })
			continue
		}
		for _, e := range p.partOf(one.it) {
			if one.wants(e.topic) {
				b.add(e.name, &e.args)
			}
		}
	}
	return b
}

// wants reports whether events of a topic are wanted.
func (o pick) wants(t topic) bool {
	switch t {
	case topicUpdate:
		return o.traffic
	case topicSocket:
		return o.sockets
	case topicControl:
	}
	return true
}

// entryOf returns the entry of an item, or that for the exchange of an item that
// announces it.
func (p *packer) entryOf(one pick, picked bool) *encoded {
	if picked && !one.announce {
		return &p.partOf(one.it)[0].args
	}
	p.w.begin(one.it)
	p.w.entry(one.it)
	return &p.w.encoded
}

// addEntry adds an entry to the batch, or to another one if it is full.
func (p *packer) addEntry(b *bundle, e *encoded) {
	if p.entries == segmentEntries || p.entries > 0 && len(p.batch.attachments)+len(e.attachments) > maxAttachments {
		p.endBatch(b)
	}
	if p.entries > 0 {
		p.batch.text = append(p.batch.text, ',')
	}
	p.batch.append(e)
	p.entries++
}

// endBatch adds the batch to the bundle, if there is one.
func (p *packer) endBatch(b *bundle) {
	if p.entries > 0 {
		b.addBatch(eventBatch, &p.batch)
		p.batch.reset()
		p.entries = 0
	}
}

// partOf returns the events of an item. The first who asks encodes them.
func (p *packer) partOf(it *item) []event {
	s := p.segment
	s.bundles.Lock()
	defer s.bundles.Unlock()
	if s.parts == nil {
		s.parts = make(map[*item][]event)
	}
	events, there := s.parts[it]
	if !there {
		made := int64(0)
		it.encode(&p.w, anyTopic, func(e *event) {
			events = append(events, event{e.name, e.topic, e.args.clone()})
			made += e.args.cost()
		})
		s.parts[it] = events
		s.made += made
		p.made += made
	}
	return events
}

func anyTopic(topic) bool { return true }
