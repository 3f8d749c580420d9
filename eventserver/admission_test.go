package eventserver

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// closedServer starts a server that asks everyone for the token.
func closedServer(t testing.TB) (*Server, string) {
	t.Helper()
	return start(t, Options{Access: Access{Token: testToken, RequireToken: true}})
}

// connectWith is how a client connects to the namespace with the token.
const connectWith = `40{"token":"` + testToken + `"}`

// long is an event that asks for an acknowledgement and is longer than clients may say
// that are not admitted.
var long = `421["traffic:unsubscribe","` + strings.Repeat("x", 2*maxUnadmitted) + `"]`

// hear fails the test unless the next message begins so.
func hear(t testing.TB, c *websocket.Conn, begin string) {
	t.Helper()
	if _, got, err := c.ReadMessage(); err != nil || !strings.HasPrefix(string(got), begin) {
		t.Fatalf("got %q, %v, want %q", got, err, begin)
	}
}

// TestUnadmittedSayLittle lets a client send more than it needs for its token, before
// and after that.
func TestUnadmittedSayLittle(t *testing.T) {
	s, address := closedServer(t)
	c := rawSocket(t, address)
	hear(t, c, "0{")
	write(t, c, websocket.TextMessage, []byte(long))
	if _, got, err := c.ReadMessage(); err == nil {
		t.Errorf("a client without the token got %q", got)
	}
	c = rawSocket(t, address)
	hear(t, c, "0{")
	write(t, c, websocket.TextMessage, []byte(connectWith))
	hear(t, c, "40{")
	write(t, c, websocket.TextMessage, []byte(long))
	hear(t, c, "431[")
	_ = c.Close()
	noneWait(t, s)
}

// TestUnadmittedSayLittleByPolling does so by polling, and changes to a WebSocket then.
func TestUnadmittedSayLittleByPolling(t *testing.T) {
	if raceEnabled {
		t.Skip("the library's polling has a race of its own")
	}
	s, address := closedServer(t)
	defer http.DefaultClient.CloseIdleConnections()
	poll := address + "/socket.io/?EIO=4&transport=polling&sid="
	post := func(sid string, body io.Reader) int {
		t.Helper()
		response, err := http.Post(poll+sid, "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	sid := pollingSession(t, address)
	if status := post(sid, strings.NewReader(long)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("long content: %d", status)
	}
	if status := post(sid, io.MultiReader(strings.NewReader(long))); status != http.StatusRequestEntityTooLarge {
		t.Errorf("long content in chunks: %d", status)
	}
	if status := post(sid, strings.NewReader(connectWith)); status != http.StatusOK {
		t.Fatalf("the token: %d", status)
	}
	response, err := http.Get(poll + sid)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || !strings.HasPrefix(string(text), "40{") {
		t.Fatalf("got %q, %v", text, err)
	}
	if status := post(sid, strings.NewReader(long)); status != http.StatusOK {
		t.Errorf("long content behind the token: %d", status)
	}
	c := dialSocket(t, address, "&sid="+sid)
	write(t, c, websocket.TextMessage, []byte("2probe"))
	hear(t, c, "3probe")
	write(t, c, websocket.TextMessage, []byte("5"))
	write(t, c, websocket.TextMessage, []byte(long))
	for heard := ""; !strings.HasPrefix(heard, "431["); {
		_, got, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		heard = string(got)
	}
	_ = c.Close()
	noneWait(t, s)
}

// TestFewAreUnadmitted lets so many clients wait for their token as may, and one more.
func TestFewAreUnadmitted(t *testing.T) {
	s, address := closedServer(t)
	clients := make([]*websocket.Conn, maxWaiting)
	for i := range clients {
		clients[i] = rawSocket(t, address)
		hear(t, clients[i], "0{")
	}
	full := func() bool {
		c, response, err := websocket.DefaultDialer.DialContext(t.Context(),
			"ws"+strings.TrimPrefix(address, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
		if err == nil {
			_ = c.Close()
			return false
		}
		if !errors.Is(err, websocket.ErrBadHandshake) || response.StatusCode != http.StatusServiceUnavailable {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return true
	}
	if !full() {
		t.Error("one more was let in")
	}
	with := dialSocket(t, address, "&token="+testToken)
	hear(t, with, "0{")
	write(t, clients[0], websocket.TextMessage, []byte(connectWith))
	hear(t, clients[0], "40{")
	if full() {
		t.Error("there is no room for another when one has shown its token")
	}
	for _, c := range clients {
		_ = c.Close()
	}
	noneWait(t, s)
}

// TestWhatBeginsNoSessionLeavesRoom sends requests that are refused later.
func TestWhatBeginsNoSessionLeavesRoom(t *testing.T) {
	s, address := closedServer(t)
	defer http.DefaultClient.CloseIdleConnections()
	for _, query := range []string{"", "?EIO=3&transport=polling", "?EIO=4&transport=websocket", "?EIO=4&transport=smoke"} {
		response, err := http.Get(address + "/socket.io/" + query)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %d", query, response.StatusCode)
		}
	}
	noneWait(t, s)
}

// TestTheTokenIsOfTheSession begins a session with a header that browsers do not send
// with the WebSocket that it goes on with.
func TestTheTokenIsOfTheSession(t *testing.T) {
	if raceEnabled {
		t.Skip("the library's polling has a race of its own")
	}
	s, address := closedServer(t)
	defer http.DefaultClient.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/socket.io/?EIO=4&transport=polling", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	c := dialSocket(t, address, "&sid="+sessionIn(t, response))
	write(t, c, websocket.TextMessage, []byte("2probe"))
	hear(t, c, "3probe")
	write(t, c, websocket.TextMessage, []byte("5"))
	write(t, c, websocket.TextMessage, []byte("40"))
	hear(t, c, "40{")
	write(t, c, websocket.TextMessage, []byte(long))
	hear(t, c, "431[")
	_ = c.Close()
	noneWait(t, s)
}

// noneWait waits until no client is to show its token.
func noneWait(t testing.TB, s *Server) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s.waiting.mu.Lock()
		count := s.waiting.count
		s.waiting.mu.Unlock()
		if count == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d clients wait", count)
		}
	}
}
