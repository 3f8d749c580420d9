package rules

import "github.com/necto-dev/necto/traffic"

// View is what is in force at one moment: the rules and breakpoints that are
// turned on, in their order. It never changes, so whoever matches a request takes
// one View and stays with it.
type View struct {
	rules       []active[Rule]
	breakpoints []active[Breakpoint]
	ruleIndex   *index
	breakIndex  *index
}

// active is a rule or a breakpoint that is turned on.
type active[T any] struct {
	item    *T
	counter *counter
	hint    hint
}

// Match is a rule that matches.
type Match struct {
	*Rule
	// Index is where in the View the rule is: the next one is sought from
	// Index+1 on.
	Index int
	// Pending says that the rule acts on the response, and has yet to be asked
	// whether it does: see Confirm.
	Pending bool
	// Count says which application of the rule in this run it is, from 1; 0
	// while Pending.
	Count uint64

	counter *counter
}

// Empty reports whether there is nothing to match with.
func (v *View) Empty() bool { return len(v.rules) == 0 && len(v.breakpoints) == 0 }

// Breakpoints returns how many breakpoints are turned on.
func (v *View) Breakpoints() int { return len(v.breakpoints) }

// Next returns the first rule from an index on that matches the request of s, and
// whether there is one:
//
//	for m, ok := v.Next(0, s); ok; m, ok = v.Next(m.Index+1, s) {
//		...
//	}
//
// Rules for frames match handshakes of WebSocket connections only.
func (v *View) Next(from int, s *Subject) (Match, bool) {
	if from >= len(v.rules) {
		return Match{}, false
	}
	for i, more := v.ruleIndex.next(from, s); more; i, more = v.ruleIndex.next(i+1, s) {
		if v.rules[i].hint.allows(&s.head) {
			if m, ok := v.match(i, s); ok {
				return m, true
			}
		}
	}
	return Match{}, false
}

// match asks one rule.
func (v *View) match(i int, s *Subject) (Match, bool) {
	r := v.rules[i].item
	if len(r.Frames) > 0 && !s.look().handshake {
		return Match{}, false
	}
	m := Match{Rule: r, Index: i, Pending: r.OnResponse(), counter: v.rules[i].counter}
	holds, err := r.Match.holds(s)
	if holds && !m.Pending {
		return m, m.Confirm(s)
	}
	if err != nil && s.Skipped != nil {
		s.Skipped(r.Name, err)
	}
	return m, holds
}

// Confirm asks a rule that is Pending whether it acts, now that s has a response:
// its when, and what counts matches. It is called once.
func (m *Match) Confirm(s *Subject) bool {
	m.Pending = false
	holds, err := m.Match.When.ask(s)
	if err != nil && s.Skipped != nil {
		s.Skipped(m.Name, err)
	}
	if !holds {
		return false
	}
	m.Count, holds = m.counter.admit(m.Name, &m.Match)
	return holds
}

// Captures returns what {name} stands for in the rule's path patterns.
func (m *Match) Captures(s *Subject) map[string]string { return m.Match.captures(s) }

// Holds reports whether a breakpoint is for a phase.
func (b *Breakpoint) Holds(p traffic.Phase) bool {
	switch p {
	case traffic.PhaseRequest:
		return b.On == OnRequest || b.On == OnBoth
	case traffic.PhaseResponse:
		return b.On == OnResponse || b.On == OnBoth
	default:
		return b.On == OnFrame
	}
}

// Breakpoint returns the first breakpoint that holds s in a phase, nil if there
// is none. Each hit counts as a match of its own.
func (v *View) Breakpoint(p traffic.Phase, s *Subject) *Breakpoint {
	if len(v.breakpoints) == 0 {
		return nil
	}
	for i, more := v.breakIndex.next(0, s); more; i, more = v.breakIndex.next(i+1, s) {
		if b := &v.breakpoints[i]; b.item.Holds(p) && b.hint.allows(&s.head) && breakpointHits(b, s) {
			return b.item
		}
	}
	return nil
}

// Breaks reports whether a breakpoint that is turned on could hold the request of
// s, or what follows it, in a phase, judging from the request's head.
func (v *View) Breaks(p traffic.Phase, s *Subject) bool {
	if len(v.breakpoints) == 0 {
		return false
	}
	for i, more := v.breakIndex.next(0, s); more; i, more = v.breakIndex.next(i+1, s) {
		if b := v.breakpoints[i].item; b.Holds(p) && b.Match.headHolds(s) {
			return true
		}
	}
	return false
}

// breakpointHits asks a breakpoint whether it holds s.
func breakpointHits(a *active[Breakpoint], s *Subject) bool {
	holds, err := a.item.Match.holds(s)
	if holds {
		holds, err = a.item.When.ask(s)
	}
	if err != nil && s.Skipped != nil {
		s.Skipped(a.item.Name, err)
	}
	if !holds {
		return false
	}
	_, holds = a.counter.admit(a.item.Name, &a.item.Match)
	return holds
}
