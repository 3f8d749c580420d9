package tail

import (
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// maxRoute bounds the name of a route in bytes.
const maxRoute = 256

// routeOf names the route of a request: method and path, in which what looks like
// the number of something is {id}.
func routeOf(q *traffic.Request) string {
	segments := strings.Split(q.URL.Path(), "/")
	for i, segment := range segments {
		if isID(segment) {
			segments[i] = "{id}"
		}
	}
	name := q.Method + " " + strings.Join(segments, "/")
	return strings.Clone(name[:min(len(name), maxRoute)])
}

// minHex is the length of the shortest hexadecimal number that is no word.
const minHex = 8

// isID reports whether a part of a path is a decimal number, a UUID (RFC 9562
// section 4), or a hexadecimal number with a digit in it.
func isID(segment string) bool {
	digits, letters, others := 0, 0, 0
	for i := range len(segment) {
		switch c := segment[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			letters++
		case c == '-' && len(segment) == 36 && (i == 8 || i == 13 || i == 18 || i == 23):
		default:
			others++
		}
	}
	switch {
	case others > 0 || digits == 0:
		return false
	case letters == 0:
		return true
	}
	return len(segment) >= minHex
}
