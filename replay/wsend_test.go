package replay

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// TestEnds says what comes after the last frame.
func TestEnds(t *testing.T) {
	const normal, empty = "\x03\xe8", ""
	shut := func(payload string) said { return ctl(s, wsframe.OpClose, payload) }
	for name, tc := range map[string]struct {
		talk  talk
		end   WSEnd
		first []string // heard before the client says anything
		say   int      // close code of the client, 0 for none
		then  []string
		took  time.Duration
	}{
		"hold":                    {talk{code: 1000}, WSHold, nil, 1001, []string{"close 1001", "EOF"}, 0},
		"hold, without a code":    {talk{}, WSHold, nil, wsframe.CloseNoStatus, []string{"close 1005", "EOF"}, 0},
		"hold, forbidden code":    {talk{}, WSHold, nil, 999, []string{"close 1002", "EOF"}, 0},
		"the client closed first": {talk{frames: []said{ctl(c, wsframe.OpClose, normal), shut(normal)}}, WSHold, nil, 3001, []string{"close 3001", "EOF"}, 0},
		"the server closes":       {talk{frames: []said{shut(normal + "bye")}, code: 1000}, WSHold, []string{"close 1000 bye"}, 1000, []string{"EOF"}, 0},
		"without a code":          {talk{frames: []said{shut(empty)}, code: 1005}, WSClose, []string{"close 1005"}, 1005, []string{"EOF"}, 0},
		"the client keeps quiet":  {talk{frames: []said{shut(normal)}, code: 1000}, WSClose, []string{"close 1000"}, 0, []string{"EOF"}, closePatience},
		"close":                   {talk{code: 1011}, WSClose, []string{"close 1011"}, 1011, []string{"EOF"}, 0},
		"close, without a code":   {talk{code: 1005}, WSClose, []string{"close 1005"}, 1005, []string{"EOF"}, 0},
		"close, broken":           {talk{code: 1006}, WSClose, nil, 0, []string{"EOF"}, 0},
		"close, recording is cut": {talk{}, WSClose, []string{"close 1001"}, 1001, []string{"EOF"}, 0},
	} {
		for _, mode := range []WSMode{WSTurn, WSMatch, WSTimed} {
			t.Run(fmt.Sprint(name, " ", mode), func(t *testing.T) {
				path := writeTalks(t, talk{frames: append([]said{s("a")}, tc.talk.frames...), code: tc.talk.code})
				synctest.Test(t, func(t *testing.T) {
					x := load(t, Options{WSEnd: tc.end, WSMode: mode}, path)
					p := dial(t, x, "http://h/chat")
					p.hears("a")
					p.hears(tc.first...)
					began := time.Now()
					if tc.say != 0 {
						p.close(tc.say)
					}
					p.hears(tc.then...)
					if took := time.Since(began); took != tc.took {
						t.Errorf("took %v", took)
					}
				})
			})
		}
	}
}

// TestClientEnds first, and is told what was due by then.
func TestClientEnds(t *testing.T) {
	path := writeTalks(t, talk{frames: []said{
		c("a"), s("b").after(10), s("c").after(10), c("d"), s("e"), ctl(s, wsframe.OpClose, ""),
	}})
	for _, timing := range []Timing{Instant, Recorded} {
		synctest.Test(t, func(t *testing.T) {
			x := load(t, Options{Timing: timing}, path)
			p := dial(t, x, "http://h/chat")
			p.say("a")
			p.close(1000)
			if timing == Instant {
				p.hears("b", "c")
			}
			p.hears("close 1000", "EOF")
			p.say("after the end")
			gone := dial(t, x, "http://h/chat").conn.(*duplex)
			if err := gone.CloseWrite(); err != nil {
				t.Error(err)
			}
			if n, err := gone.Read(make([]byte, 9)); n != 0 || err == nil || err.Error() != "EOF" {
				t.Errorf("after a half-close: %d, %v", n, err)
			}
		})
	}
}

// TestWSTiming paces frames.
func TestWSTiming(t *testing.T) {
	type arrival struct {
		MS   int64
		Text string
	}
	path := writeTalks(t, talk{frames: []said{
		s("a").after(100), s("b").after(50), c("c").after(1000), s("d").after(20), ctl(c, wsframe.OpPong, "").after(30), s("e").after(50),
	}})
	for name, tc := range map[string]struct {
		o    Options
		want []arrival
	}{
		"turn, instant":  {Options{}, []arrival{{0, "a"}, {0, "b"}, {500, "d"}, {500, "e"}}},
		"turn":           {Options{Timing: Recorded}, []arrival{{100, "a"}, {150, "b"}, {520, "d"}, {600, "e"}}},
		"turn, 2x":       {Options{Timing: 2}, []arrival{{50, "a"}, {75, "b"}, {510, "d"}, {550, "e"}}},
		"match":          {Options{Timing: Recorded, WSMode: WSMatch}, []arrival{{100, "a"}, {150, "b"}, {520, "d"}, {600, "e"}}},
		"timed":          {Options{Timing: Recorded, WSMode: WSTimed}, []arrival{{100, "a"}, {150, "b"}, {1170, "d"}, {1250, "e"}}},
		"timed, 0.5x":    {Options{Timing: 0.5, WSMode: WSTimed}, []arrival{{200, "a"}, {300, "b"}, {2340, "d"}, {2500, "e"}}},
		"timed, instant": {Options{WSMode: WSTimed}, []arrival{{0, "a"}, {0, "b"}, {0, "d"}, {0, "e"}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := load(t, tc.o, path)
				p := dial(t, x, "http://h/chat")
				began := time.Now()
				time.AfterFunc(500*time.Millisecond, func() { p.say("c") })
				var got []arrival
				for range tc.want {
					text := p.read()
					got = append(got, arrival{time.Since(began).Milliseconds(), text})
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("arrivals (-want +got):\n%s", diff)
				}
				time.Sleep(time.Second) // for the message of a client that was not waited for
			})
		})
	}
}

// TestLoop begins again when the client has said all that it said, or after a
// while if it said nothing.
func TestLoop(t *testing.T) {
	turns := writeTalks(t, talk{frames: []said{
		s("a"), c("b"), s("c"), c("d"), ctl(s, wsframe.OpClose, ""), s("cut").as(wsframe.OpText, false),
	}})
	push := writeTalks(t, talk{frames: []said{s("tick").after(10), s("tock").after(10)}})
	synctest.Test(t, func(t *testing.T) {
		var ds divergences
		x := load(t, Options{WSEnd: WSLoop, OnDivergence: ds.add}, turns)
		p := dial(t, x, "http://h/chat")
		for range 3 {
			p.hears("a")
			p.say("b")
			p.hears("c")
			p.say("d")
		}
		p.hears("a")
		p.close(1000)
		p.hears("close 1000", "EOF")
		if diff := cmp.Diff([]string(nil), ds.lines()); diff != "" {
			t.Error(diff)
		}
		for _, o := range []Options{
			{WSEnd: WSLoop},
			{WSEnd: WSLoop, WSMode: WSTimed},
			{WSEnd: WSLoop, WSMode: WSTimed, Timing: Recorded},
		} {
			p := dial(t, load(t, o, push), "http://h/chat")
			began := time.Now()
			p.hears("tick", "tock", "tick", "tock", "tick")
			if took, want := time.Since(began), 2*time.Second+o.Timing.scale(10*time.Millisecond); took != want {
				t.Errorf("%+v: took %v, want %v", o, took, want)
			}
		}
	})
}

// TestEndConversations closes what is open, and what is opened afterwards, and
// leaves answers alone.
func TestEndConversations(t *testing.T) {
	path := writeTalks(t, talk{frames: []said{s("a"), s("b").after(60_000)}, code: 1000})
	for _, mode := range []WSMode{WSTurn, WSMatch, WSTimed} {
		synctest.Test(t, func(t *testing.T) {
			x := load(t, Options{WSMode: mode, Timing: Recorded}, path)
			waiting, gone := dial(t, x, "http://h/chat"), dial(t, x, "http://h/chat")
			waiting.hears("a")
			gone.hears("a")
			if err := gone.conn.Close(); err != nil {
				t.Error(err)
			}
			began := time.Now()
			x.EndConversations()
			waiting.hears("close 1001 necto is stopping")
			waiting.close(1001)
			waiting.hears("EOF")
			late := dial(t, x, "http://h/chat")
			late.hears("close 1001 necto is stopping")
			if took := time.Since(began); took != 0 {
				t.Errorf("%v: took %v", mode, took)
			}
		})
	}
}

func TestAnswersSayTheirSource(t *testing.T) {
	x := load(t, Options{}, write(t, "off", get("/a", "a")), writeTalks(t, talk{}))
	for _, target := range []string{"http://h/a", "http://h/b"} {
		resp, _ := ask(t, x, newRequest(t, "GET", target, nil, ""))
		if resp.Source != traffic.SourceReplay {
			t.Errorf("%s: source %q", target, resp.Source)
		}
	}
	resp, err := x.RoundTrip(t.Context(), handshakeTo(t, "http://h/chat"))
	if err != nil || resp.Source != traffic.SourceReplay {
		t.Fatalf("handshake: source %q, error %v", resp.Source, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
}
