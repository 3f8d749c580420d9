package rules

import (
	"bytes"
	"slices"

	"gopkg.in/yaml.v3"
)

// ChangeKind says what has changed about a rule.
type ChangeKind string

// The kinds of change.
const (
	Created   ChangeKind = "created"
	Updated   ChangeKind = "updated"
	Toggled   ChangeKind = "toggled"
	Deleted   ChangeKind = "deleted"
	Reordered ChangeKind = "reordered" // of all rules
)

// Change is one change to the rules in force.
type Change struct {
	Kind ChangeKind
	// Name is the rule's, "" for Reordered.
	Name string
	// Rule is as it is now, or for Deleted as it was; nil for Reordered.
	Rule *Rule
	// On reports whether the rule is turned on now.
	On bool
}

// compare returns what has changed: deleted rules first, then the others in their
// new order, then whether those that were there before have another order.
func compare(before, after []*Rule, wasOn, isOn func(*Rule) bool) []Change {
	was, is := byName(before), byName(after)
	var changes []Change
	for _, r := range before {
		if is[r.Name] == nil {
			changes = append(changes, Change{Kind: Deleted, Name: r.Name, Rule: r})
		}
	}
	for _, r := range after {
		c := Change{Name: r.Name, Rule: r, On: isOn(r)}
		old := was[r.Name]
		switch {
		case old == nil:
			c.Kind = Created
		case !same(old, r):
			c.Kind = Updated
		case wasOn(old) != c.On:
			c.Kind = Toggled
		default:
			continue
		}
		changes = append(changes, c)
	}
	stayed := func(rules []*Rule, there map[string]*Rule) []*Rule {
		return slices.DeleteFunc(slices.Clone(rules), func(r *Rule) bool { return there[r.Name] == nil })
	}
	if !slices.EqualFunc(stayed(before, is), stayed(after, was), sameName) {
		changes = append(changes, Change{Kind: Reordered})
	}
	return changes
}

func byName(rules []*Rule) map[string]*Rule {
	m := make(map[string]*Rule, len(rules))
	for _, r := range rules {
		m[r.Name] = r
	}
	return m
}

// same reports whether two rules say the same, but for whether they are turned on.
func same(a, b *Rule) bool {
	return bytes.Equal(spelling(*a), spelling(*b))
}

func spelling(r Rule) []byte {
	r.Enabled = nil
	text, err := yaml.Marshal(r)
	if err != nil {
		panic(err) // every type has a form
	}
	return text
}
