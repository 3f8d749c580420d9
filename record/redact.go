package record

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/url"

	"github.com/necto-dev/necto/traffic"
)

const (
	// markPrefix begins what stands in place of a secret:
	// {{redacted:<name>:<8 hex>}}.
	markPrefix = "{{redacted:"
	// maxMarkName bounds the name in a mark, in bytes.
	maxMarkName = 40
	// maxHashed is how much of a secret its mark is made from, in bytes.
	maxHashed = 16 << 10
	// maxRemembered bounds the caches of a redactor, in entries.
	maxRemembered = 1024
)

// redactor replaces secrets by marks. Marks are made under a random key that
// nobody keeps: equal secrets have equal marks within one run, and no secret can
// be found by trying. It belongs to one goroutine.
type redactor struct {
	mac   hash.Hash
	sum   [sha256.Size]byte
	marks map[string][8]byte // secrets seen, because clients repeat them
	value []byte             // scratch

	patterns patterns
	// thorough says that secrets are also looked for by their shape and by the
	// expressions and paths of patterns.
	thorough bool
}

func newRedactor() *redactor {
	key := make([]byte, sha256.Size)
	rand.Read(key) // never fails
	return &redactor{mac: hmac.New(sha256.New, key), marks: map[string][8]byte{}}
}

// use makes r look for patterns, too.
func (r *redactor) use(p patterns) {
	r.patterns = p
	r.thorough = len(p.json)+len(p.regex) > 0
}

// appendMark appends the mark of a secret. What is empty, or a mark already, is
// appended as it is.
func (r *redactor) appendMark(dst, name, secret []byte) []byte {
	if len(secret) == 0 || isMark(secret) {
		return append(dst, secret...)
	}
	mark := r.hash(secret[:min(len(secret), maxHashed)])
	dst = append(dst, markPrefix...)
	dst = appendMarkName(dst, name)
	dst = append(dst, ':')
	dst = append(dst, mark[:]...)
	return append(dst, "}}"...)
}

// isMark reports whether a secret was replaced already, in a recording that is
// played and recorded again.
func isMark(secret []byte) bool { return bytes.HasPrefix(secret, []byte(markPrefix)) }

func (r *redactor) hash(secret []byte) [8]byte {
	if mark, ok := r.marks[string(secret)]; ok {
		return mark
	}
	r.mac.Reset()
	r.mac.Write(secret)
	r.mac.Sum(r.sum[:0])
	var mark [8]byte
	hex.Encode(mark[:], r.sum[:4])
	if len(r.marks) >= maxRemembered {
		clear(r.marks)
	}
	r.marks[string(secret)] = mark
	return mark
}

// appendMarkName appends name in lower case, as far as it is letters, digits and
// "-._": a mark must not need escapes wherever it stands.
func appendMarkName(dst, name []byte) []byte {
	for _, c := range name[:min(len(name), maxMarkName)] {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendField appends the value of a field with its secrets replaced.
func (r *redactor) appendField(dst []byte, f traffic.Field, class fieldClass) []byte {
	r.value = append(r.value[:0], f.Value...)
	if r.thorough && class != fieldSecret && class != fieldCookie && class != fieldSetCookie {
		r.value = r.withoutShapes(r.value)
	}
	switch class {
	case fieldPlain:
		return append(dst, r.value...)
	case fieldCookie:
		return r.appendCookies(dst, r.value)
	case fieldSetCookie:
		return r.appendSetCookie(dst, r.value)
	case fieldURL:
		return r.appendURL(dst, r.value)
	case fieldLinks:
		return r.appendLinks(dst, r.value)
	case fieldRefresh:
		return r.appendRefresh(dst, r.value)
	case fieldProtocols:
		return r.appendProtocols(dst, r.value)
	default:
		return r.appendMark(dst, []byte(f.Name), r.value)
	}
}

// unescapePair undoes percent coding, so that a secret has the mark it has
// elsewhere in a recording. What cannot be undone is returned as it is.
func unescapePair(p []byte) []byte {
	if indexFrom(p, 0, '%') == len(p) && indexFrom(p, 0, '+') == len(p) {
		return p
	}
	if s, err := url.QueryUnescape(string(p)); err == nil {
		return []byte(s)
	}
	return p
}

// indexFrom returns where c is in p from i on, the length of p if nowhere.
func indexFrom(p []byte, i int, c byte) int {
	if n := bytes.IndexByte(p[i:], c); n >= 0 {
		return i + n
	}
	return len(p)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
