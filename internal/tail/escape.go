package tail

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// appendSafe appends text from the network such that it stays on its line and
// means nothing to a terminal: control characters (C0, DEL, C1), those that turn
// the direction of text, separators of lines and what is not UTF-8 become
// escapes. Backslashes stay as they are.
func appendSafe[S ~string | ~[]byte](dst []byte, s S) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendSafeByte(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
		switch {
		case r == utf8.RuneError && size == 1:
			dst = fmt.Appendf(dst, `\x%02x`, s[i])
		case isUnsafe(r):
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return dst
}

func appendSafeByte(dst []byte, c byte) []byte {
	switch {
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c < ' ' || c == 0x7f:
		return fmt.Appendf(dst, `\x%02x`, c)
	default:
		return append(dst, c)
	}
}

// isUnsafe reports whether a character of more than one byte is escaped.
func isUnsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) ||
		r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// Safe returns text from the network as it is printed on one line: what could end
// the line or means something to a terminal is escaped.
func Safe(s string) string { return string(appendSafe(nil, s)) }
