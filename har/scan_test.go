package har

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUnquote(t *testing.T) {
	tests := []struct{ name, quoted, want string }{
		{"plain", `"a b"`, "a b"},
		{"empty", `""`, ""},
		{"short escapes", `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{"code units", `"\u00e9\u6F22\u0000"`, "é漢\x00"},
		{"surrogate pair", `"\ud83d\ude42!"`, "🙂!"},
		{"first half only", `"\ud83dx"`, "\ufffdx"},
		{"first half before an escape", `"\ud83d\u0041"`, "\ufffdA"},
		{"second half only", `"\ude42"`, "\ufffd"},
		{"bytes that are not UTF-8", "\"caf\xe9\"", "caf\xe9"},
		{"control character", "\"a\nb\"", "a\nb"},
		{"unknown escape", `"a\x41"`, `a\x41`},
		{"short code unit", `"\u12"`, `\u12`},
		{"signed code unit", `"\u+123"`, `\u+123`},
	}
	for _, test := range tests {
		got, n := appendUnquoted(nil, []byte(test.quoted+`, "next"`))
		if string(got) != test.want || n != len(test.quoted) {
			t.Errorf("%s: %q of %d bytes, want %q", test.name, got, n, test.want)
		}
		plain := plainString([]byte(test.quoted + `, "next"`))
		if want := map[bool]int{true: 0, false: n}[strings.Contains(test.quoted, `\`)]; plain != want {
			t.Errorf("%s: %d bytes of it are plain, want %d", test.name, plain, want)
		}
	}
}

func TestShortIntegers(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "-1": -1, "200": 200, "123456789": 123456789, "-123456789": -123456789} {
		if n, ok := shortInteger([]byte(text)); n != want || !ok {
			t.Errorf("%s is %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "-", "--1", "+1", "1234567890", "1.5", "1e3", `"1"`, "null"} {
		if n, ok := shortInteger([]byte(text)); ok {
			t.Errorf("%s is %d", text, n)
		}
	}
}

func TestValueLongerThanAllowed(t *testing.T) {
	s := scanner{in: strings.NewReader("x"), buf: make([]byte, maxValue+1)}
	if s.more() || !errors.Is(s.cut(), errTooLong) {
		t.Errorf("error %v, want %v", s.cut(), errTooLong)
	}
}

func TestReaderThatReturnsNothing(t *testing.T) {
	s := newScanner(nothing{})
	if s.peek() != 0 || !errors.Is(s.cut(), io.ErrNoProgress) {
		t.Errorf("error %v, want %v", s.cut(), io.ErrNoProgress)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// The buffer of a long value is given back.
func TestBufferShrinks(t *testing.T) {
	long := `"` + strings.Repeat("a", 32*readSize) + `"`
	s := newScanner(strings.NewReader(long + strings.Repeat(` "b"`, 2*readSize)))
	for i := 0; s.peek() != 0; i++ {
		raw, err := s.value()
		if want := map[bool]int{true: len(long), false: len(`"b"`)}[i == 0]; err != nil || len(raw) != want {
			t.Fatalf("value %d of %d bytes, error %v", i, len(raw), err)
		}
	}
	if cap(s.buf) > 4*readSize {
		t.Errorf("the buffer has %d bytes", cap(s.buf))
	}
}

func FuzzUnquote(f *testing.F) {
	for _, seed := range []string{`""`, `"\u00e9\ud83d\ude42\ud83d\n"`, `"\\\""`, "\"\xff\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		s := scanBytes(document)
		quoted, err := s.value()
		if err != nil || quoted[0] != '"' {
			return
		}
		got, n := appendUnquoted(nil, document[len(document)-len(s.buf[s.keep:]):])
		if n != len(quoted) {
			t.Errorf("%d bytes, want %d", n, len(quoted))
		}
		if n := plainString(quoted); n > 0 && string(got) != string(quoted[1:n-1]) {
			t.Errorf("%q, which is plain, is %q", quoted, got)
		}
		var want string
		if json.Unmarshal(quoted, &want) == nil && utf8.Valid(quoted) && string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// The scanner must see in valid documents what encoding/json sees.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"log":{"entries":[{},{"a":"\"}"}]}}`, `{"a":[1,{"log":2}],"log":{"x":"\\","entries":[1,"]",null,[[]]],"y":-1e9}}`,
		`{"log":{"entries":[{"a":1}],"entries":[2]},"log":{"entries":[3]}}`, `{"log":{"entries":[{"a`, `[`, `{"log" {`, "{\"log\":{\"entries\":[1 2}",
	} {
		f.Add([]byte(seed), byte(3))
	}
	f.Fuzz(func(t *testing.T, document []byte, size byte) {
		r := &Reader{scan: newScanner(&slow{document, int(size)%16 + 1}), files: noFiles("")}
		var got []string
		if r.scan.peek() == '{' {
			r.scan.pos++
			for raw, err := nextRaw(r); err == nil; raw, err = nextRaw(r) {
				got = append(got, string(raw))
				r.decode(bytes.Clone(raw))
			}
		}
		if !json.Valid(document) {
			return
		}
		if want := entriesByJSON(document); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("entries %q, want %q", got, want)
		}
	})
}

// slow is a reader that returns that many bytes at a time.
type slow struct {
	rest []byte
	size int
}

func (s *slow) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), s.size)], s.rest)
	if s.rest = s.rest[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// entriesByJSON returns what is in all log.entries of a valid document.
func entriesByJSON(document []byte) []string {
	var entries []string
	eachMember(document, "log", func(log []byte) {
		eachMember(log, "entries", func(raw []byte) {
			var all []json.RawMessage
			if json.Unmarshal(raw, &all) == nil {
				for _, e := range all {
					entries = append(entries, string(e))
				}
			}
		})
	})
	return entries
}

// eachMember calls do with the value of every member of that name, of which there
// should be one.
func eachMember(object []byte, name string, do func([]byte)) {
	d := json.NewDecoder(bytes.NewReader(object))
	if first, _ := d.Token(); first != json.Delim('{') {
		return
	}
	for d.More() {
		key, _ := d.Token()
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return
		}
		if key == name {
			do(value)
		}
	}
}

// nextRaw returns the next element of `entries` as it is.
func nextRaw(r *Reader) ([]byte, error) {
	if err := r.toElement(); err != nil {
		return nil, err
	}
	return r.scan.value()
}

func TestBufferGrowsNoFurtherThanAValue(t *testing.T) {
	for _, length := range []int{0, readSize, maxValue/2 + 1} {
		s := scanner{buf: make([]byte, length)}
		s.grow()
		if c := cap(s.buf); len(s.buf) != length || c < length+readSize || c > maxValue+readSize {
			t.Errorf("%d bytes: room for %d", length, c)
		}
	}
}
