package jsonenc_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/jsonenc"
)

func FuzzAppendText(f *testing.F) {
	for _, s := range []string{"", "plain", `"\`, "\x00\x1f\n\r\t", "Ärger \u2028", "\xff", "eight by", "eight by\"nine", strings.Repeat("x\"", 40), "\n\"\\\x01\x7fä\t\"\"\"\"\"\"\"\"\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(jsonenc.AppendText([]byte("  "), s), &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); utf8.ValidString(s) && got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		var each []byte
		for i := range len(s) {
			each = jsonenc.AppendEscaped(each, s[i:i+1])
		}
		if all := jsonenc.AppendEscaped(nil, s); !bytes.Equal(all, each) {
			t.Errorf("escaped at once %q, byte by byte %q", all, each)
		}
		if err := json.Unmarshal(jsonenc.AppendLatin1(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		back := make([]byte, 0, len(s))
		for _, c := range got {
			back = append(back, byte(c))
		}
		if string(back) != s {
			t.Errorf("Latin-1: got %q, want %q", back, s)
		}
		if plain := strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf || !jsonenc.Plain[r] }) < 0; jsonenc.IsPlain(s) != plain {
			t.Errorf("IsPlain(%q) = %t", s, !plain)
		}
		if jsonenc.IsUTF8(s) != utf8.ValidString(s) {
			t.Errorf("IsUTF8(%q) = %t", s, jsonenc.IsUTF8(s))
		}
	})
}

func TestAppendMillis(t *testing.T) {
	for in, want := range map[time.Duration]string{
		0: "0.0", -time.Second: "0.0", 49 * time.Microsecond: "0.0", 50 * time.Microsecond: "0.1",
		1234567 * time.Microsecond: "1234.6",
	} {
		if got := string(jsonenc.AppendMillis(nil, in)); got != want {
			t.Errorf("%v: got %s, want %s", in, got, want)
		}
	}
}

func BenchmarkAppendQuoted(b *testing.B) {
	s := strings.Repeat(`{"name":"value","n":1},`, 50)
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = jsonenc.AppendQuoted(dst[:0], s)
	}
}
