package eventserver

import (
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// digestion turns notes into items of the ring, and into what history keeps.
type digestion struct {
	mu sync.Mutex // guards the fields below; held while notes are digested
	// spare is memory for the next notes.
	spare []any
	// items are those made so far. There is room for one of each note, so that they
	// stay where they are.
	items []item
	// first is the number of the first of items.
	first uint64
	// round counts digestions.
	round uint64
}

// catchUp digests what was observed, so that everything else in the Server knows
// of it.
func (s *Server) catchUp() {
	s.digestion.mu.Lock()
	defer s.digestion.mu.Unlock()
	s.digestNotes()
}

// digestNotes is catchUp with digestion.mu held.
func (s *Server) digestNotes() {
	d := &s.digestion
	notes := s.intake.take(d.spare)
	if notes == nil {
		return
	}
	d.round++
	_, d.first = s.ring.bounds() // nobody else adds to it
	d.items = make([]item, 0, len(notes))
	s.history.mu.Lock()
	for _, n := range notes {
		s.digest(n)
	}
	s.history.trim()
	s.history.mu.Unlock()
	s.ring.addAll(d.items)
	d.items = nil
	clear(notes)
	d.spare = notes[:0]
}

// digest digests a note, with digestion.mu and history.mu held.
func (s *Server) digest(note any) {
	switch n := note.(type) {
	case traffic.RequestStarted:
		s.digestStart(n.Exchange)
	case traffic.RequestDone:
		s.digestRequest(n.Exchange)
	case traffic.ResponseStarted:
		s.digestHead(n.Exchange)
	case traffic.ExchangeDone:
		s.digestEnd(itemDone, n.Exchange)
	case traffic.ExchangeAborted:
		s.digestEnd(itemDone, n.Exchange)
	case traffic.WSOpened:
		s.digestEnd(itemOpen, n.Exchange)
	case *frame:
		s.digestFrame(n)
	case traffic.WSClosed:
		s.digestClose(n)
	case *details:
		s.digestDetails(n)
	}
}

func (s *Server) digestStart(x *traffic.Exchange) {
	k := s.history.begin(x)
	k.session.exchanges.Add(1)
	k.round, k.entryAt = s.digestion.round, len(s.digestion.items)
	k.began = s.digestion.number()
	k.toldAt = k.began
	s.tell(itemEntry, k.session, x, nil)
}

// digestRequest notes that the content of a request is there: with the entry, if
// that has not gone out yet.
func (s *Server) digestRequest(x *traffic.Exchange) {
	k, session := s.history.find(x.ID)
	if k != nil {
		k.requestRead = true
		if k.round == s.digestion.round {
			it := &s.digestion.items[k.entryAt]
			it.requestRead = true
			it.readBeginnings()
			return
		}
	}
	s.tell(itemRequest, session, x, nil).readBeginnings()
}

func (s *Server) digestHead(x *traffic.Exchange) {
	k, session := s.history.find(x.ID)
	if k != nil {
		k.kind, k.x = itemHead, x
		k.headRound, k.headAt = s.digestion.round, len(s.digestion.items)
		k.toldAt = s.digestion.number()
	}
	s.tell(itemHead, session, x, nil)
}

// digestEnd notes that an exchange has ended, or gone over to WebSocket.
func (s *Server) digestEnd(kind itemKind, x *traffic.Exchange) {
	s.metrics.done(x)
	k, session := s.history.find(x.ID)
	if k != nil && k.headRound == s.digestion.round {
		s.digestion.items[k.headAt].gone.Store(true)
	}
	number := s.digestion.number()
	s.tell(kind, session, x, nil).readBeginnings()
	session.bytes.Add(sizeOf(x.RequestBody) + sizeOf(x.ResponseBody))
	s.history.end(k, kind, x, number)
}

func (s *Server) digestFrame(f *frame) {
	s.metrics.frames[f.Dir].Inc()
	k, session := s.history.find(f.Exchange.ID)
	s.tell(itemFrame, session, f.Exchange, nil).frame = f
	if k != nil {
		s.history.frame(k, f)
	}
}

func (s *Server) digestClose(e traffic.WSClosed) {
	k, session := s.history.find(e.Exchange.ID)
	number := s.digestion.number()
	s.tell(itemClose, session, e.Exchange, &details{close: e.Close, at: e.At()})
	if k != nil {
		s.history.closed(k, e, number)
	}
}

// digestDetails notes an event of a hit, or one that belongs to no exchange.
func (s *Server) digestDetails(d *details) {
	if d.hit == nil {
		s.tell(itemControl, nil, nil, d)
		return
	}
	k, session := s.history.find(d.hit.Exchange.ID)
	if k != nil && d.control.name == eventHit {
		k.held++
	} else if k != nil {
		k.held--
	}
	s.tell(itemHeld, session, d.hit.Exchange, d)
}

// number is that of the item that is added next.
func (d *digestion) number() uint64 { return d.first + uint64(len(d.items)) }

// tell adds an item.
func (s *Server) tell(kind itemKind, one *session, x *traffic.Exchange, d *details) *item {
	all := &s.digestion.items
	*all = append(*all, item{kind: kind, session: one, x: x, details: d})
	return &(*all)[len(*all)-1]
}
