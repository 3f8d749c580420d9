package diff

import (
	"strings"
	"testing"
)

// FuzzNormalize checks that only volatile parts are replaced: with them in the
// place of their shapes the text is what it was.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{
		"", "plain", "2026-11-20T12:00:00.5Z and 2026-11-20", "id 0b5f1c1e-7a8f-4c53-9b1e-0d6f3a2b1c4d at http://127.0.0.1:8080/",
		"{{redacted:token:9f86d081}}{uuid}", "deadbeefdeadbeef 1700000000 12.5ms 0123456789012345", "eyJhbGciOi.eyJzdWIi.x\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := normalize(s)
		var restored strings.Builder
		rest, original := n.text, s
		for _, p := range n.parts {
			at := 0
			for !isPlace(p, rest[at:], original[at:]) {
				if at++; at > min(len(rest), len(original)) {
					t.Fatalf("%q: no place for %q in %q", s, p.text, n.text)
				}
			}
			restored.WriteString(original[:at] + p.text)
			rest, original = rest[at+len(p.shape)+2:], original[at+len(p.text):]
		}
		if restored.String()+rest != s {
			t.Errorf("%q becomes %q", s, n.text)
		}
		if shape := shapeOfPair(s, s); shape != "" {
			t.Errorf("%q differs from itself in a %s", s, shape)
		}
	})
}

// isPlace reports whether a part was replaced where original begins.
func isPlace(p part, text, original string) bool {
	return strings.HasPrefix(text, "{"+p.shape+"}") && strings.HasPrefix(original, p.text)
}
