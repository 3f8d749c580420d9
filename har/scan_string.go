package har

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Strings are most of a HAR, and content that is JSON has an escape every few
// bytes, too often for calls of bytes.IndexByte: the functions below take eight
// bytes at a time.

// stringEnd returns how many bytes of p, which begins inside a string, are of that
// string, its quote included; ended is false if it goes on behind p, of which a
// backslash at the end is not counted.
func stringEnd(p []byte) (n int, escaped, ended bool) {
	i := 0
	for i < len(p) {
		if i+8 <= len(p) {
			found := specialBytes(binary.LittleEndian.Uint64(p[i:]))
			if found == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(found) / 8
		}
		switch p[i] {
		case '"':
			return i + 1, escaped, true
		case '\\':
			if escaped = true; i+1 == len(p) {
				return i, escaped, false
			}
			i++
		}
		i++
	}
	return i, escaped, false
}

// specialBytes marks the first of eight bytes that is a quote or a backslash by
// setting its highest bit; bits above that one mean nothing. 0 means that none is.
func specialBytes(word uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote, backslash := word^ones*'"', word^ones*'\\'
	return ((quote-ones)&^quote | (backslash-ones)&^backslash) & highs
}

// plainString returns how long the JSON string is that p begins with, quotes
// included, 0 if it has an escape or does not end in p.
func plainString(p []byte) int {
	i := 1
	for i+8 <= len(p) {
		found := specialBytes(binary.LittleEndian.Uint64(p[i:]))
		if found != 0 {
			i += bits.TrailingZeros64(found) / 8
			break
		}
		i += 8
	}
	for i < len(p) && p[i] != '"' && p[i] != '\\' {
		i++
	}
	if i < len(p) && p[i] == '"' {
		return i + 1
	}
	return 0
}

// appendUnquoted appends what the JSON string stands for that p begins with, and
// returns how long that is, quotes included; 0 if it does not end in p. Like
// encoding/json it makes U+FFFD of half a surrogate pair. Bytes that are not
// UTF-8, control characters and unknown escapes stay as they are.
func appendUnquoted(dst, p []byte) (unquoted []byte, n int) {
	i := 1
	for i+8 <= len(p) {
		dst = slices.Grow(dst, 8)
		word := binary.LittleEndian.Uint64(p[i:])
		binary.LittleEndian.PutUint64(dst[len(dst):len(dst)+8], word)
		found := specialBytes(word)
		if found == 0 {
			dst = dst[:len(dst)+8]
			i += 8
			continue
		}
		plain := bits.TrailingZeros64(found) / 8
		dst = dst[:len(dst)+plain]
		switch i += plain; {
		case p[i] == '"':
			return dst, i + 1
		case i+1 < len(p) && unescaped[p[i+1]] != 0:
			dst = append(dst, unescaped[p[i+1]])
			i += 2
		default:
			dst, i = appendEscape(dst, p, i)
		}
	}
	for i < len(p) && p[i] != '"' {
		if p[i] == '\\' {
			dst, i = appendEscape(dst, p, i)
		} else {
			dst = append(dst, p[i])
			i++
		}
	}
	if i < len(p) {
		return dst, i + 1
	}
	return dst, 0
}

// appendEscape appends what the escape at i stands for, and returns where it ends.
func appendEscape(dst, p []byte, i int) (unquoted []byte, end int) {
	if i+1 < len(p) {
		if c := unescaped[p[i+1]]; c != 0 {
			return append(dst, c), i + 2
		}
	}
	dst, size := appendUnescaped(dst, p[i:])
	return dst, i + size
}

// unescaped has what the escapes of one character stand for.
var unescaped = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// appendUnescaped appends what the escape stands for that s begins with, which is
// a code unit or none that JSON knows, and returns how long it is.
func appendUnescaped(dst, s []byte) (unescaped []byte, n int) {
	r, ok := hexEscape(s)
	if !ok {
		n = min(2, len(s))
		return append(dst, s[:n]...), n
	}
	n = 6
	if utf16.IsSurrogate(r) {
		second, ok := hexEscape(s[n:])
		if r = utf16.DecodeRune(r, second); ok && r != utf8.RuneError {
			n += 6
		}
	}
	return utf8.AppendRune(dst, r), n
}

// hexEscape returns the code unit of the \u escape that s begins with.
func hexEscape(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, c := range s[2:6] {
		if bytes.IndexByte([]byte("0123456789abcdefABCDEF"), c) < 0 {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(string(s[2:6]), 16, 32)
	return rune(n), err == nil
}
