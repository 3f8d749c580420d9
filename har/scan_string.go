package har

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// appendUnquoted appends what a JSON string stands for, as the scanner
// found it: a quote inside of it is escaped. Like encoding/json it makes U+FFFD of
// half a surrogate pair. Bytes that are not UTF-8, control characters and unknown
// escapes stay as they are.
func appendUnquoted(dst, quoted []byte) []byte {
	s := quoted[1 : len(quoted)-1]
	for i := bytes.IndexByte(s, '\\'); i >= 0 && i+1 < len(s); i = plainRun(s) {
		dst = append(dst, s[:i]...)
		// Escapes come in clusters, as JSON in JSON has them.
		for s = s[i:]; len(s) > 1 && s[0] == '\\'; {
			dst, s = appendUnescaped(dst, s)
		}
	}
	return append(dst, s...)
}

// plainRun returns how many bytes at the start of p are neither a quote nor a
// backslash. It takes eight at a time: bodies are most of a HAR, and JSON in JSON
// has an escape every few bytes, too often for calls of bytes.IndexByte.
func plainRun(p []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(p); i += 8 {
		word := binary.LittleEndian.Uint64(p[i:])
		quote, backslash := word^ones*'"', word^ones*'\\'
		// The lowest high bit that is set marks the first such byte; those
		// above it mean nothing.
		if found := ((quote-ones)&^quote | (backslash-ones)&^backslash) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(p) && p[i] != '"' && p[i] != '\\'; i++ {
	}
	return i
}

// unescaped has what the escapes of one character stand for.
var unescaped = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// appendUnescaped appends what the escape stands for that s begins with, and
// returns what follows it.
func appendUnescaped(dst, s []byte) (appended, rest []byte) {
	if c := unescaped[s[1]]; c != 0 {
		return append(dst, c), s[2:]
	}
	r, ok := hexEscape(s)
	if !ok {
		return append(dst, s[0], s[1]), s[2:]
	}
	s = s[6:]
	if utf16.IsSurrogate(r) {
		second, ok := hexEscape(s)
		pair := utf16.DecodeRune(r, second)
		if ok && pair != utf8.RuneError {
			s = s[6:]
		}
		r = pair
	}
	return utf8.AppendRune(dst, r), s
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
