package replay

import (
	"bytes"
	"strconv"
)

// scanNumber returns the length of the JSON number at the beginning of s, 0 if
// there is none (RFC 8259 section 6).
func scanNumber(s []byte) int {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := digits(s[i:])
	if whole == 0 || whole > 1 && s[i] == '0' {
		return 0
	}
	i += whole
	if i < len(s) && s[i] == '.' {
		fraction := digits(s[i+1:])
		if fraction == 0 {
			return 0
		}
		i += 1 + fraction
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exponent := digits(s[i:])
		if exponent == 0 {
			return 0
		}
		i += exponent
	}
	return i
}

// digits returns how many decimal digits s begins with.
func digits(s []byte) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// appendNumber appends a JSON number so that equal values have equal text:
// 1.0, 1 and 10e-1 are all "1e0". Digits are kept however many there are. A
// number with an exponent that is out of all proportion stays as it is.
func appendNumber(dst, s []byte) []byte {
	start := len(dst)
	mantissa, exponent := s, 0
	if i := bytes.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.ParseInt(string(s[i+1:]), 10, 32)
		if err != nil {
			return append(dst, s...)
		}
		mantissa, exponent = s[:i], int(n)
	}
	if mantissa[0] == '-' {
		dst, mantissa = append(dst, '-'), mantissa[1:]
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	exponent -= len(fraction)
	first := len(dst)
	dst = append(append(dst, whole...), fraction...)
	for len(dst) > first && dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
		exponent++
	}
	zeros := 0
	for first+zeros < len(dst) && dst[first+zeros] == '0' {
		zeros++
	}
	dst = append(dst[:first], dst[first+zeros:]...)
	if len(dst) == first { // zero, and minus zero
		return append(dst[:start], '0')
	}
	return strconv.AppendInt(append(dst, 'e'), int64(exponent), 10)
}
