package eventserver

import (
	"slices"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// maxSubscriptions is how many a client may have.
const maxSubscriptions = 64

// subscription is what a client asked for with traffic:subscribe, or, of a whole
// session, with session:subscribe.
type subscription struct {
	// session restricts it to one session, "" to none.
	session string
	// whole says that it was asked for with session:subscribe.
	whole bool
	// filter restricts it, nil to nothing.
	filter *filter.Filter
	// shown has the exchanges that were announced under the filter and have not
	// ended: what becomes of them is told whatever the filter says.
	shown map[traffic.ExchangeID]bool
}

// covers reports whether traffic of a session may be part of the subscription.
func (s *subscription) covers(one *session) bool {
	return s.session == "" || one != nil && s.session == one.id
}

// subscriptions are those of a client, guarded by its subscriber's mu. What
// several of them ask for it gets once.
type subscriptions []*subscription

// add adds a subscription, in place of one that was asked for in the same way.
func (ss *subscriptions) add(s *subscription) bool {
	s.shown = map[traffic.ExchangeID]bool{}
	for i, old := range *ss {
		if old.session == s.session && old.whole == s.whole {
			(*ss)[i] = s
			return true
		}
	}
	if len(*ss) == maxSubscriptions {
		return false
	}
	*ss = append(*ss, s)
	return true
}

// remove removes the subscription to a whole session.
func (ss *subscriptions) remove(session string) {
	*ss = slices.DeleteFunc(*ss, func(s *subscription) bool { return s.whole && s.session == session })
}

// forget forgets which exchanges were announced: their ends may have been missed.
func (ss *subscriptions) forget() {
	for _, s := range *ss {
		clear(s.shown)
	}
}

// leave implements interest.
func (ss *subscriptions) leave() {}

// audience returns the one that gets the same of a segment, and false if it is to
// be picked item by item. Who has asked for nothing gets the events of WebSocket
// connections all the same, as of NectoProxy.
func (ss *subscriptions) audience(seg *segment) (audience, bool) {
	if len(*ss) == 0 {
		return everyone, true
	}
	picky := false
	for _, s := range *ss {
		switch {
		case s.session == "" && s.filter == nil:
			return allTraffic, true
		case seg.mixed, s.covers(seg.session) && s.filter != nil:
			picky = true
		case s.covers(seg.session):
			return allTraffic, true
		}
	}
	return controlOnly, !picky
}

// pack adds to p what the client wants of an item.
func (ss *subscriptions) pack(p *packer, it *item) {
	if it.gone.Load() {
		return
	}
	if len(*ss) == 0 {
		p.add(it, false, true)
		return
	}
	wanted, announce := false, false
	for _, s := range *ss {
		if s.covers(it.session) {
			w, a := s.wants(it)
			wanted, announce = wanted || w, announce || a
		}
	}
	if announce {
		p.announce(it)
	}
	p.add(it, wanted, wanted)
}

// wants reports whether an item is part of the subscription, and whether its
// exchange is to be announced by it, as it was not before.
func (s *subscription) wants(it *item) (wanted, announce bool) {
	if s.filter == nil || it.x == nil {
		return true, false
	}
	if it.kind == itemFrame || it.kind == itemClose {
		return s.filter.Match(it.subject()), false
	}
	shown := s.shown[it.x.ID]
	over := it.kind == itemDone || it.kind == itemOpen
	if over {
		delete(s.shown, it.x.ID)
	}
	if shown || !s.filter.Match(it.subject()) {
		return shown, false
	}
	if !over {
		s.shown[it.x.ID] = true
	}
	return true, it.kind != itemEntry
}

// subject returns what a filter looks at.
func (it *item) subject() *filter.Subject {
	s := &filter.Subject{Exchange: it.x, Session: it.session.id, Content: it.contentOf}
	switch it.kind {
	case itemFrame:
		s.Frame = &it.frame.Frame
	case itemClose:
		s.Close = it.details.close
	case itemEntry, itemRequest, itemHead, itemHeld:
		s.Exchange = begun(it)
		s.Pending, s.Held = true, it.kind == itemHeld && it.details.control.name == eventHit
		if it.kind == itemHeld {
			s.Frame = it.details.hit.Frame
		}
	case itemDone, itemOpen, itemControl, itemPublished:
	}
	return s
}

// begun returns a copy of an exchange with no more than the item announces.
func begun(it *item) *traffic.Exchange {
	x := it.x
	c := &traffic.Exchange{
		ID: x.ID, Conn: x.Conn, Started: x.Started, Client: x.Client, TLS: x.TLS, Request: x.Request,
	}
	if it.kind == itemHead {
		c.Server, c.Response = x.Server, x.Response
	}
	return c
}

// contentOf returns content for a filter.
func (it *item) contentOf(dir traffic.Direction) []byte {
	if dir == traffic.ClientToServer {
		c := it.request()
		return c.preview(it.x.Request.Header).data
	}
	if it.x.Response == nil {
		return nil
	}
	c := it.response()
	return c.preview(it.x.Response.Header).data
}
