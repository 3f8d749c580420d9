package ports

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/internal/yamldoc"
)

// maxFile is how long a ports file may be, in bytes.
const maxFile = 1 << 20

// maxProblems is how many problems are told of one file. Further ones are mostly
// echoes.
const maxProblems = 20

// ConfigError is everything that is wrong with a ports file, or with a binding that
// somebody has sent.
type ConfigError struct {
	// Problems are a line each, which begins with file:line:column; at least one and
	// at most 20.
	Problems []string
}

// Error returns the problems, a line each.
func (e *ConfigError) Error() string { return strings.Join(e.Problems, "\n") }

// decoder takes values out of YAML nodes and notes what is wrong with them.
type decoder struct {
	file     string
	problems []string
}

// setter takes the value of a key.
type setter func(*yaml.Node)

// decodeText gives the top of the only document in text to set.
func decodeText(file string, text []byte, set func(*decoder, *yaml.Node)) error {
	d := &decoder{file: file}
	top := &yaml.Node{Line: 1, Column: 1}
	if len(text) > maxFile {
		d.problem(top, "there are more than %d bytes", maxFile)
		return d.err()
	}
	content, err := yamldoc.Parse(text)
	switch {
	case content != nil:
		set(d, content)
	case err == nil:
		d.problem(top, "there is nothing in it")
	}
	if err != nil {
		d.problem(&yaml.Node{Line: err.Line, Column: err.Column}, "%s", err.Text)
	}
	return d.err()
}

// err returns what is wrong, nil for nothing.
func (d *decoder) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	return &ConfigError{Problems: d.problems[:min(len(d.problems), maxProblems)]}
}

// problem notes what is wrong with n.
func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	at := fmt.Sprintf("%s:%d:%d: ", d.file, n.Line, n.Column)
	d.problems = append(d.problems, at+fmt.Sprintf(format, args...))
}

// mapping gives the values of a mapping to the setters of their keys.
func (d *decoder) mapping(n *yaml.Node, keys map[string]setter) {
	d.pairs(n, func(key, value *yaml.Node) {
		set, known := keys[key.Value]
		if !known {
			d.problem(key, "unknown key %q; there are %s", key.Value, strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
			return
		}
		set(value)
	})
}

// pairs calls fn for each key of a mapping and its value.
func (d *decoder) pairs(n *yaml.Node, fn func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "keys with values are needed here")
		return
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.problem(key, "a key is one word")
		case seen[key.Value]:
			d.problem(key, "%q is there twice", key.Value)
		default:
			seen[key.Value] = true
			fn(key, value)
		}
	}
}

// list calls fn for each element of a list.
func (d *decoder) list(n *yaml.Node, fn func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.problem(n, "a list is needed here")
		return
	}
	for _, element := range n.Content {
		fn(element)
	}
}

// scalar returns the text of a scalar. It is false, and noted, for anything else,
// aliases included.
func (d *decoder) scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.problem(n, "a value is needed here")
		return "", false
	}
	return n.Value, true
}

// text returns a setter of *to.
func (d *decoder) text(to *string) setter {
	return func(n *yaml.Node) {
		switch s, ok := d.scalar(n); {
		case ok && s == "":
			d.problem(n, "it is empty")
		case ok:
			*to = s
		}
	}
}

// number returns a setter of *to, from 1.
func (d *decoder) number(to *int) setter {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		i, err := strconv.Atoi(s)
		if err != nil || i < 1 {
			d.problem(n, "%q is no number from 1", s)
			return
		}
		*to = i
	}
}

// flag returns a setter of *to.
func (d *decoder) flag(to *bool) setter {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		if n.Tag != "!!bool" {
			d.problem(n, "%q is neither true nor false", s)
			return
		}
		*to = s[0] == 't' || s[0] == 'T'
	}
}

// leastDuration is what durations are at least, so that nothing is done all the
// time.
const leastDuration = 10 * time.Millisecond

// duration returns a setter of *to.
func (d *decoder) duration(to *time.Duration) setter {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		v, err := time.ParseDuration(s)
		if err != nil || v < leastDuration {
			d.problem(n, "%q is no time of at least %v, such as 30s", s, leastDuration)
			return
		}
		*to = v
	}
}

// texts returns a setter of *to, from a list or from a single value.
func (d *decoder) texts(to *[]string) setter {
	return func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}}
		}
		d.list(n, func(element *yaml.Node) {
			var s string
			if d.text(&s)(element); s != "" {
				*to = append(*to, s)
			}
		})
	}
}
