package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/traffic"
)

func TestFilterWhatIsWritten(t *testing.T) {
	for expr, want := range map[string][]string{
		"status:2xx and not ws":        {"http 7", "http 2", "http 4", "http 5", "http 6"},
		"error and not ws and not tls": {"http 7", "http 3"},
		"text:hello":                   {"ws.open 8", "ws.frame 8", "ws.close 8"},
		"ws and opcode:ping":           {"ws.open 8", "ws.frame 8", "ws.close 8"},
		"pending":                      {"http.pending 10"},
		"tls":                          {"tls 0"},
		"body:zebra":                   nil,
		"bs:long":                      {"http 4"},
	} {
		f, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		_, lines := recorded(t, Options{Filter: f, Redaction: "off"}, manyKinds(t)...)
		var got []string
		for _, line := range lines {
			h := parseHead([]byte(line))
			got = append(got, strings.TrimSpace(h.lineType+" "+string(rune('0'+h.id%10))))
		}
		for i, w := range want {
			want[i] = strings.Replace(w, " 10", " 0", 1)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
}

func TestFilterKeepsWhatHasALine(t *testing.T) {
	x := exchange(1)
	s := newSelection(nil, nil)
	if !s.wantsPending(x) || !s.wantsExchange(x) {
		t.Error("without a filter all is wanted")
	}
	open := openExchanges{byID: map[traffic.ExchangeID]openExchange{}}
	open.begin(x, began)
	if old := open.becomeOld(began, 0, func(*traffic.Exchange) bool { return true }); len(old) != 1 || !open.end(1) {
		t.Error("an exchange with a pending line must get its last")
	}
}
