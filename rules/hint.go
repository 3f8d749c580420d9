package rules

import "strings"

// hint is text that requests must have for a matcher to hold. With many rules
// most are told by it, without a look at the rule itself, which is somewhere else
// in memory. The zero value allows all.
type hint struct {
	prefix string // of the folded path
	inURL  uint64 // what shapeOf returns for text in the folded URL
}

// hintOf returns what a matcher needs. Of several patterns none is needed.
func hintOf(m *Matcher) hint {
	var h hint
	if len(m.Path) == 1 {
		h.prefix = m.Path[0].prefix
	}
	if len(m.URL) == 1 {
		if g, ok := m.URL[0].matcher.(glob); ok {
			for _, literal := range g {
				h.inURL |= shapeOf(literal)
			}
		}
	}
	return h
}

// allows returns false only if the matcher cannot hold.
func (h *hint) allows(of *head) bool {
	return strings.HasPrefix(of.foldedPath, h.prefix) && (h.inURL == 0 || h.inURL&^of.shape() == 0)
}

// shape returns the shape of the URL.
func (h *head) shape() uint64 {
	if h.urlShape == 0 {
		h.urlShape = shapeOf(h.foldedURL)
	}
	return h.urlShape
}

// shapeOf returns a Bloom filter of the groups of three bytes in s: one text is
// part of another only if its bits are among those of the other.
func shapeOf(s string) (bits uint64) {
	for i := 2; i < len(s); i++ {
		group := uint32(s[i-2]) | uint32(s[i-1])<<8 | uint32(s[i])<<16
		bits |= 1 << (group * 0x9e3779b1 >> 26)
	}
	return bits
}
