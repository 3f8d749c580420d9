package replay

import (
	"cmp"
	"slices"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// appendPlace appends scheme and authority in their normal form: host in lower
// case, port always present (RFC 9110 section 4.2.3). WebSocket connections are
// at the place that their handshake goes to (RFC 6455 section 3).
func appendPlace(dst []byte, u traffic.URL) []byte {
	dst = append(dst, u.Handshake().Scheme...)
	dst = append(dst, "://"...)
	return appendAuthority(dst, u)
}

func appendAuthority(dst []byte, u traffic.URL) []byte {
	dst = appendLower(dst, u.Hostname())
	dst = append(dst, ' ') // cannot occur in a host, ":" can
	return append(dst, u.Port()...)
}

func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendPath appends a path in its normal form (RFC 3986 section 6.2.2):
// escapes of unreserved characters undone, other escapes in upper case. What is
// not an escape stays as it is.
func appendPath(dst []byte, path string) []byte {
	for {
		i := strings.IndexByte(path, '%')
		if i < 0 {
			return append(dst, path...)
		}
		dst = append(dst, path[:i]...)
		c, ok := escaped(path[i:])
		switch {
		case !ok:
			dst, path = append(dst, '%'), path[i+1:]
			continue
		case isUnreserved(c):
			dst = append(dst, c)
		default:
			const digits = "0123456789ABCDEF"
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
		path = path[i+3:]
	}
}

// pair is one name and value of a query or a form, decoded.
type pair struct{ name, value string }

// appendPairs appends a query or form as a multimap: names sorted, values of
// equal names in their order. What tol hides counts by presence only. Names that
// are ignored are left out.
func appendPairs(dst []byte, s string, tol *tolerance, ignored map[string]bool) []byte {
	var stack [16]pair
	pairs := splitPairs(stack[:0], s)
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	for _, p := range pairs {
		if ignored[p.name] {
			continue
		}
		dst = appendSized(dst, p.name)
		if tol.hides(p.name, p.value) {
			dst = append(dst, 0) // no sized string begins with 0
		} else {
			dst = appendSized(dst, p.value)
		}
	}
	return dst
}

// splitPairs appends the pairs of application/x-www-form-urlencoded text
// (WHATWG URL section 5.1). Escapes that are none stay as they are.
func splitPairs(dst []pair, s string) []pair {
	for s != "" {
		var piece string
		piece, s, _ = strings.Cut(s, "&")
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		dst = append(dst, pair{unescape(name), unescape(value)})
	}
	return dst
}

// unescape undoes percent-encoding and "+" for a space.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		} else if decoded, ok := escaped(s[i:]); ok {
			c = decoded
			i += 2
		}
		b = append(b, c)
	}
	return string(b)
}

// escaped returns the byte that a leading "%xx" of s stands for.
func escaped(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	hi, ok1 := hexDigit(s[1])
	lo, ok2 := hexDigit(s[2])
	return hi<<4 | lo, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// isUnreserved reports whether c is in RFC 3986 section 2.3.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
