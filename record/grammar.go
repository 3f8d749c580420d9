package record

import "bytes"

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
	name := pairName(src, base, i)
	if !isSecret(name) && !isPairSecret(name) && !g.also[string(name)] {
		return nil, span{}, false
	}
	end, whole := g.end(src, i)
	return name, span{start: i, end: end, whole: whole}, true
}

// pairName returns the name of the pair whose value begins at i, nil if there is none
// that could name a secret.
func pairName(src []byte, base, i int) []byte {
	low := max(base, i-1-maxKey)
	open := low + bytes.LastIndexByte(src[low:i-1], '&')
	if open < low && low > base || bytes.IndexByte(src[open+1:i-1], '=') >= 0 {
		return nil // too long, or an "=" in a value
	}
	return unescapePair(src[open+1 : i-1])
}

// isPairSecret reports whether name is that of a secret in a query or form, and says
// too little elsewhere: a signature of CloudFront, the verifier of PKCE (RFC 7636).
func isPairSecret(name []byte) bool {
	switch len(name) {
	case len("signature"):
		return bytes.EqualFold(name, []byte("signature"))
	case len("code_verifier"):
		return string(name) == "code_verifier"
	}
	return false
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

// grantGrammar is formGrammar for pairs among which the code of OAuth is (RFC 6749
// section 4.1).
type grantGrammar struct{ formGrammar }

// besideCode are names of parameters that come with such a code, and tell it from
// others: of a country, a product or an error.
var besideCode = [][]byte{
	[]byte("state"), []byte("grant_type"), []byte("code_verifier"), []byte("redirect_uri"), []byte("session_state"),
}

func (g grantGrammar) secret(src []byte, base, i int) ([]byte, span, bool) {
	if name := pairName(src, base, i); string(name) == "code" {
		end, whole := g.end(src, i)
		return name, span{start: i, end: end, whole: whole}, true
	}
	return g.formGrammar.secret(src, base, i)
}

// hasGrant reports whether the code of OAuth is among pairs.
func hasGrant(pairs []byte) bool {
	if !bytes.Contains(pairs, []byte("code=")) {
		return false
	}
	for pair := range bytes.SplitSeq(pairs, []byte("&")) {
		name, _, _ := bytes.Cut(pair, []byte("="))
		for _, known := range besideCode {
			if bytes.Equal(name, known) {
				return true
			}
		}
	}
	return false
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
