package record

import "bytes"

const (
	// maxURL bounds a URL in a text, in bytes. What a longer one has behind that is
	// taken for text.
	maxURL = maxHashed
	// glance is how much of a text isPlainURL looks at, in bytes.
	glance = 256
)

// escapedSlashes is how some write the slashes before the host of a URL in JSON.
var escapedSlashes = []byte(`\/\/`)

// mayBeURL reports whether text may be what follows the scheme of a URL and its
// colon. It may go on behind its end.
func mayBeURL(text []byte) bool {
	switch {
	case len(text) == 0:
		return true
	case text[0] == '/':
		return len(text) == 1 || text[1] == '/'
	case text[0] == '\\':
		return bytes.HasPrefix(escapedSlashes, text[:min(len(text), len(escapedSlashes))])
	}
	return false
}

// isPlainURL is a quick look at a URL that text begins with. It is right where it says
// that no secret can be in it.
func isPlainURL(text []byte) bool {
	quote := bytes.IndexByte(text[:min(len(text), glance)], '"')
	return quote >= 0 && !hasURLSecrets(text[:quote])
}

// urlAt returns where a URL lies from behind the colon of its scheme on. What ends it
// is no part of a URL, wherever it may stand.
func urlAt(src []byte, i int) span {
	limit := min(len(src), i+maxURL)
	end := i
	for end < limit {
		c := src[end]
		if c == '\\' {
			n := escapeInURL(src[end:])
			if n == 0 {
				break
			}
			end += n
			continue
		}
		if c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`' {
			break
		}
		end++
	}
	switch end = min(end, limit); {
	case end < len(src):
		return span{start: i, end: end, whole: true}
	case !hasURLSecrets(src[i:]):
		return span{start: end, end: end} // a secret may be behind the end
	}
	return span{start: i, end: end}
}

// hasURLSecrets reports whether a URL has a query, a fragment or user information.
func hasURLSecrets(u []byte) bool {
	return bytes.IndexByte(u, '?') >= 0 || bytes.IndexByte(u, '@') >= 0 || bytes.IndexByte(u, '#') >= 0
}

var escapedAmpersand = []byte(`\u0026`)

// escapeInURL returns the length of an escape that JSON may have in a URL, as far as
// it is in text; 0 for another.
func escapeInURL(text []byte) int {
	for _, escape := range [...][]byte{escapedSlashes[:2], escapedAmpersand} {
		if n := min(len(text), len(escape)); bytes.HasPrefix(escape, text[:n]) {
			return n
		}
	}
	return 0
}

// appendEscapedURL appends a URL in JSON. One that has secrets loses its escapes, which
// are not needed.
func (r *redactor) appendEscapedURL(dst, u []byte) []byte {
	if bytes.IndexByte(u, '\\') < 0 {
		return r.appendURL(dst, u)
	}
	plain := bytes.ReplaceAll(bytes.ReplaceAll(u, escapedSlashes[:2], []byte("/")), escapedAmpersand, []byte("&"))
	clean := r.appendURL(nil, plain)
	if bytes.Equal(clean, plain) {
		return append(dst, u...)
	}
	return append(dst, clean...)
}
