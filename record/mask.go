package record

import (
	"bytes"
	"strings"
	"sync"
)

// mask is what Mask puts in place of secrets and of their marks.
const mask = markPrefix + ":}}"

// masking are redactors for Mask, which keep no secrets longer than others do.
var masking = sync.Pool{New: func() any { return newRedactor() }}

// Mask appends content to dst with one and the same mark in place of each secret
// that a Writer finds in content of that type, and of each mark of one. So what
// was recorded redacted becomes equal to what came over the wire, whatever the
// secrets were, if all else is equal. Content has its codings undone. It may be
// called concurrently.
func Mask(dst, content []byte, contentType string) []byte {
	g := classOfBody(strings.ToLower(contentType)).grammar(&patterns{})
	if g == nil {
		return appendMasked(dst, content)
	}
	r := masking.Get().(*redactor)
	defer masking.Put(r)
	s := scanner{grammar: g, redactor: r}
	return appendMasked(dst, r.withoutShapes(s.whole(nil, content)))
}

// MaskURL is Mask for a URL or a part of one, but for secrets that are known by
// the name of a parameter.
func MaskURL(url string) string {
	if !mayHaveShape([]byte(url)) && !strings.Contains(url, markPrefix) {
		return url
	}
	r := masking.Get().(*redactor)
	defer masking.Put(r)
	return string(appendMasked(nil, r.withoutShapes([]byte(url))))
}

// appendMasked appends text with mask in place of each mark.
func appendMasked(dst, text []byte) []byte {
	for {
		i := bytes.Index(text, []byte(markPrefix))
		if i < 0 {
			return append(dst, text...)
		}
		dst, text = append(dst, text[:i]...), text[i:]
		n := markLength(text)
		if n > 0 {
			dst, text = append(dst, mask...), text[n:]
		} else {
			dst, text = append(dst, text[:len(markPrefix)]...), text[len(markPrefix):]
		}
	}
}

// markLength returns the length of the mark that text begins with, 0 if it is
// none.
func markLength(text []byte) int {
	const hashLength = 8
	longest := len(markPrefix) + maxMarkName + len(":") + hashLength
	end := bytes.Index(text[:min(len(text), longest+len("}}"))], []byte("}}"))
	if end < len(markPrefix)+len(":")+hashLength || text[end-hashLength-1] != ':' {
		return 0
	}
	return end + len("}}")
}
