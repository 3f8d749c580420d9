package eventserver

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/traffic"
)

// The cases of the protocols' own test suites: Engine.IO version 4 and Socket.IO
// version 5.

// turn is one message of a conversation over a WebSocket.
type turn struct {
	// sent says that it is the client's.
	sent   bool
	binary bool
	// text is the message, or how one of the server begins; "" of the server stands
	// for the end of the connection.
	text string
}

func said(text string) turn  { return turn{sent: true, text: text} }
func heard(text string) turn { return turn{text: text} }

var (
	ended     = turn{}
	connected = heard(`40{"sid":"`)
	opened    = heard(`0{`)
)

func TestProtocolOverWebSocket(t *testing.T) {
	tests := []struct {
		name  string
		turns []turn
	}{
		{"a handshake says what there is to know", []turn{heard(`0{"maxPayload":67108864,"pingInterval":200,"pingTimeout":300,"sid":"`)}},
		{"the server pings, and a pong keeps the session", []turn{
			opened, heard("2"), said("3"), heard("2"), said("3"), heard("2"), said("3"), heard("2"),
		}},
		{"a client that does not pong is gone", []turn{opened, heard("2"), ended}},
		{"a client closes", []turn{opened, said("1"), ended}},
		{"a packet of no type ends the session", []turn{opened, said("abc"), ended}},
		{"a ping of the client ends the session", []turn{opened, said("2"), ended}},
		{"a client connects to the namespace", []turn{opened, said("40"), connected}},
		{"a client connects with auth", []turn{opened, said(`40{"token":"123"}`), connected}},
		{"there is one namespace", []turn{opened, said("40/other,"), heard(`44/other,{"message":"Invalid namespace"}`)}},
		{"auth that is no object ends the session", []turn{opened, said("40abc"), ended}},
		{"a client that does not connect and talks", []turn{opened, said(`42["traffic:subscribe"]`), ended}},
		{"a client connects twice", []turn{opened, said("40"), connected, said("40"), ended}},
		{"a client disconnects and connects", []turn{
			opened, said("40"), connected, said(`42["traffic:subscribe"]`), said("41"), heard("2"), said("40"), connected,
		}},
		{"an event is acknowledged", []turn{opened, said("40"), connected, said(`42456["traffic:unsubscribe"]`), heard(`43456[{"ok":true}]`)}},
		{"an event without an acknowledgement", []turn{
			opened, said("40"), connected, said(`42["traffic:subscribe","all"]`), heard(`42["error",{"e`),
		}},
		{"an event with an attachment", []turn{
			opened, said("40"), connected,
			said(`451-7["breakpoint:resume",{"id":"hit-1","action":"continue","modifications":{"request":{"body":{"_placeholder":true,"num":0}}}}]`),
			{sent: true, binary: true, text: "\x00\x01"},
			heard(`437[{"ok":true}]`),
		}},
		{"an event with an attachment from the server", []turn{
			opened, said("40"), connected, said(`420["traffic:subscribe",{"since":1}]`), heard(`430[{"ok":true`),
			heard(`42["traffic:batch",[{`), heard(`451-["traffic:update",{`),
			{binary: true, text: "content"},
		}},
		{"an attachment that does not come", []turn{opened, said("40"), connected, said(`451-["a",{"_placeholder":true,"num":0}]`), said("1"), ended}},
		{"an attachment that nobody announced", []turn{opened, said("40"), connected, {sent: true, binary: true, text: "a"}, ended}},
		{"a packet of no type of Socket.IO", []turn{opened, said("40"), connected, said("4abc"), ended}},
		{"an event without a name", []turn{opened, said("40"), connected, said("42{}"), ended}},
	}
	s, address := start(t, Options{Breakpoints: &resumes{got: make(chan traffic.Resume, 1)}})
	s.io.Engine().Opts().SetPingInterval(200 * time.Millisecond)
	s.io.Engine().Opts().SetPingTimeout(300 * time.Millisecond)
	observe(s, 1, "http://a.test/", "content")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := rawSocket(t, address)
			for _, turn := range test.turns {
				turn.play(t, c)
			}
		})
	}
}

// play sends the message, or expects it. It answers pings that come in between.
func (m turn) play(t *testing.T, c *websocket.Conn) {
	t.Helper()
	kind := websocket.TextMessage
	if m.binary {
		kind = websocket.BinaryMessage
	}
	if m.sent {
		write(t, c, kind, []byte(m.text))
		return
	}
	for {
		got, data, err := c.ReadMessage()
		switch {
		case err != nil && m.text == "":
			return
		case err != nil:
			t.Fatalf("%v, want %q", err, m.text)
		case m.text == "":
			continue // what was on its way
		case got == kind && strings.HasPrefix(string(data), m.text):
			return
		case string(data) == "2":
			write(t, c, websocket.TextMessage, []byte("3"))
		default:
			t.Fatalf("got %q, want %q", data, m.text)
		}
	}
}

// ask sends a request for polling and returns the answer.
func ask(t *testing.T, method, address, query, body string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address+"/socket.io/?"+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(data)
}

func TestHandshakesThatAreRefused(t *testing.T) {
	_, address := start(t, Options{})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	for _, query := range []string{
		"transport=polling", "EIO=abc&transport=polling", "EIO=3&transport=polling", "EIO=4", "EIO=4&transport=abc",
		"EIO=4&transport=websocket", "EIO=4&transport=polling&sid=abc", "EIO=4&transport=webtransport",
	} {
		if status, text := ask(t, http.MethodGet, address, query, ""); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", query, status, text)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if status, text := ask(t, method, address, "EIO=4&transport=polling", "40"); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", method, status, text)
		}
	}
	for _, query := range []string{"transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc", "EIO=4&transport=websocket&sid=abc"} {
		c, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(address, "http")+"/socket.io/?"+query, nil)
		if response != nil {
			_ = response.Body.Close()
		}
		if err == nil {
			if _, data, err := c.ReadMessage(); err == nil {
				t.Errorf("WebSocket %s: got %q", query, data)
			}
			_ = c.Close()
		}
	}
}

// polled is a request of a conversation by polling, and the answer to it.
type polled struct {
	method, body string
	status       int
	text         string // how the answer begins
}

func post(body string, status int) polled { return polled{http.MethodPost, body, status, ""} }
func poll(status int, text string) polled { return polled{http.MethodGet, "", status, text} }

func TestProtocolByPolling(t *testing.T) {
	if raceEnabled {
		t.Skip("the library's polling has a race of its own")
	}
	tests := []struct {
		name     string
		requests []polled
	}{
		{"a client connects", []polled{post("40", 200), poll(200, `40{"sid":"`)}},
		{"several packets in one payload", []polled{
			post("40", 200), poll(200, `40{"sid":"`), post("421[\"traffic:unsubscribe\"]\x1e422[\"traffic:unsubscribe\"]", 200), poll(200, `431[{"ok":true}]`),
		}},
		{"attachments are in base64", []polled{
			post("40", 200), poll(200, `40{"sid":"`), post("451-7[\"breakpoint:resume\",{\"id\":\"hit-1\",\"action\":\"continue\",\"modifications\":{\"request\":{\"body\":{\"_placeholder\":true,\"num\":0}}}}]\x1ebAAE=", 200),
			poll(200, `437[{"ok":true}]`),
		}},
		{"a client closes", []polled{post("1", 200), poll(400, "")}},
		{"what is no payload ends the session", []polled{post("abc", 400), poll(400, "")}},
		{"an attachment that is not in base64 ends the session", []polled{post("40\x1eb!!", 400), poll(400, "")}},
		{"a ping of the client ends the session", []polled{post("2", 429), poll(400, "")}},
		{"the server pings", []polled{poll(200, "2"), post("3", 200), poll(200, "2")}},
	}
	s, address := start(t, Options{Breakpoints: &resumes{got: make(chan traffic.Resume, 1)}})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	s.io.Engine().Opts().SetPingInterval(300 * time.Millisecond)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			query := "EIO=4&transport=polling&sid=" + pollingSession(t, address)
			for _, r := range test.requests {
				status, text := ask(t, r.method, address, query, r.body)
				if status != r.status || !strings.HasPrefix(text, r.text) {
					t.Fatalf("%s %q: got %d %q, want %d %q", r.method, r.body, status, text, r.status, r.text)
				}
			}
		})
	}
}

func TestTwoPollsAtOnceEndTheSession(t *testing.T) {
	if raceEnabled {
		t.Skip("the library's polling has a race of its own")
	}
	_, address := start(t, Options{})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	query := "EIO=4&transport=polling&sid=" + pollingSession(t, address)
	answers := make(chan string, 2)
	for range 2 {
		go func() {
			status, text := ask(t, http.MethodGet, address, query, "")
			answers <- http.StatusText(status) + text
		}()
	}
	got := map[string]bool{<-answers: true, <-answers: true}
	if !got["OK1"] || !got["Bad Request"] {
		t.Errorf("got %v", got)
	}
	if status, _ := ask(t, http.MethodGet, address, query, ""); status != http.StatusBadRequest {
		t.Errorf("after that: %d", status)
	}
}

func TestUpgrades(t *testing.T) {
	if raceEnabled {
		t.Skip("the library's polling has a race of its own")
	}
	_, address := start(t, Options{})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	sid := pollingSession(t, address)
	c := dialSocket(t, address, "&sid="+sid)
	for _, m := range []turn{said("2probe"), heard("3probe"), said("5"), said("40"), connected} {
		m.play(t, c)
	}
	if status, _ := ask(t, http.MethodGet, address, "EIO=4&transport=polling&sid="+sid, ""); status != http.StatusBadRequest {
		t.Errorf("polling after the upgrade: %d", status)
	}
	ended.play(t, dialSocket(t, address, "&sid="+sid)) // a second upgrade
	for _, m := range []turn{said(`421["traffic:unsubscribe"]`), heard(`431[{"ok":true}]`)} {
		m.play(t, c)
	}

	sid = pollingSession(t, address)
	c = dialSocket(t, address, "&sid="+sid)
	said("4abc").play(t, c) // no probe
	ended.play(t, c)
	if status, _ := ask(t, http.MethodPost, address, "EIO=4&transport=polling&sid="+sid, "40"); status != http.StatusOK {
		t.Errorf("polling after an upgrade that failed: %d", status)
	}
}
