package record

import (
	"time"

	"github.com/necto-dev/necto/internal/jsonenc"
)

// appendWire appends a member with a string from the wire. If that is not UTF-8
// it adds the member's name to odd.
func appendWire[S ~string | ~[]byte](dst []byte, before byte, name string, s S, odd []string) ([]byte, []string) {
	dst = append(dst, before, '"')
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	if jsonenc.IsUTF8(s) {
		return jsonenc.AppendQuoted(dst, s), odd
	}
	return jsonenc.AppendLatin1(dst, s), append(odd, name)
}

// stamper spells times. It keeps the spelling of the last second, since many
// lines fall into one.
type stamper struct {
	second int64
	text   []byte
}

// append appends t in UTC with six decimals, always: so stamps sort as text.
func (s *stamper) append(dst []byte, t time.Time) []byte {
	if s.text == nil || t.Unix() != s.second {
		s.second = t.Unix()
		s.text = t.UTC().AppendFormat(s.text[:0], "2006-01-02T15:04:05.")
	}
	dst = append(dst, s.text...)
	micros := t.Nanosecond() / 1000
	for unit := 100_000; unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+micros/unit%10))
	}
	return append(dst, 'Z')
}
