package replay

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/necto-dev/necto/record"
)

// maxDepth is how deep JSON may nest before it is compared as plain bytes.
const maxDepth = 1000

// jsonWalker hashes a JSON text by its structure (RFC 8259) in one pass: the
// members of objects without order, arrays in order, strings unescaped, numbers
// by their decimal value and never as float64.
type jsonWalker struct {
	data    []byte
	pos     int
	depth   int
	tol     *tolerance
	scratch []byte // for what must be rewritten before it is hashed
	mayHide bool
	name    string // of the member that is walked, if mayHide
}

// hashJSON returns the digest of a JSON text, or of several in sequence as
// NDJSON has them. It returns false if it is not valid, or begins with neither
// object nor array: text that only looks like a number is compared as text.
func hashJSON(data []byte, tol *tolerance) (digest, bool) {
	w := jsonWalker{data: data, tol: tol, mayHide: tol.mayHide(data)}
	var all digest
	for count := 0; ; count++ {
		w.space()
		if w.pos == len(data) {
			return all, count > 0
		}
		if c := w.peek(); count == 0 && c != '{' && c != '[' {
			return digest{}, false
		}
		d, ok := w.value(tol.json)
		if !ok {
			return digest{}, false
		}
		if count == 0 {
			all = d
		} else {
			all = all.then(d)
		}
	}
}

// value hashes the value that comes. What ignored leads to is left out.
func (w *jsonWalker) value(ignored paths) (digest, bool) {
	w.space()
	switch c := w.peek(); {
	case c == '{':
		return w.nested(domainObject, ignored)
	case c == '[':
		return w.nested(domainArray, ignored)
	case c == '"':
		s, ok := w.text()
		return hashBytes(domainString, s), ok
	case c == '-' || '0' <= c && c <= '9':
		return w.number()
	case c == 't':
		return w.literal("true")
	case c == 'f':
		return w.literal("false")
	case c == 'n':
		return w.literal("null")
	}
	return digest{}, false
}

// nested hashes the object or array that begins here.
func (w *jsonWalker) nested(domain byte, ignored paths) (digest, bool) {
	end := byte('}')
	if domain == domainArray {
		end = ']'
	}
	w.pos++
	if w.depth++; w.depth > maxDepth {
		return digest{}, false
	}
	var all parts
	w.space()
	for ended := w.take(end); !ended; {
		ok := false
		if domain == domainArray {
			ok = w.element(&all, ignored)
		} else {
			ok = w.member(&all, ignored)
		}
		if !ok {
			return digest{}, false
		}
		w.space()
		ended = w.take(end)
		if !ended && !w.take(',') {
			return digest{}, false
		}
	}
	w.depth--
	if all.count == 0 {
		return digest{}.in(domain), true
	}
	return all.sum.then(digest{lo: all.count}).in(domain), true
}

// parts is what an object or array has.
type parts struct {
	sum   digest
	count uint64
}

// element hashes the value that comes behind those of an array. One that is
// ignored keeps its place.
func (w *jsonWalker) element(all *parts, ignored paths) bool {
	ends := false
	if len(ignored) > 0 {
		ignored, ends = ignored.below(strconv.FormatUint(all.count, 10))
	}
	w.space()
	start := w.pos
	value, ok := w.value(ignored)
	switch {
	case ends:
		value = digest{}
	case ok && w.hidesValue(start):
		value = digest{}.in(domainSecret)
	}
	all.sum, all.count = all.sum.then(value), all.count+1
	return ok
}

// member hashes a name and its value, without regard to their place.
func (w *jsonWalker) member(all *parts, ignored paths) bool {
	w.space()
	if w.peek() != '"' {
		return false
	}
	text, ok := w.text()
	if !ok {
		return false
	}
	name := hashBytes(domainString, text)
	secret := w.tol.masked && record.IsSecret(string(text))
	ends := false
	if len(ignored) > 0 {
		ignored, ends = ignored.below(string(text))
	}
	outer := w.name
	if w.mayHide {
		w.name = string(text)
	}
	w.space()
	if !w.take(':') {
		return false
	}
	w.space()
	c, start := w.peek(), w.pos
	value, ok := w.value(ignored)
	if ok && (secret && isRedactable(c) || w.hidesValue(start)) {
		value = digest{}.in(domainSecret)
	}
	w.name = outer
	if !ends {
		all.sum, all.count = all.sum.plus(name.then(value)), all.count+1
	}
	return ok
}

// isRedactable reports whether a recording replaces a secret value that begins
// with c: strings and numbers, and nothing else.
func isRedactable(c byte) bool {
	return c == '"' || c == '-' || '0' <= c && c <= '9'
}

func (w *jsonWalker) literal(s string) (digest, bool) {
	if !bytes.HasPrefix(w.data[w.pos:], []byte(s)) {
		return digest{}, false
	}
	w.pos += len(s)
	return digest{lo: uint64(s[0])}.in(domainLiteral), true
}

func (w *jsonWalker) number() (digest, bool) {
	n := scanNumber(w.data[w.pos:])
	if n == 0 {
		return digest{}, false
	}
	w.scratch = appendNumber(w.scratch[:0], w.data[w.pos:w.pos+n])
	w.pos += n
	return hashBytes(domainNumber, w.scratch), true
}

// text returns the string that begins here, unescaped. It is valid until the
// next call.
func (w *jsonWalker) text() ([]byte, bool) {
	start := w.pos + 1
	for i := start; i < len(w.data); i++ {
		switch c := w.data[i]; {
		case c == '"':
			w.pos = i + 1
			return w.data[start:i], true
		case c == '\\':
			return w.escapedText(start, i)
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// escapedText goes on with a string that began at start and has its first
// escape at i.
func (w *jsonWalker) escapedText(start, i int) ([]byte, bool) {
	b := append(w.scratch[:0], w.data[start:i]...)
	for i < len(w.data) {
		c := w.data[i]
		switch {
		case c == '"':
			w.pos, w.scratch = i+1, b
			return b, true
		case c < ' ':
			return nil, false
		case c != '\\':
			b = append(b, c)
			i++
		default:
			var n int
			if b, n = appendUnescaped(b, w.data[i:]); n == 0 {
				return nil, false
			}
			i += n
		}
	}
	return nil, false
}

// appendUnescaped appends what the escape at the beginning of s means and
// returns its length, 0 if it is none.
func appendUnescaped(dst, s []byte) ([]byte, int) {
	if len(s) < 2 {
		return dst, 0
	}
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), s[1]); i >= 0 {
		return append(dst, "\"\\/\b\f\n\r\t"[i]), 2
	}
	r, ok := unicodeEscape(s)
	if !ok {
		return dst, 0
	}
	if low, ok := unicodeEscape(s[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair), 12
		}
	}
	if utf16.IsSurrogate(r) { // UTF-8 has no spelling for it; what it would be keeps it apart
		return append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f), 6
	}
	return utf8.AppendRune(dst, r), 6
}

// unicodeEscape reads a leading \uXXXX.
func unicodeEscape(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s[2:6] {
		digit, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

func (w *jsonWalker) space() {
	for w.pos < len(w.data) {
		switch w.data[w.pos] {
		case ' ', '\t', '\n', '\r':
			w.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (w *jsonWalker) peek() byte {
	if w.pos == len(w.data) {
		return 0
	}
	return w.data[w.pos]
}

func (w *jsonWalker) take(c byte) bool {
	if w.peek() != c {
		return false
	}
	w.pos++
	return true
}
