package main

import "testing"

func TestOneLine(t *testing.T) {
	tests := []struct{ text, want string }{
		{" a\r\nb\tc\n", "a b c"},
		{"\x1b]0;title\a", `\x1b]0;title\x07`},
		{"\u009b31m", `\u009b31m`},
		{"\x9b31m", `\x9b31m`},
		{"gpj.\u202eexe", `gpj.\u202eexe`},
		{"a\u2028b", `a\u2028b`},
		{"Grüße, 世界", "Grüße, 世界"},
	}
	for _, test := range tests {
		if got := oneLine(test.text); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}
