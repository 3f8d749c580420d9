package main

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// payloadTypes is what payloads.yaml says.
type payloadTypes struct {
	Events     map[string]string
	RuleEvents map[string]string `yaml:"ruleEvents"`
	// Types have a type, or a list of words, by member.
	Types map[string]map[string]any
	// Live are the events, types and members that a recording cannot hold, and
	// Recorded those that only a recording has.
	Live, Recorded []string
}

// payloadChecker holds payloads against their types, and notes which members it
// has seen. Its methods may be called concurrently.
type payloadChecker struct {
	payloadTypes

	mu   sync.Mutex         // guards seen
	seen [2]map[string]bool // live, and of recordings: events, and members as "Type.member"
}

func newPayloadChecker(t *testing.T) *payloadChecker {
	c := &payloadChecker{seen: [2]map[string]bool{{}, {}}}
	readTestdata(t, "payloads.yaml", &c.payloadTypes)
	for name := range c.Types {
		c.takeIn(name)
	}
	return c
}

// takeIn adds to a type the members of the one that it is made from.
func (c *payloadChecker) takeIn(name string) {
	members := c.Types[name]
	from, ok := members["from"].(string)
	if !ok {
		return
	}
	delete(members, "from")
	c.takeIn(from)
	maps.Copy(members, c.Types[from])
}

// check checks the payloads of events.
func (c *payloadChecker) check(t *testing.T, events []mockttpEvent, recorded bool) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	p := payloadCheck{c: c, t: t, seen: c.seen[0]}
	if recorded {
		p.seen = c.seen[1]
	}
	for _, e := range events {
		p.seen[e.name] = true
		p.value(e.name, c.Events[e.name], e.payload)
		if e.name == "rule-event" {
			p.value("eventData", c.RuleEvents[e.payload["eventType"].(string)], e.payload["eventData"])
		}
	}
}

// payloadCheck checks one payload.
type payloadCheck struct {
	c    *payloadChecker
	t    *testing.T
	seen map[string]bool
}

// value checks a value at a path.
func (p *payloadCheck) value(path, typeName string, v any) {
	p.t.Helper()
	if name, word, ok := strings.Cut(typeName, "|"); ok {
		if v != word {
			p.value(path, name, v)
		}
		return
	}
	if members := p.c.Types[typeName]; members != nil {
		object, ok := v.(map[string]any)
		if !ok {
			p.t.Errorf("%s is no %s: %v", path, typeName, v)
		}
		p.object(path, typeName, members, object)
		return
	}
	if !isOfType(typeName, v) {
		p.t.Errorf("%s is no %s: %v", path, typeName, v)
	}
}

func (p *payloadCheck) object(path, typeName string, members map[string]any, object map[string]any) {
	p.t.Helper()
	known := map[string]bool{}
	for name, want := range members {
		name, optional := strings.CutSuffix(name, "?")
		known[name] = true
		v, there := object[name]
		switch want := want.(type) {
		case string:
			if there {
				p.value(path+"."+name, want, v)
			}
		case []any:
			if there && !slices.Contains(want, v) {
				p.t.Errorf("%s.%s is none of %v: %v", path, name, want, v)
			}
		}
		if there {
			p.seen[typeName+"."+name] = true
		} else if !optional {
			p.t.Errorf("%s has no %s", path, name)
		}
	}
	for name := range object {
		if !known[name] {
			p.t.Errorf("%s has %s, which payloads.yaml does not know", path, name)
		}
	}
}

// isOfType checks a value of a type that has no members of its own.
func isOfType(typeName string, v any) bool {
	if element, ok := strings.CutSuffix(typeName, "[]"); ok {
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(v any) bool { return !isOfType(element, v) })
	}
	switch v := v.(type) {
	case string:
		return typeName == "string"
	case float64:
		return typeName == "number"
	case bool:
		return typeName == "boolean"
	case []byte:
		return typeName == "bytes"
	case []any:
		return typeName == "RawHeaders" && !slices.ContainsFunc(v, isNoPair)
	case map[string]any:
		return typeName == "Headers" || typeName == "any"
	}
	return false
}

// isNoPair reports whether v is not a pair of a name and a value.
func isNoPair(v any) bool {
	pair, ok := v.([]any)
	return !ok || len(pair) != 2 || !isOfType("string[]", v)
}

// reportUnseen fails the test for events and members that were never received,
// where payloads.yaml does not say so.
func (c *payloadChecker) reportUnseen(t *testing.T) {
	all := slices.Collect(maps.Keys(c.Events))
	for typeName, members := range c.Types {
		for name := range members {
			all = append(all, typeName+"."+strings.TrimSuffix(name, "?"))
		}
	}
	slices.Sort(all)
	for _, what := range all {
		typeName, _, _ := strings.Cut(what, ".")
		if c.seen[0][what] == slices.Contains(c.Recorded, what) {
			t.Errorf("%s: received live: %v", what, c.seen[0][what])
		}
		if c.seen[1][what] == (slices.Contains(c.Live, what) || slices.Contains(c.Live, typeName)) {
			t.Errorf("%s: received from a recording: %v", what, c.seen[1][what])
		}
	}
}
