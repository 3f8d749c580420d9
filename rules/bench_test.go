package rules

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkMiss shows what a request costs that no rule matches: with 1,000 rules
// 20 us at most.
func BenchmarkMiss(b *testing.B) {
	kinds := map[string]string{
		"hosts": "host: api%d.example.test, path: /x",
		"paths": "path: '/api/v%d/{id}'",
		"urls":  "url: '*/api/v%d/users*'",
		"mixed": "method: POST, path: '/api/users/%d', header: {X-Test: none}",
	}
	for kind, match := range kinds {
		var text strings.Builder
		text.WriteString("version: 1\nrules:\n")
		for i := range 1000 {
			fmt.Fprintf(&text, "  - {name: r%d, match: {%s}, tag: t}\n", i, fmt.Sprintf(match, i))
		}
		v := NewStore(mustParse(b, text.String())).View()
		b.Run("1000/"+kind, func(b *testing.B) { miss(b, v) })
	}
	b.Run("0", func(b *testing.B) { miss(b, NewStore(nil).View()) })
}

func miss(b *testing.B, v *View) {
	r := request(b, "POST", "https://shop.example.test/api/users?page=1&lang=en",
		field("Accept", "*/*"), field("User-Agent", "test"), field("X-Test", "none"))
	b.ReportAllocs()
	for b.Loop() {
		if v.Empty() { // as Engine asks first
			continue
		}
		s := Subject{Request: r}
		if _, ok := v.Next(0, &s); ok {
			b.Fatal("a rule matched")
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("version: 1\nrules:\n")
	for i := range 10000 {
		fmt.Fprintf(&text, "  - {name: r%d, match: {path: '/v%d/*'}, mock: {status: 200}}\n", i, i)
	}
	b.ReportAllocs()
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := Parse("rules.yaml", []byte(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}
