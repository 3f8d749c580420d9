package replay

import (
	"cmp"
	"container/heap"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// stage makes events of the lines of one recording. One goroutine uses it.
type stage struct {
	to   traffic.Observer
	log  *slog.Logger
	file *record.File
	top  *numbers // the highest told so far

	// Of the session that is played:

	base  numbers // what is added to the recorded numbers
	now   time.Duration
	acts  map[uint64]*act // those that have not ended, by recorded number
	queue actQueue        // those of them that something is known to come of
	count uint64          // acts so far
}

// beginSession begins a session in which low are the lowest numbers. They are
// kept if they are higher than all that were told.
func (s *stage) beginSession(low numbers) {
	s.base, s.now, s.acts = numbers{}, 0, make(map[uint64]*act)
	if low.exchange <= s.top.exchange {
		s.base.exchange = s.top.exchange
	}
	if low.conn <= s.top.conn {
		s.base.conn = s.top.conn
	}
}

// endSession ends what the recording has no end of, or what is not to be played
// to its end.
func (s *stage) endSession() {
	rest := slices.Collect(maps.Values(s.acts))
	for _, a := range s.queue {
		if a.all == nil {
			rest = append(rest, a)
		}
	}
	slices.SortFunc(rest, func(a, b *act) int { return cmp.Compare(a.number, b.number) })
	for _, a := range rest {
		a.breakOff(s)
	}
	s.acts, s.queue = nil, nil
}

// next returns when the next event of the queue is to be told, false if there is
// none.
func (s *stage) next() (time.Duration, bool) {
	if len(s.queue) == 0 {
		return 0, false
	}
	return s.queue[0].next(), true
}

// tellNext tells it.
func (s *stage) tellNext() {
	a := s.queue[0]
	c := a.cues[0]
	s.now = max(s.now, a.next())
	a.cues = a.cues[1:]
	if len(a.cues) > 0 {
		heap.Fix(&s.queue, 0)
	} else {
		heap.Pop(&s.queue)
	}
	c.tell(a, s)
}

// rush tells all that is still in the queue of an act.
func (s *stage) rush(a *act) {
	if len(a.cues) == 0 {
		return
	}
	for _, c := range a.cues {
		c.tell(a, s)
	}
	a.cues = nil
	s.queue = slices.DeleteFunc(s.queue, func(other *act) bool { return other == a })
	heap.Init(&s.queue)
}

// begin puts the exchange or tunnel of a line on stage.
func (s *stage) begin(raw []byte) error {
	if gjson.GetBytes(raw, "type").Str == record.TypeTunnel {
		return s.beginTunnel(raw)
	}
	entry, err := record.ParseEntry(raw)
	if err != nil {
		return err
	}
	a := s.acts[entry.ID]
	switch {
	case a == nil:
		a = s.enter(entry.Offset)
		a.id = entry.ID
		s.acts[a.id] = a
	case a.opened || a.told.RequestDone >= 0 || len(a.cues) > 0:
		return fmt.Errorf("line %d: exchange %d has begun already", entry.Seq, entry.ID)
	}
	a.all = entry.Exchange(s.file)
	a.all.ID += traffic.ExchangeID(s.base.exchange)
	a.all.Conn += traffic.ConnID(s.base.conn)
	s.saw(uint64(a.all.ID), uint64(a.all.Conn))
	a.cues = cuesOf(entry.Type, a)
	if len(a.cues) > 0 {
		heap.Push(&s.queue, a)
	}
	return nil
}

// beginTunnel puts a tunnel on stage.
func (s *stage) beginTunnel(raw []byte) error {
	all, err := record.ParseTunnel(raw)
	if err != nil {
		return err
	}
	all.Conn += traffic.ConnID(s.base.conn)
	told := new(traffic.Tunnel)
	*told = *all
	told.BytesUp, told.BytesDown, told.Duration, told.Failure = 0, 0, 0, nil
	s.saw(0, uint64(told.Conn))
	a := s.enter(micros(gjson.GetBytes(raw, "us").Int()))
	a.cues = []cue{
		{0, func(*act, *stage) { s.to.Observe(traffic.TunnelOpened{Tunnel: told}) }},
		{all.Duration, func(*act, *stage) {
			told.BytesUp, told.BytesDown, told.Duration, told.Failure = all.BytesUp, all.BytesDown, all.Duration, all.Failure
			s.to.Observe(traffic.TunnelClosed{Tunnel: told})
		}},
	}
	heap.Push(&s.queue, a)
	return nil
}

// enter returns a new act.
func (s *stage) enter(start time.Duration) *act {
	s.count++
	return &act{number: s.count, start: start}
}

func (s *stage) saw(exchange, conn uint64) {
	s.top.exchange, s.top.conn = max(s.top.exchange, exchange), max(s.top.conn, conn)
}

// line tells what a line says that is no beginning.
func (s *stage) line(lineType string, raw []byte) error {
	switch lineType {
	case record.TypeWSFrame:
		return s.frame(raw)
	case record.TypeWSClose:
		return s.closed(raw)
	case record.TypeTLS:
		return s.tlsFailed(raw)
	}
	return nil
}

func (s *stage) frame(raw []byte) error {
	entry, err := record.ParseFrame(raw)
	if err != nil {
		return err
	}
	a := s.connection(entry.ID)
	if a == nil {
		return nil // its ws.open was cut off
	}
	f, err := s.file.ReadFrame(entry, &a.told)
	if err != nil {
		return err
	}
	s.now = max(s.now, entry.Offset)
	a.frame(s, f)
	return nil
}

func (s *stage) closed(raw []byte) error {
	entry, err := record.ParseWSClose(raw)
	if err != nil {
		return err
	}
	if a := s.connection(entry.ID); a != nil {
		s.now = max(s.now, entry.Offset)
		a.closed(s, &entry.WSClose)
	}
	return nil
}

// connection returns the WebSocket connection of that recorded number, nil if
// none is open.
func (s *stage) connection(id uint64) *act {
	a := s.acts[id]
	if a == nil {
		return nil
	}
	s.rush(a)
	if !a.opened {
		return nil
	}
	return a
}

func (s *stage) tlsFailed(raw []byte) error {
	failed, err := record.ParseTLSFailed(raw)
	if err != nil {
		return err
	}
	failed.Conn += traffic.ConnID(s.base.conn)
	s.saw(0, uint64(failed.Conn))
	s.to.Observe(failed)
	return nil
}
