package rules

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
	"gopkg.in/yaml.v3"

	"github.com/necto-dev/necto/traffic"
)

// JSON is a JSON document, written as a YAML value. Mappings keep their order.
type JSON []byte

func (j *JSON) decodeNode(d *decoder, n *yaml.Node) {
	*j = d.appendJSON(nil, n)
}

// MarshalYAML returns the document as a YAML value.
func (j JSON) MarshalYAML() (any, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(j, &n); err != nil { // JSON is YAML
		return nil, err
	}
	blockStyle(&n)
	return n.Content[0], nil
}

// blockStyle undoes the style that JSON is written in.
func blockStyle(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle | yaml.DoubleQuotedStyle
	for _, c := range n.Content {
		blockStyle(c)
	}
}

// appendJSON appends n as JSON, "null" for what has no such form.
func (d *decoder) appendJSON(dst []byte, n *yaml.Node) []byte {
	d.depth++
	defer func() { d.depth-- }()
	if n = d.enter(n); n == nil {
		return append(dst, "null"...)
	}
	switch n.Kind {
	case yaml.MappingNode:
		dst = append(dst, '{')
		first := true
		for key, value := range d.pairs(n) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(appendJSONString(dst, key.Value), ':')
			dst = d.appendJSON(dst, value)
		}
		return append(dst, '}')
	case yaml.SequenceNode:
		dst = append(dst, '[')
		for i, item := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = d.appendJSON(dst, item)
		}
		return append(dst, ']')
	default:
		return d.appendJSONScalar(dst, n)
	}
}

func (d *decoder) appendJSONScalar(dst []byte, n *yaml.Node) []byte {
	switch n.Tag {
	case "!!null":
		return append(dst, "null"...)
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return strconv.AppendBool(dst, b)
		}
	case "!!int", "!!float":
		return d.appendJSONNumber(dst, n)
	}
	return appendJSONString(dst, n.Value)
}

// appendJSONNumber appends a number as it was written where JSON has it so, so
// that no digit is lost.
func (d *decoder) appendJSONNumber(dst []byte, n *yaml.Node) []byte {
	if json.Valid([]byte(n.Value)) {
		return append(dst, n.Value...)
	}
	var v any
	if err := n.Decode(&v); err == nil {
		if text, err := json.Marshal(v); err == nil {
			return append(dst, text...)
		}
	}
	d.problem(n, "JSON has no number %s", n.Value)
	return append(dst, "null"...)
}

func appendJSONString(dst []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string always has a form
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// Headers are header fields in the order written; a name may have a list of
// values.
type Headers traffic.Fields

func (h *Headers) decodeNode(d *decoder, n *yaml.Node) {
	var m Map[List[string]]
	m.decodeNode(d, n)
	for _, p := range m {
		for _, value := range p.Value {
			d.headerField(n, p.Name, value)
			*h = append(*h, traffic.Field{Name: p.Name, Value: value})
		}
	}
}

// MarshalYAML returns the mapping of names to values.
func (h Headers) MarshalYAML() (any, error) {
	var m Map[List[string]]
	for _, f := range h {
		if last := len(m) - 1; last >= 0 && strings.EqualFold(m[last].Name, f.Name) {
			m[last].Value = append(m[last].Value, f.Value)
			continue
		}
		m = append(m, Pair[List[string]]{Name: f.Name, Value: List[string]{f.Value}})
	}
	return m, nil
}

// headerField reports what may not be sent as a header field.
func (d *decoder) headerField(n *yaml.Node, name, value string) {
	if !httpguts.ValidHeaderFieldName(name) {
		d.problem(n, "%.60q cannot be the name of a header field", name)
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		d.problem(n, "header %.60q: a value cannot have line ends or control characters", name)
	}
}

// HeaderChanges are changes to header fields.
type HeaderChanges struct {
	// Set are the fields to be given a value, in the order written; several of
	// a name are several fields.
	Set traffic.Fields
	// Remove names those that are null.
	Remove []string
}

func (h *HeaderChanges) decodeNode(d *decoder, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "want a mapping, got %s", describe(n))
		return
	}
	for key, value := range d.pairs(n) {
		if value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
			d.headerField(key, key.Value, "")
			h.Remove = append(h.Remove, key.Value)
			continue
		}
		var fields Headers
		fields.decodeNode(d, &yaml.Node{
			Kind: yaml.MappingNode, Line: key.Line, Column: key.Column, Content: []*yaml.Node{key, value},
		})
		h.Set = append(h.Set, fields...)
	}
}

// MarshalYAML returns the mapping of names to values and null.
func (h HeaderChanges) MarshalYAML() (any, error) {
	var m Map[any]
	for _, name := range h.Remove {
		m = append(m, Pair[any]{Name: name})
	}
	set, err := Headers(h.Set).MarshalYAML()
	if err != nil {
		return nil, err
	}
	for _, p := range set.(Map[List[string]]) {
		m = append(m, Pair[any]{Name: p.Name, Value: p.Value})
	}
	return m, nil
}

// IsZero reports whether there are no changes.
func (h HeaderChanges) IsZero() bool { return len(h.Set) == 0 && len(h.Remove) == 0 }
