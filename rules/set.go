package rules

import (
	"cmp"
	"fmt"
	"slices"
)

// Set is the content of one or several rules files that are in order. It never
// changes; nor must what it returns. The zero value has nothing in it.
type Set struct {
	rules       []*Rule
	breakpoints []*Breakpoint
	redact      []Field
	ignore      []Field
	passthrough []Passthrough
	ports       *Ports
}

// Rules returns all rules in order, also those that are turned off.
func (s *Set) Rules() []*Rule { return s.rules }

// Breakpoints returns all breakpoints in order, also those that are turned off.
func (s *Set) Breakpoints() []*Breakpoint { return s.breakpoints }

// Redact returns what recordings have in redacted form.
func (s *Set) Redact() []Field { return s.redact }

// Ignore returns what replay does not compare.
func (s *Set) Ignore() []Field { return s.ignore }

// Passthrough returns the hosts and networks whose TLS is not opened.
func (s *Set) Passthrough() []Passthrough { return s.passthrough }

// Ports returns the pool of forwarding ports, nil for none.
func (s *Set) Ports() *Ports { return s.ports }

// joiner puts files together into a Set.
type joiner struct {
	set      *Set
	names    map[string]Position // of rules and breakpoints, by kind and name
	problems *LoadError
	sorted   int // problems are in order up to there
}

func newJoiner() *joiner {
	return &joiner{set: new(Set), names: make(map[string]Position), problems: new(LoadError)}
}

// result returns the set, or what is wrong with it.
func (j *joiner) result() (*Set, error) {
	if len(j.problems.Problems) > 0 {
		return nil, j.problems
	}
	return j.set, nil
}

// add adds a file, whose names must be new.
func (j *joiner) add(f *File) {
	for _, r := range f.Rules {
		j.name("rule", r.Name, r.At)
	}
	for _, b := range f.Breakpoints {
		j.name("breakpoint", b.Name, b.At)
	}
	s := j.set
	s.rules = append(s.rules, f.Rules...)
	s.breakpoints = append(s.breakpoints, f.Breakpoints...)
	s.redact = append(s.redact, f.Redact...)
	s.ignore = append(s.ignore, f.Ignore...)
	s.passthrough = append(s.passthrough, f.Passthrough...)
	switch {
	case f.Ports == nil:
	case s.ports == nil:
		s.ports = f.Ports
	default:
		j.problems.add(Problem{At: f.Ports.At, Text: "ports are here twice, first at " + s.ports.At.String()})
	}
	j.sortProblems()
}

// sortProblems puts the problems of the last file into the order of its lines.
func (j *joiner) sortProblems() {
	slices.SortStableFunc(j.problems.Problems[j.sorted:], func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	j.sorted = len(j.problems.Problems)
}

// name reports a name that is taken. That one is missing is told elsewhere.
func (j *joiner) name(kind, name string, at Position) {
	if name == "" {
		return
	}
	key := fmt.Sprintf("%s %.100q", kind, name)
	if first, taken := j.names[key]; taken {
		j.problems.add(Problem{At: at, In: key, Text: "the name is taken, at " + first.String()})
		return
	}
	j.names[key] = at
}
