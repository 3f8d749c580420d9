package tail

import (
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// ellipsis stands for what was cut out of a text. It takes one column.
const ellipsis = "…"

// columns returns how many columns of a terminal a text takes.
func columns(s string) int { return uniseg.StringWidth(s) }

// cutEnd returns text that takes at most so many columns: its end becomes an
// ellipsis. Characters are never cut.
func cutEnd(s string, most int) string {
	if most <= 0 {
		return ""
	}
	if len(s) <= most || columns(s) <= most { // no byte takes two columns
		return s
	}
	return s[:fitting(s, most-1)] + ellipsis
}

// cutMiddle is cutEnd for text whose end says something.
func cutMiddle(s string, most int) string {
	if most <= 2 || len(s) <= most || columns(s) <= most {
		return cutEnd(s, most)
	}
	front := fitting(s, most/2)
	room := most - 1 - columns(s[:front])
	rest := s[front:]
	for width := columns(rest); width > room; {
		_, behind, w, _ := uniseg.FirstGraphemeClusterInString(rest, -1)
		rest, width = behind, width-w
	}
	return s[:front] + ellipsis + rest
}

// fitting returns how many bytes of s take at most so many columns.
func fitting(s string, most int) int {
	end, state := 0, -1
	for rest := s; rest != ""; {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if most -= w; most < 0 {
			break
		}
		end += len(cluster)
	}
	return end
}

// bytesPerColumn is how much text at most is looked at to fill a column: there
// are characters that take none.
const bytesPerColumn = 16

// clip returns the beginning of p, which has no more bytes than can be of use for
// so many columns, and whether that is all of it.
func clip(p []byte, most int) ([]byte, bool) {
	n := max(0, most) * bytesPerColumn
	if len(p) <= n {
		return p, true
	}
	for n > 0 && !utf8.RuneStart(p[n]) {
		n--
	}
	return p[:n], false
}
