package eventserver

import (
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

func TestWhoIsTooSlowIsTold(t *testing.T) {
	s, address := start(t, Options{RingItems: 100})
	p := subscribed(t, address, nil)
	const all = 20_000
	content := strings.Repeat("x", 1024)
	for id := range traffic.ExchangeID(all) {
		observe(s, id+1, "http://a.test/", content)
	}
	mark(s)
	entries, dropped := 0, 0.0
	for {
		g := p.next()
		switch g.name {
		case "traffic:batch":
			entries += len(g.args[0].([]any))
		case "lagged":
			dropped += g.args[0].(map[string]any)["dropped"].(float64)
		}
		if g.name == marked {
			break
		}
	}
	if stats := s.Stats(); float64(stats.Dropped) != dropped || stats.Clients != 1 || stats.Items == 0 || stats.Bytes == 0 {
		t.Errorf("%+v, %v events were missed", stats, dropped)
	}
	if entries == 0 || dropped == 0 || float64(entries)+dropped < all {
		t.Errorf("%d entries came and %v events did not, of %d exchanges", entries, dropped, all)
	}
}

func TestWhoIsTooSlowMayBeDisconnected(t *testing.T) {
	s, address := start(t, Options{RingItems: 100, DropLagging: true})
	p := subscribed(t, address, nil)
	for id := range traffic.ExchangeID(20_000) {
		observe(s, id+1, "http://a.test/", strings.Repeat("x", 1024))
	}
	for {
		if e, err := p.Next(); err != nil {
			break
		} else if e.Name == "lagged" {
			t.Fatal("it was told")
		}
	}
}

func TestWhoFallsBehindGetsAllInOrder(t *testing.T) {
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	const all = 4_000 // of which the buffers of the connection take a part
	for id := range traffic.ExchangeID(all) {
		s.Observe(traffic.RequestStarted{Exchange: newExchange(id+1, "http://a.test/")})
	}
	mark(s)
	for id := 0; id < all; {
		for _, entry := range p.batch() {
			id++
			if got := entry["id"]; got != entryID(id) {
				t.Fatalf("got entry %v, want %d", got, id)
			}
		}
	}
	p.expect(marked)
}
