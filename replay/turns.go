package replay

import (
	"slices"
	"sync"
)

// turns has the recorded calls of one path that went turn by turn. They are read
// from disk when the first client needs them.
type turns struct {
	once  sync.Once
	calls []*call // in the order in which they were started
}

// turnsOf returns the calls in a slot, which may be nil.
func (x *Index) turnsOf(s *slot) []*call {
	if s == nil {
		return nil
	}
	found, _ := x.turns.LoadOrStore(s.first, new(turns))
	t := found.(*turns)
	t.once.Do(func() {
		for i := range s.count {
			c, err := x.loadCall(s.first + i)
			if err != nil {
				x.opts.Log.Warn("recorded call cannot be read", "err", err)
				continue
			}
			t.calls = append(t.calls, c)
		}
	})
	return t.calls
}

// candidates are the recorded calls that a live one may be: those in which the
// client said what this one has said, and the server what was answered so far.
type candidates struct {
	calls []*call
	// sent counts the steps taken.
	sent int
}

// heard leaves out the calls that what the caller has said last, or that it has
// ended, does not fit.
func (s *candidates) heard(c *caller) {
	n := c.said.count
	s.calls = slices.DeleteFunc(slices.Clone(s.calls), func(other *call) bool {
		if n > len(other.asked) || c.ended && n < len(other.asked) {
			return true
		}
		return n > 0 && other.asked[n-1] != c.last // also at the end, which may be a part of a message
	})
}

// answered notes that a step of call was taken.
func (s *candidates) answered(c *call) {
	taken := c.steps[s.sent]
	s.calls = slices.DeleteFunc(slices.Clone(s.calls), func(other *call) bool {
		return len(other.steps) <= s.sent+1 || other.steps[s.sent].reply != taken.reply
	})
	s.sent++
}

// due returns the call whose next step may be taken, nil if none may: current if
// it is among them, else the first that nobody has claimed, else the last one.
func (s *candidates) due(c *caller, current *call) *call {
	var found *call
	for _, other := range s.calls {
		next := other.steps[s.sent]
		if c.said.count < next.asked || next.ended && !c.ended {
			continue
		}
		switch {
		case other == current:
			return current
		case found == nil || found.claimed.Load():
			found = other
		}
	}
	return found
}
