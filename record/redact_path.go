package record

import (
	"bytes"
	"strconv"

	"github.com/tidwall/gjson"
)

// maxPathDepth is how deep in JSON paths are looked for.
const maxPathDepth = 64

// pathScanner replaces the values at the JSON paths of patterns. It is given
// content in pieces of any size, and takes text with JSON in it as jsonGrammar
// does.
type pathScanner struct {
	redactor *redactor
	stack    []container
	deeper   int // containers open beyond maxPathDepth
	quoted   bool
	escaped  bool
	key      []byte // the string that is being read in an object, before its colon
	value    []byte // the value that is being replaced
	// state says what is being replaced: nothing, a string, a number or word, or
	// a container.
	state replacing
	depth int // containers open inside that
}

// container is an object or an array that is open.
type container struct {
	array bool
	index int
	key   string
	// named says that the key of the next value was read.
	named bool
}

type replacing uint8

const (
	replacingNothing replacing = iota
	replacingString
	replacingWord
	replacingContainer
)

// scan is as scanner.scan; it never leaves anything.
func (p *pathScanner) scan(dst, src []byte, final bool) ([]byte, int) {
	for _, c := range src {
		if p.state != replacingNothing {
			var more bool
			if dst, more = p.replace(dst, c); more {
				continue
			}
		}
		dst = p.walk(dst, c)
	}
	if final && p.state != replacingNothing {
		dst = p.finish(dst)
	}
	return dst, len(src)
}

// replace takes a byte of the value that is being replaced, and reports whether it
// was one.
func (p *pathScanner) replace(dst []byte, c byte) ([]byte, bool) {
	if p.state == replacingWord && (c == ',' || c == ']' || c == '}' || isSpace(c)) {
		return p.finish(dst), false
	}
	if len(p.value) < maxHashed {
		p.value = append(p.value, c)
	}
	ended := false
	switch {
	case p.quoted:
		ended = p.inString(c) && p.state == replacingString
	case c == '"':
		p.quoted = true
	case c == '{' || c == '[':
		p.depth++
	case c == '}' || c == ']':
		p.depth--
		ended = p.depth == 0
	}
	if ended {
		return p.finish(dst), true
	}
	return dst, true
}

// inString takes a byte of a string and reports whether it ended it.
func (p *pathScanner) inString(c byte) bool {
	switch {
	case p.escaped:
		p.escaped = false
	case c == '\\':
		p.escaped = true
	case c == '"':
		p.quoted = false
		return true
	}
	return false
}

// finish appends the mark of the value.
func (p *pathScanner) finish(dst []byte) []byte {
	secret := p.value
	if p.state == replacingString {
		secret = []byte(gjson.ParseBytes(p.value).Str)
	}
	p.state, p.depth, p.quoted, p.escaped = replacingNothing, 0, false, false
	name := "json"
	if n := len(p.stack); n > 0 && p.stack[n-1].key != "" {
		name = p.stack[n-1].key
	}
	dst = append(dst, '"')
	dst = p.redactor.appendMark(dst, []byte(name), secret)
	return append(dst, '"')
}

// walk takes a byte outside of what is replaced.
func (p *pathScanner) walk(dst []byte, c byte) []byte {
	switch {
	case p.quoted:
		if ended := p.inString(c); !ended && len(p.key) < maxKey {
			p.key = append(p.key, c)
		}
	case len(p.stack) == 0 && c != '{' && c != '[', isSpace(c):
	case c == ',':
		p.next()
	case c == ':':
		p.named()
	case c == '}' || c == ']':
		p.close()
	case p.valueBegins() && p.matches():
		return p.begin(dst, c)
	case c == '{' || c == '[':
		p.open(c == '[')
	case c == '"':
		p.quoted, p.key = true, p.key[:0]
	}
	return append(dst, c)
}

func (p *pathScanner) top() *container {
	if len(p.stack) == 0 || p.deeper > 0 {
		return nil
	}
	return &p.stack[len(p.stack)-1]
}

func (p *pathScanner) next() {
	if top := p.top(); top != nil {
		top.index++
		top.named = false
	}
}

// named notes the key that was read.
func (p *pathScanner) named() {
	if top := p.top(); top != nil && !top.array {
		top.key, top.named = string(p.key), true
	}
}

func (p *pathScanner) open(array bool) {
	if len(p.stack) == maxPathDepth {
		p.deeper++
		return
	}
	p.stack = append(p.stack, container{array: array})
}

func (p *pathScanner) close() {
	if p.deeper > 0 {
		p.deeper--
	} else if len(p.stack) > 0 {
		p.stack = p.stack[:len(p.stack)-1]
	}
}

// valueBegins reports whether what comes is a value, in contrast to a key.
func (p *pathScanner) valueBegins() bool {
	top := p.top()
	return top != nil && (top.array || top.named)
}

// begin begins to replace a value.
func (p *pathScanner) begin(dst []byte, c byte) []byte {
	p.value = append(p.value[:0], c)
	switch c {
	case '"':
		p.state, p.quoted = replacingString, true
	case '{', '[':
		p.state, p.depth = replacingContainer, 1
	default:
		p.state = replacingWord
	}
	return dst
}

// matches reports whether a value here is one of the paths.
func (p *pathScanner) matches() bool {
	for _, path := range p.redactor.patterns.json {
		if len(path) == len(p.stack) && p.at(path) {
			return true
		}
	}
	return false
}

func (p *pathScanner) at(path []string) bool {
	for i, want := range path {
		if want == "#" || want == "*" {
			continue
		}
		have := p.stack[i].key
		if p.stack[i].array {
			have = strconv.Itoa(p.stack[i].index)
		}
		if have != want {
			return false
		}
	}
	return true
}

// withoutPaths returns text with the values at the paths replaced.
func (r *redactor) withoutPaths(text []byte) []byte {
	if len(r.patterns.json) == 0 || !bytes.ContainsAny(text, "{[") {
		return text
	}
	p := pathScanner{redactor: r}
	clean, _ := p.scan(nil, text, true)
	return clean
}
