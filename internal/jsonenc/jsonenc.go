// Package jsonenc appends JSON to byte slices, for those who write so much of it
// that encoding/json would be most of their work.
//
//	dst = append(dst, `{"url":`...)
//	dst = jsonenc.AppendText(dst, url)
package jsonenc

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Plain has the bytes that stand for themselves in a JSON string (RFC 8259
// section 7). Bytes of 0x80 and above do in valid UTF-8.
var Plain = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return plain
}()

// AppendQuoted appends s, which must be valid UTF-8, as a JSON string.
func AppendQuoted[S ~string | ~[]byte](dst []byte, s S) []byte {
	return append(AppendEscaped(append(dst, '"'), s), '"')
}

// AppendEscaped appends s as a part of a JSON string. It is a piece of valid UTF-8
// that may begin and end inside a character. It takes eight bytes at a time: bodies
// are most of what is written, and JSON in JSON has a quote every few bytes, too
// often for copying the runs between them.
func AppendEscaped[S ~string | ~[]byte](dst []byte, s S) []byte {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		word := load64(s, i)
		dst = binary.LittleEndian.AppendUint64(dst, word)
		if special := specialBytes(word); special != 0 {
			dst = appendSpecial(dst[:len(dst)-8], word, special)
		}
	}
	for ; i < len(s); i++ {
		if Plain[s[i]] {
			dst = append(dst, s[i])
		} else {
			dst = AppendEscape(dst, s[i])
		}
	}
	return dst
}

// appendSpecial appends eight bytes, of which specialBytes has marked some. As long
// as escapes are of two bytes, it writes for each all that follows it, too, which the
// next one pushes on.
func appendSpecial(dst []byte, word, special uint64) []byte {
	const most = 2*8 + 8 // what is written, and what is written too much
	if cap(dst)-len(dst) < most {
		dst = slices.Grow(dst, most)
	}
	start := len(dst)
	out := dst[start : start+most]
	binary.LittleEndian.PutUint64(out, word)
	length := 8
	for ; special != 0; special &= special - 1 {
		at := bits.TrailingZeros64(special) &^ 7 // in bits
		rest := word >> at
		letter := letters[byte(rest)]
		if letter == 0 {
			return appendEach(dst, word)
		}
		place := length - 8 + at/8
		binary.LittleEndian.PutUint64(out[place+1:], rest)
		out[place], out[place+1] = '\\', letter
		length++
	}
	return dst[:start+length]
}

// appendEach appends eight bytes one by one.
func appendEach(dst []byte, word uint64) []byte {
	for range 8 {
		if c := byte(word); Plain[c] {
			dst = append(dst, c)
		} else {
			dst = AppendEscape(dst, c)
		}
		word >>= 8
	}
	return dst
}

// load64 returns eight bytes of s as one number, the first lowest. The compiler
// makes one load of it.
func load64[S ~string | ~[]byte](s S, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// specialBytes marks those of eight bytes that are not Plain by setting their highest
// bit. It adds to seven bits of each byte, so that no carry reaches the next: what is
// not 0 gets the highest bit by that.
func specialBytes(word uint64) uint64 {
	const (
		ones   = 0x0101010101010101
		sevens = ones * 0x7f
	)
	low := word & sevens
	quote := low ^ ones*'"' + sevens
	backslash := low ^ ones*'\\' + sevens
	control := low&(ones*0x60) + sevens
	return ^(quote&backslash&control | word | sevens)
}

// letters has what stands behind the backslash in an escape of two bytes, 0 for none.
var letters = [256]byte{'"': '"', '\\': '\\', '\n': 'n', '\r': 'r', '\t': 't'}

// AppendEscape appends the escape of a byte that is not Plain.
func AppendEscape(dst []byte, c byte) []byte {
	if letter := letters[c]; letter != 0 {
		return append(dst, '\\', letter)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// AppendText appends words for people as a JSON string. Bytes that are not UTF-8
// become U+FFFD: nobody needs them back.
func AppendText(dst []byte, s string) []byte {
	if IsUTF8(s) {
		return AppendQuoted(dst, s)
	}
	return AppendQuoted(dst, string([]rune(s)))
}

// AppendLatin1 appends a JSON string that spells each byte as the character of
// that number, so that bytes that are not UTF-8 survive. It must be marked.
func AppendLatin1[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		if c := s[i]; Plain[c] {
			dst = utf8.AppendRune(dst, rune(c))
		} else {
			dst = AppendEscape(dst, c)
		}
	}
	return append(dst, '"')
}

// IsUTF8 reports whether s is valid UTF-8. It copies nothing as long as s is
// ASCII.
func IsUTF8[S ~string | ~[]byte](s S) bool {
	i := 0
	for i+8 <= len(s) && load64(s, i)&0x8080808080808080 == 0 {
		i += 8
	}
	for ; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return utf8.ValidString(string(s[i:]))
		}
	}
	return true
}

// IsPlain reports whether s is ASCII without a byte that needs an escape, as nearly
// all field names and values are: then s is what stands between the quotes.
func IsPlain[S ~string | ~[]byte](s S) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if c := s[i]; c >= utf8.RuneSelf || !Plain[c] {
				return false
			}
		}
		return true
	}
	odd := oddBytes(load64(s, len(s)-8)) // overlaps what is looked at last
	for i := 0; i+8 < len(s); i += 8 {
		odd |= oddBytes(load64(s, i))
	}
	return odd == 0
}

// oddBytes is not 0 if one of eight bytes is not Plain or not ASCII.
func oddBytes(word uint64) uint64 { return specialBytes(word) | word&0x8080808080808080 }

// AppendMillis appends d as milliseconds with one decimal; less than none is
// none.
func AppendMillis(dst []byte, d time.Duration) []byte {
	tenths := int64((max(d, 0) + 50*time.Microsecond) / (100 * time.Microsecond))
	dst = strconv.AppendInt(dst, tenths/10, 10)
	return append(dst, '.', byte('0'+tenths%10))
}
