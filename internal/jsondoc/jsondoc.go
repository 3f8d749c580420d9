// Package jsondoc checks JSON that comes from strangers: bodies, messages and lines
// of recordings that others have written. Package gjson, which reads it, takes what
// it is given, and checks by recursion: ten million brackets would be the end of the
// process.
//
//	if jsondoc.Valid(text) {
//		name := gjson.GetBytes(text, "user.name")
//	}
package jsondoc

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// MaxDepth is how many objects and arrays may be open at once, as in encoding/json.
const MaxDepth = 10_000

// Valid reports whether text is JSON (RFC 8259) that is nested no deeper than
// MaxDepth.
func Valid(text []byte) bool { return !isTooDeep(text) && gjson.ValidBytes(text) }

// isTooDeep reports whether text is nested deeper than MaxDepth. Of what is not JSON
// it looks at the part up to there at least.
func isTooDeep(text []byte) bool {
	if len(text) <= MaxDepth || bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) <= MaxDepth {
		return false
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:])
		case '[', '{':
			if depth++; depth > MaxDepth {
				return true
			}
		case ']', '}':
			depth--
		}
	}
	return false
}

// stringEnd returns where the string ends that text begins with: the place of its
// quote, or the length of text without one.
func stringEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}
