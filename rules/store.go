package rules

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrUnknownRule says that there is no rule of that name.
var ErrUnknownRule = errors.New("unknown rule")

// Store is the rules in force. It holds a Set together with what changes while
// necto runs and never goes into the user's files: which rules are turned on or
// off, their order, and how often each was applied. Its methods may be called
// concurrently.
type Store struct {
	view atomic.Pointer[View]

	mu       sync.Mutex // guards the fields below
	set      *Set
	rules    []*Rule         // of set, in the order in force
	switched map[string]bool // on or off, for rules that differ from their file
	counters map[counterKey]*counter
}

// counterKey names a rule or a breakpoint.
type counterKey struct{ kind, name string }

// NewStore returns a Store with a set in force; nil is an empty one.
func NewStore(set *Set) *Store {
	s := &Store{switched: make(map[string]bool), counters: make(map[counterKey]*counter)}
	s.Replace(set)
	return s
}

// View returns what is in force now.
func (s *Store) View() *View { return s.view.Load() }

// Set returns the set in force, which is never nil.
func (s *Store) Set() *Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set
}

// RuleState is a rule as it is in force.
type RuleState struct {
	*Rule
	// On reports whether it is turned on.
	On bool
	// Applied is how often it was applied in this run.
	Applied uint64
}

// Rules returns all rules in the order in force.
func (s *Store) Rules() []RuleState {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]RuleState, len(s.rules))
	for i, r := range s.rules {
		states[i] = RuleState{Rule: r, On: s.on(r), Applied: s.counter("rule", r.Name).applied.Load()}
	}
	return states
}

// Replace puts a set in force, nil an empty one, and returns what has changed
// about rules. Counts go on, and rules stay on or off as users have switched them
// unless their file now says something else than before. An order that users have
// given stays while the files have the same rules in the same order.
func (s *Store) Replace(set *Set) []Change {
	if set == nil {
		set = new(Set)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.rules
	wasOn := make(map[string]bool, len(before))
	for _, r := range before {
		wasOn[r.Name] = s.on(r)
	}
	s.keepSwitches(set)
	s.rules = s.keepOrder(set)
	s.set = set
	s.publish()
	return compare(before, s.rules, func(r *Rule) bool { return wasOn[r.Name] }, s.on)
}

// keepSwitches forgets what users have switched of rules that are gone, or that
// their file has switched itself.
func (s *Store) keepSwitches(set *Set) {
	kept := make(map[string]bool, len(s.switched))
	for _, r := range set.rules {
		on, is := s.switched[r.Name]
		if !is || on == r.On() {
			continue
		}
		i := slices.IndexFunc(s.rules, func(old *Rule) bool { return old.Name == r.Name })
		if i >= 0 && s.rules[i].On() == r.On() {
			kept[r.Name] = on
		}
	}
	s.switched = kept
}

// keepOrder returns the rules of a new set in the order that users have given, if
// the files have not changed theirs.
func (s *Store) keepOrder(set *Set) []*Rule {
	if s.set == nil || !slices.EqualFunc(s.set.rules, set.rules, sameName) {
		return set.rules
	}
	order := make(map[string]int, len(s.rules))
	for i, r := range s.rules {
		order[r.Name] = i
	}
	rules := make([]*Rule, len(set.rules))
	for _, r := range set.rules {
		rules[order[r.Name]] = r
	}
	return rules
}

func sameName(a, b *Rule) bool { return a.Name == b.Name }

// SetEnabled turns a rule on or off until necto ends. It returns what has changed,
// nil for nothing, or ErrUnknownRule.
func (s *Store) SetEnabled(name string, on bool) ([]Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.rules, func(r *Rule) bool { return r.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%w %.100q", ErrUnknownRule, name)
	}
	r := s.rules[i]
	if s.on(r) == on {
		return nil, nil
	}
	delete(s.switched, name)
	if r.On() != on {
		s.switched[name] = on
	}
	s.publish()
	return []Change{{Kind: Toggled, Name: name, Rule: r, On: on}}, nil
}

// Reorder puts the rules named first, in that order, and leaves the others behind
// them in the order they have, until necto ends. It returns what has changed, nil
// for nothing, or ErrUnknownRule.
func (s *Store) Reorder(names []string) ([]Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := slices.Clone(s.rules)
	ordered := make([]*Rule, 0, len(rest))
	for _, name := range names {
		i := slices.IndexFunc(rest, func(r *Rule) bool { return r.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%w %.100q, or it is named twice", ErrUnknownRule, name)
		}
		ordered = append(ordered, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	ordered = append(ordered, rest...)
	if slices.Equal(ordered, s.rules) {
		return nil, nil
	}
	s.rules = ordered
	s.publish()
	return []Change{{Kind: Reordered}}, nil
}

// on reports whether a rule is turned on.
func (s *Store) on(r *Rule) bool {
	if on, is := s.switched[r.Name]; is {
		return on
	}
	return r.On()
}

func (s *Store) counter(kind, name string) *counter {
	key := counterKey{kind, name}
	c := s.counters[key]
	if c == nil {
		c = new(counter)
		s.counters[key] = c
	}
	return c
}

// publish makes a View of what is in force.
func (s *Store) publish() {
	v := new(View)
	for _, r := range s.rules {
		if s.on(r) {
			v.rules = append(v.rules, active[Rule]{r, s.counter("rule", r.Name), hintOf(&r.Match)})
		}
	}
	for _, b := range s.set.breakpoints {
		if b.Armed() {
			v.breakpoints = append(v.breakpoints, active[Breakpoint]{b, s.counter("breakpoint", b.Name), hintOf(&b.Match)})
		}
	}
	v.ruleIndex = newIndex(len(v.rules), func(i int) *Matcher { return &v.rules[i].item.Match })
	v.breakIndex = newIndex(len(v.breakpoints), func(i int) *Matcher { return &v.breakpoints[i].item.Match })
	s.view.Store(v)
}
