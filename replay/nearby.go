package replay

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strings"
)

// nearby is a coarse hash of a path, for finding requests that are close to one
// that missed: the upper half stands for the path's folder, the lower for the
// path, both with identifiers left out.
type nearby uint64

// neighbour is a line and its coarse hash.
type neighbour struct {
	hash nearby
	line uint32
}

func newNeighbours(rows []row) []neighbour {
	ns := make([]neighbour, len(rows))
	for i := range rows {
		ns[i] = neighbour{rows[i].nearby, uint32(i)}
	}
	slices.SortFunc(ns, func(a, b neighbour) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.line, b.line))
	})
	return ns
}

// nearbyOf returns the coarse hash of a request target.
func nearbyOf(target string) nearby {
	path, _, _ := strings.Cut(target, "?")
	var stack [256]byte
	b := appendTemplate(stack[:0], path)
	folder := b[:0]
	if i := strings.LastIndexByte(string(b), '/'); i >= 0 {
		folder = b[:i]
	}
	upper := maphash.Bytes(seeds[0], folder) &^ (1<<32 - 1)
	return nearby(upper | maphash.Bytes(seeds[0], b)>>32)
}

// appendTemplate appends a path with "*" for the segments that look like
// identifiers.
func appendTemplate(dst []byte, path string) []byte {
	for i := 0; ; i++ {
		segment, rest, more := strings.Cut(path, "/")
		if i > 0 {
			dst = append(dst, '/')
		}
		if isIdentifier(segment) {
			dst = append(dst, '*')
		} else {
			dst = appendPath(dst, segment)
		}
		if !more {
			return dst
		}
		path = rest
	}
}

// isIdentifier reports whether a path segment is a number, or at least 16
// hexadecimal digits and dashes, as a UUID is.
func isIdentifier(segment string) bool {
	number, hex := segment != "", len(segment) >= 16
	for i := range len(segment) {
		c := segment[i]
		number = number && '0' <= c && c <= '9'
		_, isHex := hexDigit(c)
		hex = hex && (isHex || c == '-')
	}
	return number || hex
}

// near returns the numbers of lines whose path is most like that of hash, at
// most limit: the same path, else the same folder, else any. related is false
// for the last.
func (t *table) near(hash nearby, limit int) (lines []uint32, related bool) {
	if lines := t.span(hash, hash, limit); len(lines) > 0 {
		return lines, true
	}
	folder := hash &^ (1<<32 - 1)
	if lines := t.span(folder, folder|(1<<32-1), limit); len(lines) > 0 {
		return lines, true
	}
	return t.span(0, math.MaxUint64, limit), false
}

// span returns numbers of lines whose hash is from low to high, evenly spread
// over them if there are more than limit.
func (t *table) span(low, high nearby, limit int) []uint32 {
	byHash := func(n neighbour, hash nearby) int { return cmp.Compare(n.hash, hash) }
	from, _ := slices.BinarySearchFunc(t.around, low, byHash)
	to, _ := slices.BinarySearchFunc(t.around[from:], high, func(n neighbour, hash nearby) int {
		return cmp.Or(byHash(n, hash), -1) // behind the last equal one
	})
	found := t.around[from : from+to]
	lines := make([]uint32, 0, min(len(found), limit))
	for i := range cap(lines) {
		lines = append(lines, found[i*len(found)/cap(lines)].line)
	}
	return lines
}

// sharesSegment reports whether two paths have a segment in common, at the same
// depth.
func sharesSegment(a, b string) bool {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, "/")
		y, b, _ = strings.Cut(b, "/")
		if x == y && x != "" {
			return true
		}
	}
	return false
}
