package rules

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Bounds of what a file may make the decoder do. A file has at most 1 MiB, but
// aliases can expand to much more.
const (
	maxFileSize = 1 << 20
	maxDepth    = 100
	maxNodes    = 1 << 20
	maxText     = 4 << 20 // bytes in all scalars together, some of which are looked at twice
)

// nodeDecoder is a type with a form in YAML of its own.
type nodeDecoder interface {
	decodeNode(d *decoder, n *yaml.Node)
}

// textDecoder is a type written as a scalar.
type textDecoder interface {
	parse(text string) error
}

// worded is a string type that has certain values only.
type worded interface {
	words() []string
}

// checker is a type that can be wrong as a whole. It is asked once decoded.
type checker interface {
	check(c *check)
}

// decoder fills in the types of a File from YAML nodes. In place of yaml.v3's own
// it finds all problems, each with its column, and the word that was meant.
type decoder struct {
	file     string
	root     *os.Root // of the folder of the file, nil if there is none
	problems *LoadError
	in       string // see Problem.In
	depth    int
	nodes    int
	bytes    int  // of text
	stopped  bool // a bound was passed; nothing more is looked at
}

// check is what a checker reports to: the decoder and where its value was.
type check struct {
	d *decoder
	n *yaml.Node
}

// problem reports what is wrong with the value of key, or with the whole if
// there is no such key.
func (c *check) problem(key, format string, args ...any) {
	at := c.n
	for i := 0; i+1 < len(c.n.Content); i += 2 {
		if c.n.Content[i].Value == key {
			at = c.n.Content[i+1]
		}
	}
	c.d.problem(at, format, args...)
}

// has reports whether the mapping has a key.
func (c *check) has(key string) bool {
	for i := 0; i+1 < len(c.n.Content); i += 2 {
		if c.n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// misspelt reports whether the mapping has a key that v, a pointer to a struct, has
// not, which was told: it may have been meant for one that is missing.
func (c *check) misspelt(v any) bool {
	known := fieldsOf(reflect.TypeOf(v).Elem())
	for i := 0; i+1 < len(c.n.Content); i += 2 {
		if _, is := known[c.n.Content[i].Value]; !is && c.n.Content[i].Tag != "!!merge" {
			return true
		}
	}
	return false
}

func (d *decoder) position(n *yaml.Node) Position {
	return Position{File: d.file, Line: n.Line, Column: n.Column}
}

func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	d.problems.add(Problem{At: d.position(n), In: d.in, Text: fmt.Sprintf(format, args...)})
}

// enter follows aliases and counts; it returns nil where a bound is passed.
func (d *decoder) enter(n *yaml.Node) *yaml.Node {
	if d.stopped {
		return nil
	}
	target := n
	if n.Kind == yaml.AliasNode {
		target = n.Alias
	}
	d.nodes++
	d.bytes += len(target.Value)
	switch {
	case d.nodes > maxNodes || d.bytes > maxText:
		d.problem(n, "aliases expand to too much")
	case d.depth > maxDepth:
		d.problem(n, "nested too deep")
	default:
		return target
	}
	d.stopped = true
	return nil
}

// value fills in v, which is settable, from n.
func (d *decoder) value(n *yaml.Node, v reflect.Value) {
	d.depth++
	defer func() { d.depth-- }()
	if n = d.enter(n); n == nil {
		return
	}
	switch t := v.Addr().Interface().(type) {
	case nodeDecoder:
		t.decodeNode(d, n)
		return
	case textDecoder:
		if text, ok := d.scalar(n); ok {
			if err := t.parse(text); err != nil {
				d.problem(n, "%v", err)
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		v.Set(target)
		d.value(n, target.Elem())
	case reflect.Struct:
		d.mapping(n, v)
	case reflect.Slice:
		d.sequence(n, v)
	case reflect.Bool:
		d.boolean(n, v)
	case reflect.Int:
		d.integer(n, v)
	case reflect.Float64:
		d.float(n, v)
	case reflect.String:
		d.text(n, v)
	default:
		panic("rules: no YAML form for " + v.Type().String())
	}
}

// scalar returns the text of a scalar that is not null.
func (d *decoder) scalar(n *yaml.Node) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.problem(n, "got a %s where a single value belongs", kindName(n))
	case n.Tag == "!!null":
		d.problem(n, "no value")
	default:
		return n.Value, true
	}
	return "", false
}

func (d *decoder) text(n *yaml.Node, v reflect.Value) {
	text, ok := d.scalar(n)
	if !ok {
		return
	}
	if w, limited := reflect.TypeAssert[worded](v); limited {
		words := w.words()
		if !contains(words, text) {
			d.problem(n, "%q is none of %s%s", text, strings.Join(words, ", "), didYouMean(text, words))
			return
		}
	}
	v.SetString(text)
}

func (d *decoder) boolean(n *yaml.Node, v reflect.Value) {
	var b bool
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&b) != nil {
		d.problem(n, "want true or false, got %s", describe(n))
		return
	}
	v.SetBool(b)
}

func (d *decoder) integer(n *yaml.Node, v reflect.Value) {
	i, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		d.problem(n, "want a whole number, got %s", describe(n))
		return
	}
	v.SetInt(int64(i))
}

func (d *decoder) float(n *yaml.Node, v reflect.Value) {
	f, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || f != f {
		d.problem(n, "want a number, got %s", describe(n))
		return
	}
	v.SetFloat(f)
}

// sequence fills in a slice. No value is an empty one, as where all entries of
// rules are commented out.
func (d *decoder) sequence(n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.problem(n, "want a list, got %s", describe(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	v.Set(list)
	for i, item := range n.Content {
		d.value(item, list.Index(i))
	}
}

// mapping fills in a struct.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "want a mapping with %s, got %s", strings.Join(keysOf(v.Type()), ", "), describe(n))
		return
	}
	defer func(in string) { d.in = in }(d.in)
	d.begin(n, v)
	for key, value := range d.pairs(n) {
		index, known := fieldsOf(v.Type())[key.Value]
		if !known {
			d.problem(key, "unknown key %q%s", key.Value, suggestKey(key.Value, keysOf(v.Type())))
			continue
		}
		d.value(value, v.Field(index))
	}
	if c, ok := reflect.TypeAssert[checker](v.Addr()); ok && !d.stopped {
		c.check(&check{d: d, n: n})
	}
}

// begin notes where a struct is, and whose problems those inside it are.
func (d *decoder) begin(n *yaml.Node, v reflect.Value) {
	if at := v.FieldByName("At"); at.IsValid() {
		at.Set(reflect.ValueOf(d.position(n)))
	}
	kind := ""
	switch v.Interface().(type) {
	case Rule:
		kind = "rule"
	case Breakpoint:
		kind = "breakpoint"
	default:
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			d.in = fmt.Sprintf("%s %.100q", kind, n.Content[i+1].Value)
		}
	}
}
