package eventserver

import (
	"math"
	"slices"

	"github.com/necto-dev/necto/traffic"
)

// find returns an exchange as it is now, from memory or from the recording, whose
// content is readable until it is released, and false if there is none.
func (s *Server) find(id traffic.ExchangeID) (kept, bool, error) {
	if k, ok := s.history.get(id); ok {
		return k, true, nil
	}
	if s.opts.Recording == nil {
		return kept{}, false, nil
	}
	return s.findRecorded(id)
}

// findRecorded is find for what is not in memory any more.
func (s *Server) findRecorded(id traffic.ExchangeID) (kept, bool, error) {
	one := s.history.pastSession(id)
	if one == nil {
		return kept{}, false, nil
	}
	x, closed, err := s.opts.Recording.Exchange(id)
	if err != nil || x == nil {
		return kept{}, false, err
	}
	k := kept{session: one, x: x, kind: itemDone, requestRead: true}
	if x.WS != nil {
		k.kind = itemOpen
		k.socket = &keptSocket{closed: closed}
	}
	return k, true, nil
}

// pastSession returns the session of an exchange that is not in memory, nil if it was
// cleared, or if there is no recording or the exchange runs still. It locks mu.
func (h *history) pastSession(id traffic.ExchangeID) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.past == nil || h.running[id] != nil {
		return nil
	}
	return h.past.sessionOf(id)
}

// descending calls fn for the numbers of all exchanges below one, 0 for all, the
// highest first, until it returns false.
func (s *Server) descending(before traffic.ExchangeID, fn func(traffic.ExchangeID) bool) error {
	if before == 0 {
		before = math.MaxUint64
	}
	ids := s.history.ids()
	for {
		for len(ids) > 0 && ids[0] >= before {
			ids = ids[1:]
		}
		next, there, err := s.belowInRecording(before)
		if err != nil {
			return err
		}
		if len(ids) > 0 && (!there || ids[0] > next) {
			next, there = ids[0], true
		}
		if !there || !fn(next) {
			return nil
		}
		before = next
	}
}

func (s *Server) belowInRecording(id traffic.ExchangeID) (traffic.ExchangeID, bool, error) {
	if s.opts.Recording == nil {
		return 0, false, nil
	}
	return s.opts.Recording.Below(id)
}

// eachFrame calls fn for the frames of a connection behind a number that are in
// memory or in the recording, until it returns false. The recording has all of their
// content.
func (s *Server) eachFrame(k *kept, after uint64, fn func(*frame) bool) error {
	frames := k.socket.all()
	if r := s.opts.Recording; r != nil && (len(frames) == 0 || frames[0].Seq > after+1) {
		more := true
		err := r.Frames(k.x, after, func(f *traffic.Frame) bool {
			if len(frames) > 0 && f.Seq >= frames[0].Seq {
				return false // the rest is in memory
			}
			after = f.Seq
			more = fn(&frame{Frame: *f, cut: f.Truncated})
			return more
		})
		if err != nil || !more {
			return err
		}
	}
	i := slices.IndexFunc(frames, func(f *frame) bool { return f.Seq > after })
	for ; i >= 0 && i < len(frames); i++ {
		if !fn(frames[i]) {
			return nil
		}
	}
	return nil
}
