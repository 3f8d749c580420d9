package rules

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// pairs ranges over the keys and values of a mapping. Keys that come twice are
// problems. What "<<" merges in comes behind the mapping's own keys, which it does
// not replace.
func (d *decoder) pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		seen := make(map[string]*yaml.Node, len(n.Content)/2)
		var merged []*yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Tag == "!!merge" {
				merged = append(merged, value)
				continue
			}
			if key = d.enter(key); key == nil {
				return
			}
			if key.Kind != yaml.ScalarNode {
				d.problem(key, "a key is a single value, not a %s", kindName(key))
				continue
			}
			if first := seen[key.Value]; first != nil {
				d.problem(key, "%q is here twice, first on line %d", key.Value, first.Line)
				continue
			}
			seen[key.Value] = key
			if !yield(key, value) {
				return
			}
		}
		for _, m := range merged {
			if !d.merge(m, seen, yield) {
				return
			}
		}
	}
}

// merge ranges over what a "<<" brings in: a mapping or a list of them.
func (d *decoder) merge(n *yaml.Node, seen map[string]*yaml.Node, yield func(key, value *yaml.Node) bool) bool {
	d.depth++
	defer func() { d.depth-- }()
	if n = d.enter(n); n == nil {
		return false
	}
	switch n.Kind {
	case yaml.MappingNode:
		for key, value := range d.pairs(n) {
			if seen[key.Value] != nil {
				continue
			}
			seen[key.Value] = key
			if !yield(key, value) {
				return false
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if !d.merge(item, seen, yield) {
				return false
			}
		}
	default:
		d.problem(n, "<< wants a mapping, got %s", describe(n))
	}
	return true
}

// structKeys is what a struct type looks like in YAML.
type structKeys struct {
	names  []string // in the order of the fields
	fields map[string]int
}

var structKeysCache sync.Map // of reflect.Type to structKeys

func keysFor(t reflect.Type) structKeys {
	if k, ok := structKeysCache.Load(t); ok {
		return k.(structKeys)
	}
	k := structKeys{fields: make(map[string]int)}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			k.names = append(k.names, name)
			k.fields[name] = i
		}
	}
	structKeysCache.Store(t, k)
	return k
}

func keysOf(t reflect.Type) []string         { return keysFor(t).names }
func fieldsOf(t reflect.Type) map[string]int { return keysFor(t).fields }

// kindName says what a node is.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	default:
		return "single value"
	}
}

// describe says what a node is, and a scalar's value.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "a " + kindName(n)
	case n.Tag == "!!null":
		return "nothing"
	default:
		return fmt.Sprintf("%.60q", n.Value)
	}
}
