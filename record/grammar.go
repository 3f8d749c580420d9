package record

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// jsonGrammar finds secrets in JSON text, and in text that has JSON in it
// (NDJSON, server-sent events). Its anchors are colons. A colon that follows a
// closing quote is one between key and value, and the key is what lies between
// that quote and the one before: in JSON, text between two strings is punctuation
// and never the name of a secret.
type jsonGrammar struct{}

func (jsonGrammar) anchor(src []byte, i int) int {
	for {
		n := bytes.IndexByte(src[i:], ':')
		if n < 0 {
			return -1
		}
		i += n + 1
		switch {
		case i < 2:
		case src[i-2] == '"':
			// Most keys are told here from those of secrets.
			if i < minSecretName+2 || mayBeSecret(src[i-2-minSecretName:i-2]) {
				return i
			}
		case isSpace(src[i-2]): // else in a URL or time
			return i
		}
	}
}

func (jsonGrammar) secret(src []byte, base, i int) ([]byte, span, bool) {
	key := keyBefore(src[base : i-1])
	if key == nil || !isSecret(key) {
		return nil, span{}, false
	}
	return key, scalarAt(src, i), true
}

// end returns where the quote is that ends a string, or where a last escape
// begins that goes on behind src.
func (jsonGrammar) end(src []byte, i int) (int, bool) {
	for ; i < len(src); i++ {
		switch src[i] {
		case '"':
			return i, true
		case '\\':
			if i+1 == len(src) {
				return i, false
			}
			i++
		}
	}
	return len(src), false
}

// appendMark makes a string of a number; a string's closing quote is not part of
// the span.
func (jsonGrammar) appendMark(dst []byte, r *redactor, name, src []byte, v span) []byte {
	if src[v.start] != '"' {
		dst = append(dst, '"')
		dst = r.appendMark(dst, name, src[v.start:v.end])
		return append(dst, '"')
	}
	secret := src[v.start+1 : v.end]
	if v.whole && len(secret) <= maxHashed && bytes.IndexByte(secret, '\\') >= 0 {
		if plain := gjson.ParseBytes(src[v.start : v.end+1]).Str; plain != "" { // as for an invalid escape
			secret = []byte(plain)
		}
	}
	dst = append(dst, '"')
	return r.appendMark(dst, name, secret)
}

// keyBefore returns the JSON key that ends text, white space aside, nil if text
// does not end with one that could name a secret.
func keyBefore(text []byte) []byte {
	end := len(text) - 1
	for low := max(0, end-maxSpace); end > low && isSpace(text[end]); {
		end--
	}
	if end < 1 || text[end] != '"' || text[end-1] == '\\' || !mayBeSecret(text[:end]) {
		return nil
	}
	low := max(0, end-maxKey)
	open := low + bytes.LastIndexByte(text[low:end], '"')
	if open < low || open > 0 && text[open-1] == '\\' {
		return nil
	}
	return text[open+1 : end]
}

// scalarAt returns where the string or number at i lies, a string from its
// opening quote to before its closing one. Of anything else the span is empty.
func scalarAt(src []byte, i int) span {
	for i < len(src) && isSpace(src[i]) {
		i++
	}
	if i < len(src) && src[i] == '"' {
		end, whole := jsonGrammar{}.end(src, i+1)
		return span{start: i, end: end, whole: whole}
	}
	end := i
	for end < len(src) && isNumeric(src[end]) {
		end++
	}
	return span{start: i, end: end, whole: end < len(src)}
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t'
}

// isNumeric reports whether c can be part of a JSON number (RFC 8259 section 6).
func isNumeric(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// formGrammar finds secrets in name=value pairs joined by "&", as in a query or
// a form. Its anchors are equals signs.
type formGrammar struct {
	// also has names of secrets beside those that isSecret knows.
	also map[string]bool
}

func (formGrammar) anchor(src []byte, i int) int {
	if n := bytes.IndexByte(src[i:], '='); n >= 0 {
		return i + n + 1
	}
	return -1
}

func (g formGrammar) secret(src []byte, base, i int) ([]byte, span, bool) {
	low := max(base, i-1-maxKey)
	open := low + bytes.LastIndexByte(src[low:i-1], '&')
	if open < low && low > base || bytes.IndexByte(src[open+1:i-1], '=') >= 0 {
		return nil, span{}, false // too long, or an "=" in a value
	}
	name := unescapePair(src[open+1 : i-1])
	if !isSecret(name) && !g.also[string(name)] {
		return nil, span{}, false
	}
	end, whole := g.end(src, i)
	return name, span{start: i, end: end, whole: whole}, true
}

func (formGrammar) end(src []byte, i int) (int, bool) {
	end := indexFrom(src, i, '&')
	return end, end < len(src)
}

func (formGrammar) appendMark(dst []byte, r *redactor, name, src []byte, v span) []byte {
	secret := src[v.start:v.end]
	if len(secret) <= maxHashed && !isMark(secret) {
		secret = unescapePair(secret)
	}
	return r.appendMark(dst, name, secret)
}

// partsGrammar finds secrets in multipart/form-data (RFC 7578): the content of
// parts with the name of a secret. Its anchors end where the name begins in a
// part's Content-Disposition.
type partsGrammar struct {
	// also is as in formGrammar.
	also map[string]bool
}

// maxPartHead is how far behind its name the head of a part ends at most.
const maxPartHead = 1 << 10

var (
	partName = []byte("name=")
	partHead = []byte("\r\n\r\n")
	partEnd  = []byte("\r\n--")
)

func (partsGrammar) anchor(src []byte, i int) int {
	i = max(0, i+1-len(partName)) // one may begin before i
	for {
		n := bytes.Index(src[i:], partName)
		if n < 0 {
			return -1
		}
		i += n + len(partName)
		if isParameter(src[:i-len(partName)]) {
			return i
		}
	}
}

// isParameter reports whether text ends like what stands before a parameter of a
// field (RFC 9110 section 5.6.6), which tells it from filename and from content.
func isParameter(text []byte) bool {
	end := len(text) - 1
	for low := max(0, end-maxSpace); end > low && isBlank(text[end]); {
		end--
	}
	return end >= 0 && text[end] == ';'
}

func (g partsGrammar) secret(src []byte, _, i int) ([]byte, span, bool) {
	window := src[i:min(len(src), i+maxPartHead)]
	name, rest, ok := cutParameter(window)
	if ok && !isSecret(name) && !g.also[string(name)] {
		return nil, span{}, false
	}
	head := bytes.Index(rest, partHead)
	if !ok || head < 0 {
		// The head goes on behind the window, or this is no head.
		return nil, span{start: len(src), end: len(src)}, len(window) < maxPartHead
	}
	start := i + len(window) - len(rest) + head + len(partHead)
	end, whole := g.end(src, start)
	return name, span{start: start, end: end, whole: whole}, true
}

// cutParameter splits text behind the value of a parameter at its beginning,
// which some clients put into quotes and others do not.
func cutParameter(text []byte) (value, rest []byte, ok bool) {
	if quoted, found := bytes.CutPrefix(text, []byte{'"'}); found {
		return bytes.Cut(quoted, []byte{'"'})
	}
	end := bytes.IndexAny(text, "; \t\r\n")
	if end < 0 {
		return nil, nil, false
	}
	return text[:end], text[end:], true
}

func (partsGrammar) end(src []byte, i int) (int, bool) {
	if n := bytes.Index(src[i:], partEnd); n >= 0 {
		return i + n, true
	}
	return max(i, len(src)-len(partEnd)+1), false
}

func (partsGrammar) appendMark(dst []byte, r *redactor, name, src []byte, v span) []byte {
	return r.appendMark(dst, name, src[v.start:v.end])
}
