package har

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// plainJSON has the bytes that stand for themselves in a JSON string (RFC 8259
// section 7). Bytes of 0x80 and above do in valid UTF-8.
var plainJSON = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return plain
}()

// appendEscaped appends s, a piece of valid UTF-8 that may begin and end inside a
// character, as a part of a JSON string.
func appendEscaped[S ~string | ~[]byte](dst []byte, s S) []byte {
	start := 0
	for i := range len(s) {
		if plainJSON[s[i]] {
			continue
		}
		dst = appendEscape(append(dst, s[start:i]...), s[i])
		start = i + 1
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// appendString appends s as a JSON string. If it is not UTF-8 each byte becomes
// the character of that number.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if utf8.ValidString(s) {
		return append(appendEscaped(dst, s), '"')
	}
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendEscaped(dst, s[i:i+1])
		} else {
			dst = utf8.AppendRune(dst, rune(c))
		}
	}
	return append(dst, '"')
}

// The functions below append a member; before is the comma or brace, the name
// and the colon.

func appendText(dst []byte, before, s string) []byte {
	return appendString(append(dst, before...), s)
}

// appendOptional appends the member unless it is empty.
func appendOptional(dst []byte, before, s string) []byte {
	if s == "" {
		return dst
	}
	return appendText(dst, before, s)
}

func appendInt(dst []byte, before string, n int64) []byte {
	return strconv.AppendInt(append(dst, before...), n, 10)
}

func appendOptionalInt(dst []byte, before string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return appendInt(dst, before, n)
}

func appendFlag(dst []byte, before string, set bool) []byte {
	if !set {
		return dst
	}
	return append(append(dst, before...), "true"...)
}

// appendMillis appends a number that is at least least, which also stands for
// what JSON has no number for.
func appendMillis(dst []byte, before string, v, least float64) []byte {
	if !(v >= least) || math.IsInf(v, 1) {
		v = least
	}
	return strconv.AppendFloat(append(dst, before...), v, 'f', -1, 64)
}

// appendSeconds appends seconds since 1970 with six decimals: a float64 has just
// room for those, and arithmetic with it would lose the last.
func appendSeconds(dst []byte, before string, t time.Time) []byte {
	dst = append(dst, before...)
	micros := t.UnixMicro()
	if micros < 0 {
		dst, micros = append(dst, '-'), -micros
	}
	dst = append(strconv.AppendInt(dst, micros/1e6, 10), '.')
	start := len(dst)
	dst = strconv.AppendInt(dst, 1e6+micros%1e6, 10) // the 1 keeps the zeros
	return append(dst[:start], dst[start+1:]...)
}

// appendTime appends an instant in ISO 8601: see HAR 1.2 `startedDateTime`. Six
// decimals are what JavaScript reads and a recording has.
func appendTime(dst []byte, before string, t time.Time) []byte {
	return t.UTC().AppendFormat(append(dst, before...), `"2006-01-02T15:04:05.000000Z"`)
}

// appendRaw appends what is JSON already, unless there is none.
func appendRaw(dst []byte, before string, raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return dst
	}
	return append(append(dst, before...), raw...)
}

// appendExtra appends members as they were read.
func appendExtra(dst []byte, members []Member) []byte {
	for _, m := range members {
		dst = append(appendString(append(dst, ','), m.Name), ':')
		dst = append(dst, m.Value...)
	}
	return dst
}
