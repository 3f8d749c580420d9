package wsframe_test

import (
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/wsframe"
)

func TestValidCloseCodes(t *testing.T) {
	tests := []struct {
		from, to int
		valid    bool
	}{
		{0, 999, false},
		{1000, 1003, true},
		{1004, 1006, false},
		{1007, 1014, true},
		{1015, 2999, false},
		{3000, 4999, true},
		{5000, 65535, false},
	}
	for _, test := range tests {
		for code := test.from; code <= test.to; code++ {
			if wsframe.ValidCloseCode(code) != test.valid {
				t.Errorf("%d: valid is %v", code, !test.valid)
			}
		}
	}
}

func TestCloseTexts(t *testing.T) {
	for code := 1000; code <= 1015; code++ {
		if reserved := code == 1004; (wsframe.CloseText(code) == "") != reserved {
			t.Errorf("%d: %q", code, wsframe.CloseText(code))
		}
	}
	if got := wsframe.CloseText(4000); got != "" {
		t.Errorf("4000: %q", got)
	}
}

func TestAppendClose(t *testing.T) {
	tests := []struct {
		code   int
		reason string
		want   string
	}{
		{wsframe.CloseNormal, "", "\x03\xe8"},
		{wsframe.ClosePolicyViolation, "no", "\x03\xf0no"},
		{wsframe.CloseNoStatus, "unsayable", ""},
		{4999, strings.Repeat("a", 123), "\x13\x87" + strings.Repeat("a", 123)},
		{1000, strings.Repeat("a", 124), "\x03\xe8" + strings.Repeat("a", 123)},
		{1000, strings.Repeat("a", 121) + "\u20ac", "\x03\xe8" + strings.Repeat("a", 121)},
		{1000, strings.Repeat("a", 120) + "\U0001f600", "\x03\xe8" + strings.Repeat("a", 120)},
		{1000, strings.Repeat("\x80", 200), "\x03\xe8" + strings.Repeat("\x80", 119)},
	}
	for _, test := range tests {
		if got := string(wsframe.AppendClose([]byte("before"), test.code, test.reason)); got != "before"+test.want {
			t.Errorf("%d %.10q: got %q, want %q", test.code, test.reason, got[6:], test.want)
		}
	}
}

func TestParseCloseReadsWhatAppendCloseWrites(t *testing.T) {
	code, reason, wrong := wsframe.ParseClose(wsframe.AppendClose(nil, wsframe.CloseGoingAway, "going \u20ac"))
	if code != wsframe.CloseGoingAway || reason != "going \u20ac" || wrong != 0 {
		t.Errorf("got %d %q, %v", code, reason, wrong)
	}
}
