package record

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// jsonGrammar finds secrets in JSON text, and in text that has JSON in it
// (NDJSON, server-sent events). Its anchors are colons. A colon that follows a
// closing quote is one between key and value, and the key is what lies between
// that quote and the one before: in JSON, text between two strings is punctuation
// and never the name of a secret. If that quote has a backslash before it, it is one
// of JSON in a string of JSON, of which one level is looked at. Other colons matter
// if they are in a URL.
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
			if i < minSecretName+2 || mayBeSecret(src[i-2-minSecretName:i-2]) || hasEscape(src[:i-2]) {
				return i
			}
		case isSpace(src[i-2]):
			return i
		case mayBeURL(src[i:]) && !isPlainURL(src[i:]): // else in a time
			return i
		}
	}
}

func (jsonGrammar) secret(src []byte, base, i int) ([]byte, span, bool) {
	if before := src[i-2]; before != '"' && !isSpace(before) {
		return nil, urlAt(src, i), true
	}
	key, nested := keyBefore(src[base : i-1])
	if key == nil || !isSecret(key) {
		return nil, span{}, false
	}
	return key, scalarAt(src, i, nested), true
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
	if name == nil {
		return r.appendEscapedURL(dst, src[v.start:v.end])
	}
	quote := `"`
	if isNested(src[:v.start]) {
		quote = `\"`
	}
	dst = append(dst, quote...)
	secret, quoted := bytes.CutPrefix(src[v.start:v.end], []byte(quote))
	if !quoted {
		dst = r.appendMark(dst, name, secret)
		return append(dst, quote...)
	}
	if v.whole && len(secret) <= maxHashed {
		for range len(quote) { // as often as it was escaped
			secret = unescapeJSON(secret)
		}
	}
	return r.appendMark(dst, name, secret)
}

// unescapeJSON undoes the escapes in a string, so that a secret has the mark it has
// elsewhere in a recording. What cannot be undone is returned as it is.
func unescapeJSON(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	if plain := gjson.Parse(`"` + string(text) + `"`).Str; plain != "" { // as for an invalid escape
		return []byte(plain)
	}
	return text
}

// isEscape reports whether the quote at i has one backslash before it, and not more:
// it is one of JSON in a string.
func isEscape(text []byte, i int) bool {
	return i > 0 && text[i-1] == '\\' && (i == 1 || text[i-2] != '\\')
}

// hasEscape is a quick look at how a key ends that looks like none of a secret: a
// backslash may belong to the quote behind it, and the last two letters may be
// written as escapes of six bytes. It is right where it says no.
func hasEscape(key []byte) bool {
	n := len(key)
	return key[n-1] == '\\' || n >= 6 && key[n-6] == '\\' || n >= 7 && key[n-7] == '\\'
}

// keyBefore returns the JSON key that ends text, white space aside, and whether it is
// one of JSON in a string; nil if text does not end with one that could name a secret.
func keyBefore(text []byte) (key []byte, nested bool) {
	end := len(text) - 1
	for low := max(0, end-maxSpace); end > low && isSpace(text[end]); {
		end--
	}
	if end < 1 || text[end] != '"' {
		return nil, false
	}
	if text[end-1] == '\\' {
		if !isEscape(text, end) {
			return nil, false
		}
		nested = true
		end--
	}
	if end < 1 || !mayBeSecret(text[:end]) && !hasEscape(text[:end]) {
		return nil, false
	}
	low := max(0, end-maxKey)
	open := low + bytes.LastIndexByte(text[low:end], '"')
	escaped := open > 0 && text[open-1] == '\\'
	if open < low || escaped != nested || nested && !isEscape(text, open) {
		return nil, false
	}
	return unescapeJSON(text[open+1 : end]), nested
}

// isNested reports whether the value behind text belongs to a key of JSON in a
// string.
func isNested(text []byte) bool {
	text = bytes.TrimRight(bytes.TrimSuffix(bytes.TrimRight(text, " \n\r\t"), []byte(":")), " \n\r\t")
	return bytes.HasSuffix(text, escapedQuote)
}

// scalarAt returns where the string or number at i lies, a string from its
// opening quote to before its closing one. Of anything else the span is empty.
func scalarAt(src []byte, i int, nested bool) span {
	for i < len(src) && isSpace(src[i]) {
		i++
	}
	switch {
	case i == len(src):
		return span{start: i, end: i}
	case nested && src[i] == '\\':
		if i+1 == len(src) {
			return span{start: i, end: i}
		}
		if src[i+1] == '"' {
			end, whole := nestedEnd(src, i+2)
			return span{start: i, end: end, whole: whole}
		}
	case !nested && src[i] == '"':
		end, whole := jsonGrammar{}.end(src, i+1)
		return span{start: i, end: end, whole: whole}
	}
	end := i
	for end < len(src) && isNumeric(src[end]) {
		end++
	}
	return span{start: i, end: end, whole: end < len(src)}
}

// nestedEnd returns where a string ends of JSON in a string, which is also where that
// ends. One that is too long for a secret ends with the string that it is in.
func nestedEnd(src []byte, start int) (int, bool) {
	limit := min(len(src), start+maxHashed)
	for i := start; i < limit; {
		switch {
		case src[i] == '"' || bytes.HasPrefix(src[i:], escapedQuote):
			return i, true
		case bytes.HasPrefix(src[i:], escapedEscape): // of the character behind it
			i += len(escapedEscape) + charLength(src[i+len(escapedEscape):])
		default:
			i += charLength(src[i:])
		}
	}
	if limit == len(src) {
		return len(src), false
	}
	return jsonGrammar{}.end(src, start)
}

var (
	escapedQuote  = []byte(`\"`)
	escapedEscape = []byte(`\\`)
)

// charLength returns how long the character is that text in a JSON string begins
// with, 0 for its end. Of an escape it is the length of what it begins with.
func charLength(text []byte) int {
	switch {
	case len(text) == 0 || text[0] == '"':
		return 0
	case text[0] == '\\':
		return 2
	}
	return 1
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t'
}

// isNumeric reports whether c can be part of a JSON number (RFC 8259 section 6).
func isNumeric(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}
