package convert

import (
	"bytes"
	"testing"
)

// FuzzNormalize checks that marks of secrets get numbers and nothing else changes,
// and that what has no port has none to lose.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{
		"", "plain", "{{redacted:token:9f86d081}} {{redacted:a b:9f86d081}}{{redacted:x:00000000}}",
		"{{redacted:x:9f86d0812}}", "{{redacted:", "http://127.0.0.1:8080/ [::1]:1 localhost:99999", "\xff{{redacted:\xff:9f86d081}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := marks{}
		got := bytes.Clone(m.normal(bytes.Clone(raw)))
		if len(got) != len(raw) {
			t.Fatalf("%q becomes %q", raw, got)
		}
		if !bytes.Equal(aMark.ReplaceAll(got, nil), aMark.ReplaceAll(raw, nil)) {
			t.Errorf("%q becomes %q: more than marks", raw, got)
		}
		if again := m.normal(bytes.Clone(raw)); !bytes.Equal(again, got) {
			t.Errorf("%q becomes %q, then %q", raw, got, again)
		}
		if once := withoutPorts(string(raw)); withoutPorts(once) != once {
			t.Errorf("%q has ports left in %q", raw, once)
		}
	})
}
