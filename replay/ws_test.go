package replay

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConversation is answered turn by turn.
func TestConversation(t *testing.T) {
	var ds divergences
	x := load(t, Options{OnDivergence: ds.add}, writeTalks(t, talk{
		frames: []said{
			s("welcome"), c(`{"type":"join","room":1}`), s("joined"), s("history"), c("bye"),
			s("goodbye"), s("\x03\xe8").as(8, true),
		},
	}))
	p := dial(t, x, "http://h/chat")
	p.hears("welcome")
	p.say(`{"room": 1.0, "type": "join"}`)
	p.hears("joined", "history")
	p.say("bye")
	p.hears("goodbye", "close 1000")
	p.close(1000)
	p.hears("EOF")
	if diff := cmp.Diff([]string(nil), ds.lines()); diff != "" {
		t.Error(diff)
	}
	want := Stats{WebSockets: 1, Served: 1}
	if got := x.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}
