package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/necto-dev/necto/internal/diff"
	"github.com/necto-dev/necto/traffic"
)

// volatileField is a part of requests that was different, as an ignore: entry names
// it.
type volatileField struct {
	kind, name string // "query", "ts"
	// request is the first it was seen in, from and to its values there.
	request, from, to string
	shape             string // what they look like, "" for nothing known
	times             int
}

// volatileFields are those found so far, each once.
type volatileFields struct {
	fields []*volatileField
	// unexplained are requests that differ in something else.
	unexplained []string
	// alone are requests that only one of the recordings has; their queries may be
	// why.
	alone map[diff.Kind][]*diff.Exchange
}

// add looks at an exchange.
func (v *volatileFields) add(x *diff.Exchange) {
	if x.Kind == diff.Added || x.Kind == diff.Removed {
		if v.alone == nil {
			v.alone = make(map[diff.Kind][]*diff.Exchange)
		}
		v.alone[x.Kind] = append(v.alone[x.Kind], x)
		return
	}
	for i := range x.Changes {
		c := &x.Changes[i]
		path, ok := strings.CutPrefix(c.Path, "/request/")
		if !ok {
			continue
		}
		part, rest, _ := strings.Cut(path, "/")
		v.change(x.Method+" "+x.URL, part, rest, c)
	}
}

// change looks at one difference in a part of a request; path is inside it.
func (v *volatileFields) change(request, part, path string, c *diff.Change) {
	from, isText := c.From.(string)
	to, both := c.To.(string)
	switch {
	case c.Kind != diff.Changed:
		v.leave(request)
	case part == "url" && isText && both:
		v.url(request, from, to, c.Shape)
	case part == "headers":
		// What is made for each message, and what follows from the content, replay
		// does not compare; nor what is redacted.
		if c.Shape != "field" && c.Shape != "length" && c.Shape != "boundary" && c.Shape != "secret" {
			v.note("header", unescapePointer(path), request, c.From, c.To, c.Shape)
		}
	case part != "body" || c.Shape == "secret":
	case isText && both && strings.Contains(from, "=") && strings.Contains(to, "=") && !strings.Contains(path, "/"):
		v.form(request, from, to, c.Shape)
	case path != "" && !isLine(path, isText):
		v.note("json", gjsonPath(path), request, c.From, c.To, c.Shape)
	default:
		v.leave(request)
	}
}

// isLine reports whether a path in content is likely the number of a line of text,
// and not a member of JSON.
func isLine(path string, isText bool) bool {
	return isText && strings.Trim(path, "0123456789") == ""
}

// leave notes a request that differs in what has no name.
func (v *volatileFields) leave(request string) {
	if !slices.Contains(v.unexplained, request) {
		v.unexplained = append(v.unexplained, request)
	}
}

// note notes a field.
func (v *volatileFields) note(kind, name, request string, from, to any, shape string) {
	for _, f := range v.fields {
		if f.kind == kind && f.name == name {
			f.times++
			return
		}
	}
	v.fields = append(v.fields, &volatileField{
		kind: kind, name: name, request: request, from: shortJSON(from), to: shortJSON(to), shape: shape, times: 1,
	})
}

// url compares the queries of two URLs whose paths are the same but for volatile
// parts, which no entry can name.
func (v *volatileFields) url(request, from, to, shape string) {
	a, errA := traffic.ParseURL(from)
	b, errB := traffic.ParseURL(to)
	if errA != nil || errB != nil || a.Path() != b.Path() {
		v.leave(request)
		return
	}
	qa, _ := a.Query()
	qb, _ := b.Query()
	v.pairs("query", request, qa, qb, shape)
}

// form compares two urlencoded forms.
func (v *volatileFields) form(request, from, to, shape string) {
	v.pairs("form", request, from, to, shape)
}

func (v *volatileFields) pairs(kind, request, from, to, shape string) {
	a, b := parsePairs(from), parsePairs(to)
	for _, name := range a.names {
		va, vb := a.values[name], b.values[name]
		if va != vb {
			v.note(kind, name, request, va, vb, shape)
		}
	}
	for _, name := range b.names {
		if _, both := a.values[name]; !both {
			v.note(kind, name, request, "", b.values[name], shape)
		}
	}
}

// namedValues are the values of a query or form, in the order of their names.
type namedValues struct {
	names  []string
	values map[string]string
}

func parsePairs(text string) namedValues {
	found := namedValues{values: make(map[string]string)}
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if name == "" {
			continue
		}
		if _, again := found.values[name]; !again {
			found.names = append(found.names, name)
		}
		found.values[name] += value
	}
	return found
}

// pairUp compares the queries of requests that only one of the recordings has:
// those to the same path, in their order.
func (v *volatileFields) pairUp() {
	left := v.alone[diff.Added]
	for _, x := range v.alone[diff.Removed] {
		for i, y := range left {
			if y != nil && x.Method == y.Method && withoutQuery(x.URL) == withoutQuery(y.URL) && x.URL != y.URL {
				left[i] = nil
				v.url(x.Method+" "+x.URL, x.URL, y.URL, "")
				break
			}
		}
	}
}

func withoutQuery(u string) string {
	path, _, _ := strings.Cut(u, "?")
	return path
}

// unescapePointer undoes what JSON pointers do to names (RFC 6901 section 4).
func unescapePointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
}

// gjsonPath returns the gjson path to a place in JSON. What is volatile in one
// element of an array is so in all.
func gjsonPath(pointer string) string {
	parts := strings.Split(pointer, "/")
	for i, p := range parts {
		p = unescapePointer(p)
		if p != "" && strings.Trim(p, "0123456789") == "" {
			parts[i] = "#"
			continue
		}
		var b strings.Builder
		for _, r := range p {
			if strings.ContainsRune(`.*?|#@!{}[]()=<>%\~"`, r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		parts[i] = b.String()
	}
	return strings.Join(parts, ".")
}

// maxShown is how much of a value is in a comment, in bytes.
const maxShown = 40

// shortJSON returns a value for a comment.
func shortJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	s := string(text)
	if len(s) > maxShown {
		s = trimPartRunes(s[:maxShown]) + "..."
	}
	return oneLine(s)
}
