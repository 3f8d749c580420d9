package diff

import (
	"encoding/json"
	"maps"
	"slices"
)

// json compares two values that a json.Decoder with UseNumber made.
func (c *collector) json(path string, a, b any) {
	switch va := a.(type) {
	case map[string]any:
		if vb, ok := b.(map[string]any); ok {
			c.object(path, va, vb)
			return
		}
	case []any:
		if vb, ok := b.([]any); ok {
			c.array(path, va, vb)
			return
		}
	default:
		if sameScalar(a, b) {
			return
		}
	}
	c.add(Change{Path: path, Kind: Changed, From: a, To: b, Shape: shapeOfValues(a, b)})
}

// sameScalar reports whether a is b, of which a is neither object nor array.
func sameScalar(a, b any) bool {
	switch b := b.(type) {
	case map[string]any, []any:
		return false
	case json.Number:
		number, ok := a.(json.Number)
		return ok && sameNumber(number, b)
	default:
		return a == b
	}
}

// sameNumber reports whether two numbers are the same, as 1 and 1.0 are. Integers
// can be longer than a float is exact.
func sameNumber(a, b json.Number) bool {
	_, errA := a.Int64()
	_, errB := b.Int64()
	if a == b || errA == nil && errB == nil {
		return a == b
	}
	fa, errA := a.Float64()
	fb, errB := b.Float64()
	return errA == nil && errB == nil && fa == fb
}

// shapeOfValues is shapeOfPair for strings and numbers.
func shapeOfValues(a, b any) string {
	switch va := a.(type) {
	case string:
		if vb, ok := b.(string); ok {
			return shapeOfPair(va, vb)
		}
	case json.Number:
		if vb, ok := b.(json.Number); ok {
			return shapeOfPair(va.String(), vb.String())
		}
	}
	return ""
}

func (c *collector) object(path string, a, b map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(a)) {
		value, both := b[name]
		if !both {
			c.add(Change{Path: at(path, name), Kind: Removed, From: a[name]})
			continue
		}
		c.json(at(path, name), a[name], value)
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, both := a[name]; !both {
			c.add(Change{Path: at(path, name), Kind: Added, To: b[name]})
		}
	}
}

// array compares elements one by one. Of arrays of different lengths it first
// leaves out what both begin and end with, so that an element put in does not
// change all behind it. What was removed has its index in a, all else that in b.
func (c *collector) array(path string, a, b []any) {
	begin, end := 0, 0
	if len(a) != len(b) {
		shorter := min(len(a), len(b))
		for begin < shorter && alike(a[begin], b[begin]) {
			begin++
		}
		for end < shorter-begin && alike(a[len(a)-1-end], b[len(b)-1-end]) {
			end++
		}
	}
	gap := len(a) - len(b) // how much further back the end of a is
	for i := range b {
		switch {
		case i < begin:
			c.json(atIndex(path, i), a[i], b[i])
		case i >= len(b)-end:
			c.json(atIndex(path, i), a[i+gap], b[i])
		case i < len(a)-end:
			c.json(atIndex(path, i), a[i], b[i])
		default:
			c.add(Change{Path: atIndex(path, i), Kind: Added, To: b[i]})
		}
	}
	for i := max(begin, len(b)-end); i < len(a)-end; i++ {
		c.add(Change{Path: atIndex(path, i), Kind: Removed, From: a[i]})
	}
}

// alike reports whether two values differ in nothing but volatile values.
func alike(a, b any) bool {
	var c collector
	c.json("", a, b)
	return !c.counts
}
