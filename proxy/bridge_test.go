package proxy

import (
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// TestCookieCrumbs joins as many cookies as a header section may have, without
// copying them once for each.
func TestCookieCrumbs(t *testing.T) {
	const crumbs = 10_000
	req := &traffic.Request{
		Proto: proto2, Method: "GET", Target: "/",
		URL: traffic.URL{Scheme: "https", Authority: "example.com", Target: "/"},
	}
	for range crumbs {
		req.Header.Add("cookie", "a=1")
	}
	var out *traffic.Request
	allocs := testing.AllocsPerRun(1, func() {
		var err error
		if out, err = request1(req); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 100 {
		t.Errorf("%g allocations for %d cookies", allocs, crumbs)
	}
	want := strings.Repeat("a=1; ", crumbs-1) + "a=1"
	if got := out.Header.Get("cookie"); got != want {
		t.Errorf("cookie of %d bytes, want %d", len(got), len(want))
	}
}

// TestHandshakeHasOneKey replaces the key of a client that has sent one though
// extended CONNECT has none.
func TestHandshakeHasOneKey(t *testing.T) {
	n := 0
	for _, f := range handshakeOf(traffic.Fields{{Name: wsKey, Value: "client"}}) {
		if f.Is(wsKey) {
			n++
			if f.Value == "client" {
				t.Error("the client's key is passed on")
			}
		}
	}
	if n != 1 {
		t.Errorf("%d keys, want 1", n)
	}
}
