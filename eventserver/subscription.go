package eventserver

import (
	"slices"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

// maxSubscriptions is how many a client may have.
const maxSubscriptions = 64

// subscription is what a client asked for with traffic:subscribe.
type subscription struct {
	// session restricts it to one session, "" to none.
	session string
	// filter restricts it, nil to nothing.
	filter *filter.Filter
	// shown has the exchanges that were announced under the filter and have not
	// ended: what becomes of them is told whatever the filter says.
	shown map[traffic.ExchangeID]bool
}

// subscriptions are those of a client. What several of them ask for it gets once.
type subscriptions []*subscription

// add adds a subscription, in place of one to the same session.
func (ss *subscriptions) add(s *subscription) bool {
	s.shown = map[traffic.ExchangeID]bool{}
	for i, old := range *ss {
		if old.session == s.session {
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

// remove removes the subscription to a session.
func (ss *subscriptions) remove(session string) {
	*ss = slices.DeleteFunc(*ss, func(s *subscription) bool { return s.session == session })
}

// audience returns the one that gets the same of a segment, and false if it is to
// be picked item by item.
func (ss subscriptions) audience(session string) (audience, bool) {
	picky := false
	for _, s := range ss {
		if s.session != "" && s.session != session {
			continue
		}
		if s.filter == nil {
			return allTraffic, true
		}
		picky = true
	}
	return everyone, !picky
}

// pack adds to p what the client wants of an item.
func (ss subscriptions) pack(p *packer, it *item, session string) {
	if it.gone {
		return
	}
	wanted, announce := false, false
	for _, s := range ss {
		if s.session != "" && s.session != session {
			continue
		}
		w, a := s.wants(it, session)
		wanted, announce = wanted || w, announce || a
	}
	if announce {
		p.announce(it, session)
		return
	}
	p.add(it, session, wanted)
}

// wants reports whether an item is part of the subscription, and whether its
// exchange is to be announced by it, as it was not before.
func (s *subscription) wants(it *item, session string) (wanted, announce bool) {
	if s.filter == nil {
		return true, false
	}
	switch it.kind {
	case itemControl:
		return true, false
	case itemFrame, itemClose:
		return s.filter.Match(it.subject(session)), false
	}
	shown := s.shown[it.x.ID]
	over := it.kind == itemDone || it.kind == itemOpen
	if over {
		delete(s.shown, it.x.ID)
	}
	if shown || !s.filter.Match(it.subject(session)) {
		return shown, false
	}
	if !over {
		s.shown[it.x.ID] = true
	}
	return true, it.kind != itemEntry
}

// announce adds an entry for an exchange that the filter let through only now,
// and then what the item says.
func (p *packer) announce(it *item, session string) {
	w := jsonWriter{session: session}
	w.entry(&item{kind: itemEntry, x: it.x, request: it.request})
	p.entries = append(p.entries, &w.encoded)
	p.add(it, session, true)
}

// subject returns what a filter looks at.
func (it *item) subject(session string) *filter.Subject {
	s := &filter.Subject{Exchange: it.x, Session: session, Content: it.contentOf}
	switch it.kind {
	case itemFrame:
		s.Frame = &it.frame.Frame
	case itemClose:
		s.Close = it.close
	case itemEntry, itemRequest, itemHead, itemHeld:
		s.Exchange = begun(it)
		s.Pending, s.Held = true, it.kind == itemHeld && it.control.name == eventHit
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
		return it.request.preview(it.x.Request.Header).data
	}
	if it.x.Response == nil {
		return nil
	}
	return it.response.preview(it.x.Response.Header).data
}
