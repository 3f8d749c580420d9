package jsondoc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// nested returns n arrays in each other.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestValid(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want bool
	}{
		"an object":                  {`{"a":[1,"b\"",null]}`, true},
		"a word":                     {`true`, true},
		"nothing":                    {``, false},
		"cut off":                    {`{"a":[1`, false},
		"as deep as allowed":         {nested(MaxDepth), true},
		"deeper":                     {nested(MaxDepth + 1), false},
		"deeper, in objects":         {strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1), false},
		"many beside each other":     {"[" + strings.Repeat("[],", 2*MaxDepth) + "{}]", true},
		"brackets in strings":        {`["` + strings.Repeat(`[\"{`, MaxDepth) + `"]`, true},
		"brackets behind a string":   {`["\\",` + nested(MaxDepth) + `]`, false},
		"ten million brackets":       {strings.Repeat("[", 10<<20), false},
		"ten million objects":        {strings.Repeat(`{"":`, 10<<20), false},
		"a string that has no end":   {`["` + strings.Repeat("[", 2*MaxDepth), false},
		"a string that ends in a \\": {strings.Repeat("[", MaxDepth) + `"` + strings.Repeat(`[`, MaxDepth) + `\`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Valid([]byte(test.text)); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// FuzzValid checks that short texts are what encoding/json takes them for, and that
// what is deeper than the bound is found by counting.
func FuzzValid(f *testing.F) {
	for _, s := range []string{`{"a":[1,"b\"",null]}`, `[[`, `"\`, `]]`, `{"":{"":[]}}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, want := Valid(text), gjson.ValidBytes(text); len(text) <= MaxDepth && got != want {
			t.Errorf("%q: got %v, gjson says %v", text, got, want)
		}
		around := append([]byte(strings.Repeat("[", MaxDepth)), text...)
		around = append(around, strings.Repeat("]", MaxDepth)...)
		if got, want := Valid(around), json.Valid(around); got != want && gjson.ValidBytes(text) == json.Valid(text) {
			t.Errorf("%q, %d deep: got %v, encoding/json says %v", text, MaxDepth, got, want)
		}
	})
}

func BenchmarkValid(b *testing.B) {
	for name, text := range map[string][]byte{
		"line":          []byte(`{"type":"http","request":{"headers":[` + strings.Repeat(`["Accept","application/json"],`, 60) + `["a","b"]]}}`),
		"long content":  []byte(`{"text":"` + strings.Repeat("0123456789", 20_000) + `"}`),
		"many elements": []byte("[" + strings.Repeat(`{"id":17,"name":"x"},`, 20_000) + "0]"),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if !Valid(text) {
					b.Fatal("not valid")
				}
			}
		})
	}
}
