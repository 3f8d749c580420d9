package proxy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestHTTP2TooManyFields refuses a request and an answer with more fields than are
// taken, and nothing else on their connections.
func TestHTTP2TooManyFields(t *testing.T) {
	many := slices.Repeat(traffic.Fields{{Name: "x", Value: "y"}}, 1001)
	client, addr, p := setupEngine(t, proxy.Options{}, func(st *h2.Stream) {
		if st.Head().Pseudo.Get(":path") == "/many" {
			answer(st, "", many...)
			return
		}
		answer(st, "few")
	})
	for path, want := range map[string]int{"/asked": 431, "/many": 502} {
		var fields traffic.Fields
		if want == 431 {
			fields = many
		}
		head, text := receive(t, send(t, client, get2(addr, path, fields...)))
		if head.Status() != want || !strings.HasPrefix(text, "necto: ") {
			t.Errorf("%s: status %d, %q", path, head.Status(), text)
		}
		if _, text := receive(t, send(t, client, get2(addr, "/"))); text != "few" {
			t.Errorf("the next answer is %q", text)
		}
	}
	if e := clientError(t, p); e.Status != 431 || e.Failure.Kind != traffic.FailProtocol {
		t.Errorf("event %+v", e)
	}
	connects := 0
	for _, x := range p.WaitExchanges(t, 3) {
		if x.Timing.Connect >= 0 {
			connects++
		}
		f := x.Failure
		if failed := x.Request.Target == "/many"; failed != (f != nil) || failed && (f.Side != traffic.SideUpstream || f.Kind != traffic.FailProtocol) {
			t.Errorf("%s: %+v", x.Request.Target, f)
		}
	}
	if connects > 1 {
		t.Errorf("%d connections to the origin", connects)
	}
}
