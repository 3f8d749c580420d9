package rules

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told returns changes as words.
func told(changes []Change) (words []string) {
	for _, c := range changes {
		word := string(c.Kind)
		if c.Name != "" {
			word += " " + c.Name
		}
		if c.Kind == Toggled {
			word += map[bool]string{true: " on", false: " off"}[c.On]
		}
		words = append(words, word)
	}
	return words
}

// inForce returns the names of the rules of the View, in order.
func inForce(s *Store) (names []string) {
	for _, a := range s.View().rules {
		names = append(names, a.item.Name)
	}
	return names
}

func set(t *testing.T, rules string) *Set {
	t.Helper()
	return mustParse(t, "version: 1\nrules: ["+rules+"]\n")
}

func TestReplaceTellsWhatHasChanged(t *testing.T) {
	const abc = "{name: a, tag: x}, {name: b, tag: x}, {name: c, tag: x}"
	tests := map[string]struct {
		before, after string
		want          []string
	}{
		"nothing":              {abc, abc, nil},
		"from nothing":         {"", "{name: a, tag: x}", []string{"created a"}},
		"created and deleted":  {abc, "{name: a, tag: x}, {name: d, tag: x}", []string{"deleted b", "deleted c", "created d"}},
		"updated":              {abc, "{name: a, tag: x}, {name: b, tag: y}, {name: c, tag: x}", []string{"updated b"}},
		"turned off":           {abc, "{name: a, tag: x}, {name: b, tag: x, enabled: false}, {name: c, tag: x}", []string{"toggled b off"}},
		"reordered":            {abc, "{name: b, tag: x}, {name: a, tag: x}, {name: c, tag: x}", []string{"reordered"}},
		"one more in between":  {"{name: a, tag: x}, {name: c, tag: x}", abc, []string{"created b"}},
		"spelled another way":  {"{name: a, match: {method: GET}, tag: [x]}", "{name: a, tag: x, match: {method: [GET]}}", nil},
		"a body of other text": {"{name: a, mock: {json: {a: 1, b: 2}}}", "{name: a, mock: {json: {b: 2, a: 1}}}", []string{"updated a"}},
	}
	for name, test := range tests {
		s := NewStore(set(t, test.before))
		if diff := cmp.Diff(test.want, told(s.Replace(set(t, test.after)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRulesAreSwitchedAtRunTime(t *testing.T) {
	const both = "{name: a, tag: x}, {name: b, tag: x, enabled: false}"
	s := NewStore(set(t, both))
	change := func(name string, on bool) []string {
		t.Helper()
		changes, err := s.SetEnabled(name, on)
		if err != nil {
			t.Fatal(err)
		}
		return told(changes)
	}
	if got := change("a", true); got != nil {
		t.Errorf("a was on: %q", got)
	}
	if got := append(change("a", false), change("b", true)...); !cmp.Equal(got, []string{"toggled a off", "toggled b on"}) {
		t.Errorf("got %q", got)
	}
	if got := s.Replace(set(t, both+", {name: c, tag: x}")); !cmp.Equal(told(got), []string{"created c"}) || !cmp.Equal(inForce(s), []string{"b", "c"}) {
		t.Errorf("after a reload: told %q, in force %q", told(got), inForce(s))
	}
	// The file says something else than before: it wins.
	if got := s.Replace(set(t, "{name: a, tag: x, enabled: false}, {name: b, tag: x}")); !cmp.Equal(told(got), []string{"deleted c"}) {
		t.Errorf("the file switched them too: told %q", told(got))
	}
	if got := s.Replace(set(t, both)); !cmp.Equal(told(got), []string{"toggled a on", "toggled b off"}) {
		t.Errorf("the file switched them back: told %q", told(got))
	}
	if _, err := s.SetEnabled("z", true); !errors.Is(err, ErrUnknownRule) {
		t.Errorf("error %v", err)
	}
}

func TestRulesAreReorderedAtRunTime(t *testing.T) {
	const abc = "{name: a, tag: x}, {name: b, tag: x}, {name: c, tag: x}"
	s := NewStore(set(t, abc))
	changes, err := s.Reorder([]string{"c", "a"})
	if err != nil || !cmp.Equal(told(changes), []string{"reordered"}) || !cmp.Equal(inForce(s), []string{"c", "a", "b"}) {
		t.Errorf("told %q, in force %q, error %v", told(changes), inForce(s), err)
	}
	if changes, err := s.Reorder([]string{"c"}); changes != nil || err != nil {
		t.Errorf("the same order: told %q, error %v", told(changes), err)
	}
	for _, names := range [][]string{{"z"}, {"a", "a"}} {
		if _, err := s.Reorder(names); !errors.Is(err, ErrUnknownRule) {
			t.Errorf("%q: error %v", names, err)
		}
	}
	if s.Replace(set(t, "{name: a, tag: y}, {name: b, tag: x}, {name: c, tag: x}")); !cmp.Equal(inForce(s), []string{"c", "a", "b"}) {
		t.Errorf("an edit changed the order to %q", inForce(s))
	}
	if s.Replace(set(t, "{name: b, tag: x}, {name: a, tag: y}, {name: c, tag: x}")); !cmp.Equal(inForce(s), []string{"b", "a", "c"}) {
		t.Errorf("the order of the file came to nothing: %q", inForce(s))
	}
}

func TestCountsOutliveReloads(t *testing.T) {
	const rules = "{name: a, match: {times: 2}, tag: x}"
	s := NewStore(set(t, rules))
	subject := &Subject{Request: request(t, "GET", "http://a.test/")}
	for i, want := range []bool{true, true, false} {
		if got := applies(s.View(), subject); got != want {
			t.Errorf("match %d: %v", i, got)
		}
		s.Replace(set(t, rules))
	}
	if states := s.Rules(); len(states) != 1 || states[0].Applied != 2 || !states[0].On {
		t.Errorf("states %+v", states)
	}
}

func TestAnEmptyStore(t *testing.T) {
	s := NewStore(nil)
	if _, ok := s.View().Next(0, &Subject{}); ok || !s.View().Empty() || s.Set() == nil {
		t.Error("an empty store has rules")
	}
}
