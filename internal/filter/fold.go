package filter

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// folded finds an ASCII text, whatever the case of its letters.
type folded struct {
	low string
	// anchor is the place in low of the byte that is looked for first, which is
	// one that few texts have; lower and upper are its two cases.
	anchor       int
	lower, upper byte
}

// commonLetters are the letters of English from the most to the least frequent.
const commonLetters = "etaoinsrhldcumfpgwybvkxjqz"

func newFolded(s string) folded {
	f := folded{low: lowerASCII(s)}
	rarest := -1
	for i := range len(f.low) {
		if r := rarity(f.low[i]); r > rarest {
			rarest, f.anchor = r, i
		}
	}
	if f.low != "" {
		f.lower = f.low[f.anchor]
		f.upper = upper(f.lower)
	}
	return f
}

// rarity ranks bytes by how seldom URLs and JSON have them.
func rarity(c byte) int {
	switch {
	case isLetter(c):
		return strings.IndexByte(commonLetters, c|0x20)
	case isDigit(c):
		return 8
	case strings.IndexByte(` ":,-./`, c) >= 0:
		return 0
	}
	return len(commonLetters)
}

// in reports whether s has the text in it.
func (f *folded) in(s string) bool {
	room := len(s) - len(f.low)
	if room < 0 || f.low == "" {
		return f.low == ""
	}
	places := s[f.anchor : f.anchor+room+1] // those where the anchor can be
	lower, upper := nextByte(places, f.lower, 0), -1
	if f.upper != f.lower {
		upper = nextByte(places, f.upper, 0)
	}
	for lower >= 0 || upper >= 0 {
		at := lower
		if lower < 0 || upper >= 0 && upper < lower {
			at = upper
		}
		if equalFold(s[at:at+len(f.low)], f.low) {
			return true
		}
		if at == lower {
			lower = nextByte(places, f.lower, at+1)
		} else {
			upper = nextByte(places, f.upper, at+1)
		}
	}
	return false
}

// nextByte returns the first place from at on where s has c, or -1.
func nextByte(s string, c byte, at int) int {
	if i := strings.IndexByte(s[at:], c); i >= 0 {
		return at + i
	}
	return -1
}

// equalFold reports whether two texts are the same but for the case of ASCII
// letters. strings.EqualFold would also take U+212A for a k, which the bytes of
// a recording's line do not show.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c &^ 0x20
	}
	return c
}

func lowerASCII(s string) string {
	p := []byte(s)
	for i, c := range p {
		p[i] = lower(c)
	}
	return string(p)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// view returns p as a string without a copy. It is valid as long as p does not
// change.
func view(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }
