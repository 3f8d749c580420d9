package har

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/jsondoc"
)

// cursor decodes a value that is in memory, in one pass: each method takes the
// value that is next. A value of a kind that is not wanted is understood where it
// can be, and else warned of; null is as if the member were not there.
type cursor struct {
	scanner
	r      *Reader
	number int // of the entry, for warnings
	failed error
}

// maxScratch is how much memory for strings is kept from entry to entry.
const maxScratch = 4 << 20

// cursor returns a cursor over a value.
func (r *Reader) cursor(raw []byte) *cursor {
	return &cursor{scanner: scanBytes(raw), r: r, number: r.number}
}

func (c *cursor) warn(text string) { c.r.addWarning(Warning{c.number, text}) }

// fail notes that the value is not JSON: what follows cannot be read.
func (c *cursor) fail(err error) {
	if c.failed == nil && err != nil {
		c.failed = err
	}
}

// next returns the value as it is written, null after an error.
func (c *cursor) next() []byte {
	if c.failed == nil {
		raw, err := c.value()
		if err == nil {
			return raw
		}
		c.fail(err)
	}
	return []byte("null")
}

func (c *cursor) skip() { c.next() }

// refuse skips a value that is not what was wanted.
func (c *cursor) refuse(what, want string) {
	if raw := c.next(); string(raw) != "null" {
		c.warn(fmt.Sprintf("%s is no %s but %.40s", what, want, raw))
	}
}

// object calls each for every member, with the name, which is valid until a value
// is taken; each takes one. It reports whether there is an object.
func (c *cursor) object(what string, each func(name []byte)) bool {
	if c.peek() != '{' {
		c.refuse(what, "object")
		return false
	}
	for c.pos++; c.failed == nil; {
		name, ok, err := c.member()
		if c.fail(err); !ok {
			break
		}
		each(name)
	}
	return true
}

// array calls each for every element, which it takes.
func (c *cursor) array(what string, each func()) {
	if c.peek() != '[' {
		c.refuse(what, "array")
		return
	}
	for c.pos++; c.failed == nil; {
		ok, err := c.element()
		if c.fail(err); !ok {
			break
		}
		each()
	}
}

// text returns a string, or the text of what is no string, as bytes; nil for
// null.
func (c *cursor) text() []byte {
	return bytes.Clone(c.chars())
}

// chars returns a string, or the text of what is no string, that is valid until
// the next call, and not to be changed; nil for null.
func (c *cursor) chars() []byte {
	if c.peek() != '"' || c.failed != nil {
		if raw := c.next(); string(raw) != "null" {
			return raw
		}
		return nil
	}
	if n := plainString(c.buf[c.pos:]); n > 0 {
		c.pos += n
		return c.buf[c.pos-n+1 : c.pos-1]
	}
	p, n := appendUnquoted(c.r.scratch[:0], c.buf[c.pos:])
	if n == 0 {
		c.fail(io.ErrUnexpectedEOF)
		return nil
	}
	c.pos += n
	if c.r.scratch = p; cap(p) > maxScratch {
		c.r.scratch = make([]byte, 0, 64)
	}
	return p
}

// str returns a string, or the text of what is no string; "" for null.
func (c *cursor) str() string { return string(c.chars()) }

// word returns a string that comes often.
func (c *cursor) word() string { return c.r.names.str(c.chars()) }

// fieldValue returns a string that comes often as the value of a field.
func (c *cursor) fieldValue() string { return c.r.values.str(c.chars()) }

// float returns a number, or what a string says; missing if there is none.
func (c *cursor) float(what string, missing float64) float64 {
	raw := c.next()
	if n, ok := shortInteger(raw); ok {
		return float64(n)
	}
	s := strings.Trim(string(raw), "\"\t ")
	if s == "null" || s == "" {
		return missing
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		c.warn(fmt.Sprintf("%s is no number but %.40s", what, raw))
		return missing
	}
	return f
}

// shortInteger returns the number that raw is, if it is a whole one of few digits, as
// most are.
func shortInteger(raw []byte) (n int, ok bool) {
	digits, negative := bytes.CutPrefix(raw, []byte("-"))
	if len(digits) == 0 || len(digits) > 9 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	if negative {
		return -n, true
	}
	return n, true
}

// integer returns a number as a whole one, or what a string says; missing if there
// is none.
func (c *cursor) integer(what string, missing int64) int64 {
	f := math.Round(c.float(what, float64(missing)))
	if math.Abs(f) > 1<<53 {
		c.warn(what + " is too large")
		return missing
	}
	return int64(f)
}

// flag returns a boolean, or what a string says.
func (c *cursor) flag() bool {
	raw := c.next()
	return string(raw) == "true" || string(raw) == `"true"` || string(raw) == "1"
}

// raw returns a copy of the value, nil for null and for what is not JSON.
func (c *cursor) raw(what string) json.RawMessage {
	if raw := c.next(); string(raw) != "null" {
		return c.keep(what, raw)
	}
	return nil
}

// extra keeps a member that is not known.
func (c *cursor) extra(to *[]Member, name []byte) {
	m := Member{Name: c.r.names.str(name)}
	raw := c.next()
	if c.failed != nil {
		return
	}
	if m.Value = c.keep(m.Name, raw); m.Value != nil {
		*to = append(*to, m)
	}
}

// keep returns a copy of what is JSON, which has to be UTF-8.
func (c *cursor) keep(what string, raw []byte) json.RawMessage {
	if !jsondoc.Valid(raw) {
		c.warn(what + " is not valid JSON, it is left out")
		return nil
	}
	if utf8.Valid(raw) {
		return bytes.Clone(raw)
	}
	c.warn(what + " is not UTF-8, what is not is replaced")
	return bytes.ToValidUTF8(raw, []byte("\ufffd"))
}

// interner returns the same string for the same bytes: names of headers and the
// like come again with every entry.
type interner map[string]string

// str returns p as a string.
func (in *interner) str(p []byte) string {
	if s, ok := (*in)[string(p)]; ok {
		return s
	}
	s := string(p)
	if len(p) <= 64 && len(*in) < 1<<12 {
		if *in == nil {
			*in = interner{}
		}
		(*in)[s] = s
	}
	return s
}

// decodeBase64 decodes base64 as it is found: with line ends, in the alphabet for
// URLs, without padding.
func decodeBase64(p []byte) ([]byte, error) {
	out := make([]byte, base64.StdEncoding.DecodedLen(len(p)))
	if n, err := base64.StdEncoding.Decode(out, p); err == nil {
		return out[:n], nil
	}
	s := strings.NewReplacer("-", "+", "_", "/", " ", "", "\t", "", "\r", "", "\n", "").Replace(string(p))
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}
