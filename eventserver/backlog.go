package eventserver

// backlog sends to a subscriber what was told before the oldest event of the ring.
type backlog struct {
	sub *subscriber
	// items are those that wait to be sent, of exchanges and connections in kept, which
	// are released then.
	items []item
	kept  []kept
	// gone says that the client is gone.
	gone bool
}

// sendPast tells what ended from one event on, before another: exchanges and
// connections as a whole, from the recording. Then it announces what had begun by
// then and had not ended, as the ring will tell of that. It returns false if the
// client is gone.
func (s *subscriber) sendPast(from, to uint64) bool {
	b := &backlog{sub: s}
	defer b.release()
	for !b.gone {
		ends := s.server.history.endings(from, to, segmentEntries)
		if len(ends) > 0 {
			b.sendEnded(ends)
			from = ends[len(ends)-1].number + 1
			continue
		}
		first, _ := s.ring.bounds()
		if first <= to || s.server.opts.Recording == nil {
			break
		}
		from, to = to, first // meanwhile the ring has forgotten more
		s.moveTo(to)
	}
	b.addUnannounced(to)
	b.flush()
	return !b.gone
}

// sendEnded sends what has ended.
func (b *backlog) sendEnded(ends []ending) {
	for _, e := range ends {
		k, ok, err := b.sub.server.find(e.id)
		if err != nil {
			b.sub.server.log.Warn("recording is not readable", "exchange", uint64(e.id), "err", err)
		}
		if ok {
			b.addWhole(k)
		}
	}
	b.flush()
}

// addWhole adds an exchange that has ended, with the connection that it may have
// opened.
func (b *backlog) addWhole(k kept) {
	b.kept = append(b.kept, k)
	b.add(itemEntry, &k).requestRead = true
	b.add(k.kind, &k)
	if k.kind != itemOpen {
		return
	}
	err := b.sub.server.eachFrame(&k, 0, func(f *frame) bool {
		if len(b.items) >= segmentItems {
			b.send()
		}
		b.add(itemFrame, &k).frame = f.short()
		return !b.gone
	})
	if err != nil {
		b.sub.server.log.Warn("recording is not readable", "exchange", uint64(k.x.ID), "err", err)
	}
	if k.socket.closed != nil {
		b.add(itemClose, &k).details = k.socket.end()
	}
}

// addUnannounced adds what was told before an event of exchanges that go on behind
// it: what runs, and what the ring has an end of, but no beginning.
func (b *backlog) addUnannounced(at uint64) {
	inRing := b.sub.ring.unannounced(at)
	for _, k := range b.sub.server.history.ongoing(at) {
		if inRing[k.x.ID] != nil {
			k.release()
			continue
		}
		b.kept = append(b.kept, k)
		b.add(itemEntry, &k).requestRead = k.requestRead
		if k.toldAt < at && k.kind != itemEntry {
			b.add(k.kind, &k)
		}
	}
	for _, first := range inRing {
		k := &kept{session: first.session, x: first.x}
		entry := b.add(itemEntry, k)
		switch first.kind {
		case itemDone, itemOpen:
			entry.requestRead, entry.details = true, first.details
		case itemFrame, itemClose:
			b.add(itemOpen, k)
		default: // the content is told later
		}
	}
}

// add adds an item about an exchange.
func (b *backlog) add(kind itemKind, k *kept) *item {
	b.items = append(b.items, item{kind: kind, session: k.session, x: k.x})
	return &b.items[len(b.items)-1]
}

// flush sends the items and releases what they are about.
func (b *backlog) flush() {
	b.send()
	b.release()
}

func (b *backlog) release() {
	for i := range b.kept {
		b.kept[i].release()
	}
	b.kept = nil
}

// send sends the items.
func (b *backlog) send() {
	items := b.items
	b.items = nil
	for i := range items {
		items[i].readBeginnings()
	}
	for len(items) > 0 && !b.gone {
		seg := newSegment(b.sub.ring.namespace, 0, items, segmentItems)
		items = items[len(seg.items):]
		b.gone = !b.sub.sendApart(seg)
	}
}
