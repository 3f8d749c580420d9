package record

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"sync"
)

// maxShape is how long a secret may be that is known by its shape, in bytes: a
// private key of 4096 bits has 3.3 KiB.
const maxShape = 8 << 10

// secretShape is a kind of secret that is known wherever it stands.
type secretShape struct {
	name string
	expr *regexp.Regexp
}

// secretShapes returns all kinds. Most recordings never need them: they are made when
// something looks like one, which few things do.
var secretShapes = sync.OnceValue(func() []secretShape {
	return []secretShape{
		{"jwt", regexp.MustCompile(`\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*(?:\.[\w-]+\.[\w-]+)?`)}, // also JWE (RFC 7516)
		{"aws-key", regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)},
		{"github-token", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{36,})`)},
		{"slack-token", regexp.MustCompile(`\bxox[abeoprs]-[A-Za-z0-9-]{10,}`)},
		{"stripe-key", regexp.MustCompile(`\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}`)},
		{"google-key", regexp.MustCompile(`\bAIza[\w-]{35}`)},
		{"private-key", regexp.MustCompile(`-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[^-]*-----END [A-Z ]{0,20}PRIVATE KEY-----`)},
	}
})

// mayHaveShape is a quick look for the beginnings of secretShapes. It is right
// where it says no. It looks for one rare byte of each beginning: that is one pass
// of vector instructions a byte.
func mayHaveShape(text []byte) bool {
	return hasAround(text, 'J', isJWTStart) || hasAround(text, 'I', isKeyStart) ||
		hasAround(text, '_', isTokenStart) || bytes.Contains(text, []byte("xox"))
}

// hasAround reports whether is holds for a place of c in text.
func hasAround(text []byte, c byte, is func(before, after []byte) bool) bool {
	for i := 0; ; i++ {
		n := bytes.IndexByte(text[i:], c)
		if n < 0 {
			return false
		}
		if i += n; is(text[:i], text[i+1:]) {
			return true
		}
	}
}

// isJWTStart reports whether J is that of eyJ.
func isJWTStart(before, _ []byte) bool { return endsWith(before, "ey") }

// isKeyStart reports whether I is that of AKIA, ASIA, AIza or -----BEGIN.
func isKeyStart(before, after []byte) bool {
	if len(after) < 2 || len(before) == 0 {
		return false
	}
	switch before[len(before)-1] {
	case 'K', 'S':
		return after[0] == 'A' && endsWith(before[:len(before)-1], "A")
	case 'A':
		return after[0] == 'z' && after[1] == 'a'
	case 'G':
		return after[0] == 'N' && endsWith(before, "-BEG")
	}
	return false
}

// isTokenStart reports whether _ is that of ghp_ and the like, github_, or the first
// of sk_live_ and the like.
func isTokenStart(before, after []byte) bool {
	if len(before) < 2 {
		return false
	}
	switch before[len(before)-1] {
	case 'p', 'o', 'u', 's', 'r':
		return endsWith(before[:len(before)-1], "gh")
	case 'b':
		return endsWith(before, "github")
	case 'k':
		return bytes.HasPrefix(after, []byte("live_")) || bytes.HasPrefix(after, []byte("test_"))
	}
	return false
}

func endsWith(text []byte, end string) bool {
	return len(text) >= len(end) && string(text[len(text)-len(end):]) == end
}

// shapeScanner replaces secrets that are known by their shape, and those of the
// user's expressions, in text that comes in windows.
type shapeScanner struct{ redactor *redactor }

// scan is as scanner.scan.
func (s shapeScanner) scan(dst, src []byte, final bool) ([]byte, int) {
	limit := len(src)
	if !final {
		limit = max(0, len(src)-maxShape)
	}
	done := 0 // src before done is in dst
	for _, v := range s.redactor.shapesIn(src) {
		if v.start >= limit || v.start < done {
			continue
		}
		dst = append(dst, src[done:v.start]...)
		dst = s.redactor.appendMark(dst, []byte(v.name), src[v.start:v.end])
		done = v.end
	}
	if done < limit {
		dst = append(dst, src[done:limit]...)
		done = limit
	}
	return dst, done
}

// found is a secret in a text.
type found struct {
	name       string
	start, end int
}

// shapesIn returns the secrets in text by where they begin.
func (r *redactor) shapesIn(text []byte) []found {
	var all []found
	if mayHaveShape(text) {
		for _, s := range secretShapes() {
			for _, m := range s.expr.FindAllIndex(text, -1) {
				all = append(all, found{s.name, m[0], m[1]})
			}
		}
	}
	for _, expr := range r.patterns.regex {
		for _, m := range expr.FindAllSubmatchIndex(text, -1) {
			if len(m) > 2 && m[2] >= 0 {
				m = m[2:]
			}
			if m[0] < m[1] {
				all = append(all, found{"regex", m[0], m[1]})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.start, b.start) })
	return all
}

// withoutShapes returns text with secrets replaced, in memory of its own.
func (r *redactor) withoutShapes(text []byte) []byte {
	clean, _ := shapeScanner{r}.scan(nil, text, true)
	return clean
}
