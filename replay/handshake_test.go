package replay

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const deflated = `"deflate":{"client-to-server":"takeover","server-to-client":"takeover"}`

func TestHandshake(t *testing.T) {
	const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
	recorded := fields{
		{"Sec-WebSocket-Protocol", "chat"},
		{"Set-Cookie", "a=1"},
		{"Set-Cookie", "b=2"},
		{"Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=12"},
		{"Content-Length", "0"},
	}
	x := load(t, Options{}, writeTalks(t, talk{header: recorded, open: "," + deflated}, talk{url: "ws://h/plain"}))
	for name, tc := range map[string]struct {
		url    string
		offers fields
		want   fields
	}{
		"all is agreed": {
			"http://h/chat",
			fields{{"Sec-WebSocket-Protocol", "other, chat"}, {"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}},
			fields{
				{"Upgrade", "websocket"},
				{"Connection", "Upgrade"},
				{"Sec-WebSocket-Accept", accept},
				{"Sec-WebSocket-Protocol", "chat"},
				{"Set-Cookie", "a=1"},
				{"Set-Cookie", "b=2"},
				{"Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
			},
		},
		"nothing is offered": {
			"http://h/chat", nil,
			fields{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}},
		},
		"something else is offered": {
			"http://h/chat",
			fields{{"Sec-WebSocket-Protocol", "Chat"}, {"Sec-WebSocket-Extensions", "x-webkit-deflate-frame"}},
			fields{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}},
		},
		"more is offered than was recorded": {
			"http://h/plain",
			fields{{"Sec-WebSocket-Protocol", "chat"}, {"Sec-WebSocket-Extensions", "permessage-deflate"}},
			fields{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, x, tc.url, tc.offers...)
			var got fields
			for _, f := range p.resp.Header {
				got = append(got, [2]string{f.Name, f.Value})
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if p.resp.Reason != "Switching" || p.resp.Proto != "HTTP/1.1" {
				t.Errorf("reason %q, version %q", p.resp.Reason, p.resp.Proto)
			}
		})
	}
}

// TestHandshakeMatches compares URLs.
func TestHandshakeMatches(t *testing.T) {
	x := load(t, Options{}, writeTalks(t, talk{url: "wss://h/chat?room=1&token=abc&EIO=4&t=Oa1"}))
	for url, want := range map[string]int{
		"https://h/chat?room=1&token=abc&EIO=4&t=Oa1":      101,
		"https://h:443/chat?EIO=4&room=1&t=x&sid=y&_=1":    101,
		"wss://H/chat?room=1&access_token=z&EIO=4":         101,
		"https://h/chat?room=2&token=abc&EIO=4":            501,
		"https://h/chat?room=1":                            501,
		"https://h/other?room=1&EIO=4":                     501,
		"http://h/chat?room=1&EIO=4":                       501,
		"https://h.test/chat?room=1&token=abc&EIO=4&t=Oa1": 501,
	} {
		resp, err := x.RoundTrip(t.Context(), handshakeTo(t, url))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Status != want {
			t.Errorf("%s: status %d, want %d", url, resp.Status, want)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	dial(t, x.Origin(), "http://127.0.0.1:8888/chat?room=1&EIO=4")
}

// TestHandshakeMisses tells apart what is not answered.
func TestHandshakeMisses(t *testing.T) {
	lines := append(talk{}.lines(1, 0), strings.Split(`{"type":"http","seq":9,"id":2,"conn":1,"at":"2026-11-20T23:44:04.010500Z","us":5,"client":"c",`+
		`"request":{"method":"GET","url":"http://h/page","proto":"HTTP/1.1","headers":[["Host","h"]]},`+
		`"response":{"status":200,"reason":"OK","proto":"HTTP/1.1","headers":[]},"ms":1.0}`, "\n")...)
	x := load(t, Options{}, writeLines(t, "off", lines...))
	plain := newRequest(t, "GET", "http://h/chat", nil, "")
	for _, tc := range []struct{ got, want string }{
		{answerTo(t, x, plain), "501"},
		{answerTo(t, x, handshakeTo(t, "http://h/page")), "501"},
		{answerTo(t, x, handshakeTo(t, "http://h/chats?token=abc")), "501"},
		{answerTo(t, x, newRequest(t, "GET", "http://h/page", nil, "")), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
	var got []string
	for _, m := range x.Misses() {
		got = append(got, m.String())
	}
	want := []string{
		"no recorded answer for GET http://h/chat (nearest: #1 differs in protocol: recorded websocket, got http)",
		"no recorded answer for GET ws://h/page (nearest: #2 differs in protocol: recorded http, got websocket)",
		"no recorded answer for GET ws://h/chats?token=*** (nearest: #1 differs in path: recorded /chat, got /chats)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("misses (-want +got):\n%s", diff)
	}
	if hint := x.Misses()[1].Hint; hint != "" {
		t.Errorf("hint %q", hint)
	}
}

// TestHandshakesInOrder answers connections to one URL in the order in which they
// were opened, a refused one among them.
func TestHandshakesInOrder(t *testing.T) {
	refused := `{"type":"http","seq":9,"id":9,"conn":1,"at":"2026-11-20T23:44:04.010500Z","us":500,"client":"c",` +
		`"request":{"method":"GET","url":"http://h/chat?t=1","proto":"HTTP/1.1","headers":[["Host","h"],["Upgrade","websocket"],["Sec-WebSocket-Key","x"]]},` +
		`"response":{"status":401,"reason":"No","proto":"HTTP/1.1","headers":[["X-Why","password"]],"body":{"size":3,"text":"who"}},"ms":1.0}`
	second := talk{frames: []said{s("second")}}.lines(2, 20)
	first := talk{frames: []said{s("first")}}.lines(1, 10)
	x := load(t, Options{}, writeLines(t, "off", append(append(second, first...), refused)...))
	resp, body := ask(t, x, handshakeTo(t, "http://h/chat"))
	if resp.Status != 401 || body != "who" || resp.Header.Get("X-Why") != "password" {
		t.Errorf("status %d, %v, %q", resp.Status, resp.Header, body)
	}
	for _, want := range []string{"first", "second", "second"} {
		dial(t, x, "http://h/chat").hears(want)
	}
	if got, want := x.Stats(), (Stats{Exchanges: 1, WebSockets: 2, Served: 4}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// TestUnservableConversations are misses that say why.
func TestUnservableConversations(t *testing.T) {
	for want, k := range map[string]talk{
		"recorded conversation #1 has frame 2 truncated":                   {frames: []said{c("a"), s("b").with(`"truncated":true`)}},
		"recorded conversation #1 has frame 1 still compressed":            {open: "," + deflated, frames: []said{s("b").with(`"rsv":4`)}},
		"recorded conversation #1 agreed on an unknown extension":          {open: `,"opaque":true`},
		`recorded conversation #1 has the invalid header field "X-A\nX-B"`: {header: fields{{"X-A\nX-B", "c"}}},
	} {
		x := load(t, Options{}, writeTalks(t, k))
		if got := answerTo(t, x, handshakeTo(t, "http://h/chat")); got != "501" {
			t.Errorf("%s: got %s", want, got)
		}
		if got := x.Misses()[0].Reason; got != printable(want) && got != want {
			t.Errorf("reason %q, want %q", got, want)
		}
	}
}
