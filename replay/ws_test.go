package replay

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
)

// chat is a conversation of three turns that the server closes.
var chat = talk{
	frames: []said{
		s("welcome"),
		c(`{"type":"join","room":1}`), s("joined"), s("history"),
		c(`{"type":"say","text":"hello"}`), s("said"),
		c("bye"), s("goodbye"), s("\x03\xe8done").as(wsframe.OpClose, true),
		c("\x03\xe8").as(wsframe.OpClose, true),
	},
	code: 1000,
}

// TestConversation is answered turn by turn.
func TestConversation(t *testing.T) {
	var ds divergences
	x := load(t, Options{OnDivergence: ds.add}, writeTalks(t, chat))
	p := dial(t, x, "http://h/chat")
	p.hears("welcome")
	p.say(`{"room": 1.0, "type": "join"}`)
	p.hears("joined", "history")
	p.say(`{"type":"say","text":"\u0068ello"}`)
	p.hears("said")
	p.say("bye")
	p.hears("goodbye", "close 1000 done")
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

// TestTurnWaits sends nothing before its turn, and then what several turns
// allow.
func TestTurnWaits(t *testing.T) {
	x := load(t, Options{}, writeTalks(t, chat))
	early := dial(t, x, "http://h/chat")
	early.hears("welcome")
	early.say(`{"type":"join","room":1}`)
	early.hears("joined", "history")
	early.hearsNothing()
	p := dial(t, x, "http://h/chat")
	p.say(`{"type":"join","room":1}`, `{"type":"say","text":"hello"}`)
	p.hears("welcome", "joined", "history", "said")
	p.hearsNothing()
}

// TestDivergences are told, and count as turns.
func TestDivergences(t *testing.T) {
	join, say := `{"type":"join","room":1}`, `{"type":"say","text":"hello"}`
	for name, tc := range map[string]struct {
		said []string
		want []string
	}{
		"none":      {[]string{join, say, "bye"}, nil},
		"reordered": {[]string{say, join, "bye"}, nil},
		"changed": {
			[]string{join, `{"type":"say","text":"bye"}`, "bye"},
			[]string{`ws://h/chat: message 2 of the client differs from #1 in json.text: recorded "hello", got "bye" ` +
				`(expected {"type":"say","text":"hello"}, received {"type":"say","text":"bye"})`},
		},
		"not JSON": {
			[]string{join, say, "good bye"},
			[]string{"ws://h/chat: message 3 of the client differs from #1 (expected bye, received good bye)"},
		},
		"extra": {
			[]string{"ping", join, say, "bye"},
			[]string{
				`ws://h/chat: message 1 of the client differs from #1 (expected {"type":"join","room":1}, received ping)`,
			},
		},
		"missing": {
			[]string{join, "bye", "bye"},
			[]string{`ws://h/chat: message 3 of the client differs from #1 (expected {"type":"say","text":"hello"}, received bye)`},
		},
		"too many": {
			[]string{join, say, "bye", "anyone?\x1b[m"},
			[]string{`ws://h/chat: message 4 of the client was not recorded: anyone?\x1b[m`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var ds divergences
			x := load(t, Options{OnDivergence: ds.add}, writeTalks(t, talk{frames: append(chat.frames[:8:8], s("end"))}))
			p := dial(t, x, "http://h/chat")
			p.say(tc.said...)
			p.hears("welcome", "joined", "history", "said", "goodbye", "end")
			if diff := cmp.Diff(tc.want, ds.lines()); diff != "" {
				t.Errorf("divergences (-want +got):\n%s", diff)
			}
			if got := x.Stats().Divergences; got != int64(len(tc.want)) {
				t.Errorf("%d divergences counted", got)
			}
		})
	}
}

// TestSlack bounds how far messages may be out of order.
func TestSlack(t *testing.T) {
	var k talk
	for i := range 20 {
		k.frames = append(k.frames, c(fmt.Sprint(i)))
	}
	var ds divergences
	x := load(t, Options{OnDivergence: ds.add}, writeTalks(t, k))
	p := dial(t, x, "http://h/chat")
	p.say("8", "0", "11")
	want := []string{"ws://h/chat: message 3 of the client differs from #1 (expected 2, received 11)"}
	if diff := cmp.Diff(want, ds.lines()); diff != "" {
		t.Errorf("divergences (-want +got):\n%s", diff)
	}
}

// TestResynchronizing finds back into the recording after messages that are
// missing, up to every third, and after ones too many.
func TestResynchronizing(t *testing.T) {
	const n = 60
	var k talk
	var less, more []string
	for i := range n {
		text := fmt.Sprint("message ", i)
		k.frames = append(k.frames, c(text))
		if i%3 != 1 {
			less = append(less, text)
		}
		more = append(more, text, "and then")
	}
	path := writeTalks(t, k)
	for _, tc := range []struct {
		said []string
		want int
	}{{less, 0}, {more, n}} {
		var ds divergences
		dial(t, load(t, Options{OnDivergence: ds.add}, path), "http://h/chat").say(tc.said...)
		for _, line := range ds.lines() {
			if !strings.HasSuffix(line, "received and then)") && !strings.HasSuffix(line, ": and then") {
				t.Error(line)
			}
		}
		if got := len(ds.lines()); got != tc.want {
			t.Errorf("%d divergences, want %d", got, tc.want)
		}
	}
}

// TestStrict closes a conversation that diverges and hears nothing more.
func TestStrict(t *testing.T) {
	var ds divergences
	x := load(t, Options{WSStrict: true, OnDivergence: ds.add}, writeTalks(t, chat))
	p := dial(t, x, "http://h/chat")
	p.say(`{"type":"join","room":1}`)
	p.hears("welcome", "joined", "history")
	p.say("no", "and no again")
	p.hears("close 1008 message not recorded")
	p.close(1008)
	p.hears("EOF")
	if got, want := x.Stats(), (Stats{WebSockets: 1, Served: 1, Missed: 1, Divergences: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	if got := len(ds.lines()); got != 1 {
		t.Errorf("%d divergences told", got)
	}
}

// TestMatch answers by content, wherever it was recorded.
func TestMatch(t *testing.T) {
	var ds divergences
	frames := append(chat.frames[:6:6],
		c(`{"type":"join","room":1}`), s("joined again"), c("quiet"), c("\x00\x01").as(wsframe.OpBinary, true), s("two bytes"))
	x := load(t, Options{WSMode: WSMatch, OnDivergence: ds.add}, writeTalks(t, talk{frames: frames}))
	p := dial(t, x, "http://h/chat")
	p.say(`{"type":"say","text":"hello"}`)
	p.hears("welcome", "said")
	p.say("quiet", `{"room":1,"type":"join"}`)
	p.hears("joined", "history")
	p.say(`{"type":"join","room":2}`, "who?", "\x00\x01")
	p.send(wsframe.OpBinary, true, "\x00\x01")
	p.hears("two bytes")
	p.say(`{"type":"join","room":1}`, `{"type":"join","room":1}`)
	p.hears("joined again", "joined again")
	want := []string{
		`ws://h/chat: message 4 of the client differs from #1 in json.room: recorded 1, got 2 (expected {"type":"join","room":1}, received {"type":"join","room":2})`,
		`ws://h/chat: message 5 of the client was not recorded: who?`,
		`ws://h/chat: message 6 of the client was not recorded: \x00\x01`,
	}
	if diff := cmp.Diff(want, ds.lines()); diff != "" {
		t.Errorf("divergences (-want +got):\n%s", diff)
	}
}

// TestSecretsInMessages match by presence and are not shown.
func TestSecretsInMessages(t *testing.T) {
	lines := talk{frames: []said{
		c(`{"token":"{{redacted:token:9f86d081}}","n":1}`), s("a"),
		c(`42["login",{"password":"{{redacted:password:9f86d081}}"}]`), s("b"),
		c("end"), s("c"),
	}}.lines(1, 0)
	var ds divergences
	x := load(t, Options{OnDivergence: ds.add}, writeLines(t, "auto", lines...))
	p := dial(t, x, "http://h/chat?token=hush")
	p.say(`{"n":1,"token":"hush"}`, `42["login", {"password":"hush"}]`)
	p.hears("a", "b")
	p.say(`{"token":"hush","user":{"secret":["hush",7]}}`)
	p.hears("c")
	p.say("a=b&password=hush")
	want := []string{
		`ws://h/chat?token=***: message 3 of the client differs from #1 (expected end, received {"token":"***","user":{"secret":["***","***"]}})`,
		`ws://h/chat?token=***: message 4 of the client differs from #1 (expected end, received a=b&password=***)`,
	}
	if diff := cmp.Diff(want, ds.lines()); diff != "" {
		t.Errorf("divergences (-want +got):\n%s", diff)
	}
}

// TestConversationsAreIndependent has many clients of one recording at once.
func TestConversationsAreIndependent(t *testing.T) {
	for _, mode := range []WSMode{WSTurn, WSMatch} {
		x := load(t, Options{WSMode: mode}, writeTalks(t, chat))
		var wg sync.WaitGroup
		for range 20 {
			p := dial(t, x, "http://h/chat")
			wg.Go(func() {
				for _, f := range chat.frames[:8] {
					if f.dir == c("").dir {
						p.say(f.text)
					} else if got := p.read(); got != f.text {
						t.Errorf("heard %q, want %q", got, f.text)
					}
				}
			})
		}
		wg.Wait()
	}
}

// TestCancel ends a conversation with its context, and the goroutine with it.
func TestCancel(t *testing.T) {
	k := talk{frames: []said{s("a")}}
	for range 100 {
		k.frames = append(k.frames, s(strings.Repeat("x", 1000)))
	}
	x := load(t, Options{}, writeTalks(t, k))
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := x.RoundTrip(ctx, handshakeTo(t, "http://h/chat"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.Copy(io.Discard, resp.Body)
	if err != context.Canceled {
		t.Errorf("error %v", err)
	}
	<-resp.Body.(*duplex).played
	if n, err := resp.Body.(io.Writer).Write([]byte("\x81\x82")); n != 2 || err != nil {
		t.Errorf("writing after the end: %d, %v", n, err)
	}
	for range 2 {
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}
