package diff

import (
	"regexp"
	"strings"
	"sync"
)

// shapes are what values look like that are made anew in each run. The first that
// matches wins.
var shapes = [...]struct{ name, expr string }{
	{"secret", `\{\{redacted:[^{}]*\}\}`}, // as package record spells it
	{"jwt", `\beyJ[\w-]+\.[\w-]+\.[\w-]*`},
	{"uuid", `\b[[:xdigit:]]{8}-(?:[[:xdigit:]]{4}-){3}[[:xdigit:]]{12}\b`},
	{"time", `\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?\b` +
		`|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT\b`},
	{"date", `\b\d{4}-\d\d-\d\d\b`},
	{"timestamp", `\b1\d{9}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?\b`}, // from 2001 to 2033, seconds to nanoseconds
	{"ulid", `\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b`},
	{"hex", `\b[0-9a-f]{16,}\b|\b[0-9A-F]{16,}\b`},
	{"duration", `\b\d+(?:\.\d+)?(?:ns|µs|us|ms|s)\b`},
	{"port", `(?:127\.0\.0\.1|localhost|\[::1\]):\d{1,5}\b`},
}

// anyShape matches each of them. It is made when it is first asked for, because most
// runs of the program compare nothing.
var anyShape = sync.OnceValue(func() *regexp.Regexp {
	var b strings.Builder
	for i, s := range shapes {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString("(" + s.expr + ")")
	}
	return regexp.MustCompile(b.String())
})

// normalized is a text with the names of shapes in the place of volatile parts.
type normalized struct {
	text  string
	parts []part
}

// part is a volatile part of a text.
type part struct{ shape, text string }

func normalize(s string) normalized {
	matches := anyShape().FindAllStringSubmatchIndex(s, -1)
	if matches == nil {
		return normalized{text: s}
	}
	var n normalized
	var b strings.Builder
	done := 0
	for _, m := range matches {
		text, shape := s[m[0]:m[1]], shapeOf(m)
		if shape == "hex" && !mixed(text) {
			continue
		}
		b.WriteString(s[done:m[0]] + "{" + shape + "}")
		n.parts = append(n.parts, part{shape, text})
		done = m[1]
	}
	n.text = b.String() + s[done:]
	return n
}

// shapeOf returns the name of the shape that a match of anyShape is of.
func shapeOf(match []int) string {
	for i, s := range shapes {
		if match[2*(i+1)] >= 0 {
			return s.name
		}
	}
	return ""
}

// mixed reports whether s has digits and letters: a long number is no id, and what
// is all letters is a word.
func mixed(s string) bool {
	return strings.ContainsAny(s, "0123456789") && strings.ContainsAny(s, "abcdefABCDEF")
}

// shapeOfPair returns the shape of the first volatile part in which a and b differ,
// "" if they differ in anything else.
func shapeOfPair(a, b string) string {
	na, nb := normalize(a), normalize(b)
	if na.text != nb.text || len(na.parts) != len(nb.parts) {
		return ""
	}
	for i := range na.parts {
		if na.parts[i] != nb.parts[i] {
			return na.parts[i].shape
		}
	}
	return ""
}
