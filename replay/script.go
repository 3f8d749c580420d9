package replay

import (
	"errors"
	"slices"
)

// slack is how many places earlier or later than in the recording a client may
// send a message, because it sends from several goroutines at once.
const slack = 8

// script compares what a client says with the recording, message by message. A
// message that was recorded at most slack places away is in order; any other
// diverges from the one recorded in its place. Messages that are missing, or more
// than was recorded, move the place of those behind them.
type script struct {
	*conversation
	tolerance *tolerance
	again     bool // the recording begins again at its end

	heard  int
	shift  int         // from the number of a message to its place
	added  int         // messages that are in window, or were
	next   int         // frame where the one after them is looked for
	window []*expected // the messages around the one whose turn it is, in order
}

// expected is a recorded message of the client.
type expected struct {
	number  int // from 0
	span    span
	matched bool
	blamed  bool // a message diverged from it
	// digest is read when it is first needed. any means that any message will
	// do in its place, because this one is not known to its end.
	digest digest
	looked bool
	any    bool
}

// hear compares the next message. It returns nil if it is in order.
func (s *script) hear(m wsMessage) *Divergence {
	turn := s.place()
	s.heard++
	s.forget(turn - slack)
	s.extend(turn)
	live, known := m.digest(s.tolerance)
	var due *expected
	if i := slices.IndexFunc(s.window, func(e *expected) bool { return e.number == turn }); i >= 0 {
		due = s.window[i]
	}
	if due != nil && s.matches(due, live, known) {
		return nil
	}
	s.extend(turn + slack)
	for _, e := range s.window {
		if s.look(e); !e.any && s.matches(e, live, known) {
			return nil
		}
	}
	return s.diverge(due, m)
}

// place returns the number of the recorded message whose turn it is.
func (s *script) place() int {
	turn := s.heard
	if s.again && s.messages > 0 {
		if turn %= s.messages; turn == 0 {
			s.added, s.next, s.window, s.shift = 0, 0, nil, 0
		}
	}
	return turn + s.shift
}

// forget drops messages before a number from the window. One that nothing was
// sent in place of is missing.
func (s *script) forget(number int) {
	s.window = slices.DeleteFunc(s.window, func(e *expected) bool {
		if e.number < number && !e.matched && !e.blamed {
			s.shift++
		}
		return e.number < number
	})
}

// extend brings messages up to a number into the window.
func (s *script) extend(number int) {
	for s.added <= number {
		found, ok := s.nextMessage(s.next)
		if !ok {
			return
		}
		s.window = append(s.window, &expected{number: s.added, span: found})
		s.added, s.next = s.added+1, found.last+1
	}
}

// look reads what is needed to compare a message, once.
func (s *script) look(e *expected) {
	if e.looked {
		return
	}
	e.looked = true
	m, err := s.recall(e.span)
	if e.any = err != nil; !e.any {
		e.digest, _ = m.digest(s.tolerance)
	}
}

// matches reports whether a live message is the one expected, which it then is
// for good.
func (s *script) matches(e *expected, live digest, known bool) bool {
	if e.matched {
		return false
	}
	s.look(e)
	e.matched = e.any || known && e.digest == live
	if e.matched && e.blamed { // what diverged from it was one too many
		s.shift--
	}
	return e.matched
}

// diverge describes a message that is not in order, where due, which may be nil,
// was recorded in its place.
func (s *script) diverge(due *expected, m wsMessage) *Divergence {
	d := &Divergence{Message: s.heard, Received: m.String()}
	if due == nil || due.matched {
		i := slices.IndexFunc(s.window, func(e *expected) bool { return !e.matched })
		if i < 0 {
			return d
		}
		due = s.window[i]
	}
	due.blamed = true
	was, err := s.recall(due.span)
	if err != nil && !errors.Is(err, errPartial) {
		return d
	}
	diff := differences{tolerance: s.tolerance}
	compareMessages(&diff, was, m)
	d.Expected, d.Differs = was.String(), diff.list()
	return d
}
