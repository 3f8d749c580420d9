package rules

import (
	"reflect"

	"gopkg.in/yaml.v3"
)

// List is one or several: a scalar or a list of them.
type List[T any] []T

func (l *List[T]) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		if len(n.Content) == 0 {
			d.problem(n, "an empty list is never met")
		}
		d.sequence(n, reflect.ValueOf(l).Elem())
		return
	}
	*l = make(List[T], 1)
	d.value(n, reflect.ValueOf(&(*l)[0]).Elem())
}

// MarshalYAML returns a single value as a scalar.
func (l List[T]) MarshalYAML() (any, error) {
	if len(l) == 1 {
		return l[0], nil
	}
	return []T(l), nil
}

// Pair is a name and what belongs to it.
type Pair[T any] struct {
	Name  string
	Value T
}

// Map is a mapping whose order counts.
type Map[T any] []Pair[T]

func (m *Map[T]) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "want a mapping, got %s", describe(n))
		return
	}
	for key, value := range d.pairs(n) {
		*m = append(*m, Pair[T]{Name: key.Value})
		d.value(value, reflect.ValueOf(&(*m)[len(*m)-1].Value).Elem())
	}
}

// MarshalYAML returns a mapping in the same order.
func (m Map[T]) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, p := range m {
		var key, value yaml.Node
		key.SetString(p.Name)
		if err := value.Encode(p.Value); err != nil {
			return nil, err
		}
		n.Content = append(n.Content, &key, &value)
	}
	return n, nil
}
