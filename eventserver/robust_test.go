package eventserver

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/internal/eventclient"
	"github.com/necto-dev/necto/traffic"
)

// rawSocket opens the WebSocket of the server and says nothing.
func rawSocket(t testing.TB, address string) *websocket.Conn {
	t.Helper()
	return dialSocket(t, address, "")
}

// dialSocket does so with more in the query.
func dialSocket(t testing.TB, address, query string) *websocket.Conn {
	t.Helper()
	u := "ws" + strings.TrimPrefix(address, "http") + "/socket.io/?EIO=4&transport=websocket" + query
	c, response, err := websocket.DefaultDialer.Dial(u, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// alive fails the test unless the server serves.
func alive(t testing.TB, s *Server, address string) {
	t.Helper()
	p := dial(t, address)
	mark(s)
	p.until(marked)
}

func TestMalformedPacketsCostTheirSenderOnly(t *testing.T) {
	packets := []string{
		"", "3", "9", "4", "40x", `40{"token":`, "42", "42[", "42[]", `42[1]`, `42["traffic:subscribe"`,
		`42["traffic:subscribe",{"since":1e400}]`, `42["connect"]`, `42["disconnect"]`, `42["disconnecting"]`,
		`42["error"]`, `43[]`, `4399[{}]`, `44{}`, `451-["a",{"_placeholder":true,"num":9}]`, `4599999999-["a"]`,
		`42/other,["a"]`, `42` + strings.Repeat("9", 400) + `["a"]`, "1", "2probe", "5", "6", "b4AA", "\x00\x1e\x1e",
	}
	s, address := start(t, Options{})
	for _, packet := range packets {
		for _, first := range []bool{true, false} {
			c := rawSocket(t, address)
			if !first {
				write(t, c, websocket.TextMessage, []byte("40"))
			}
			write(t, c, websocket.TextMessage, []byte(packet))
			write(t, c, websocket.BinaryMessage, []byte(packet))
		}
	}
	alive(t, s, address)
}

// write sends a message; that the server has had enough is no failure.
func write(t testing.TB, c *websocket.Conn, kind int, data []byte) {
	t.Helper()
	if err := c.WriteMessage(kind, data); err != nil {
		t.Logf("after %q: %v", data, err)
	}
}

func TestGarbageCostsItsSenderOnly(t *testing.T) {
	s, address := start(t, Options{})
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		c := rawSocket(t, address)
		for range 20 {
			data := make([]byte, random.IntN(100))
			for i := range data {
				data[i] = byte(random.UintN(256))
			}
			write(t, c, []int{websocket.TextMessage, websocket.BinaryMessage}[random.IntN(2)], data)
		}
		_ = c.Close()
	}
	alive(t, s, address)
}

func TestGarbageByPolling(t *testing.T) {
	if raceEnabled {
		t.Skip("the library's polling has a race of its own")
	}
	s, address := start(t, Options{})
	post := func(query, body string) int {
		response, err := http.Post(address+"/socket.io/?EIO=4&transport=polling"+query, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode
	}
	if status := post("", "40"); status != http.StatusBadRequest {
		t.Errorf("POST without a session: %d", status)
	}
	if status := post("&sid=unknown", "40"); status != http.StatusBadRequest {
		t.Errorf("POST to an unknown session: %d", status)
	}
	for _, body := range []string{"", "\x1e", "9", "40\x1e42[", "b4!!", strings.Repeat("4", 1<<20)} {
		post("&sid="+pollingSession(t, address), body)
	}
	http.DefaultClient.CloseIdleConnections()
	alive(t, s, address)
}

// pollingSession opens a session by polling and returns its id.
func pollingSession(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	return sessionIn(t, response)
}

// sessionIn returns the id of the session that an answer begins.
func sessionIn(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	var open struct{ SID string }
	if err != nil || len(text) == 0 || json.Unmarshal(text[1:], &open) != nil {
		t.Fatalf("got %q, %v", text, err)
	}
	return open.SID
}

func TestUnknownEventsAreIgnored(t *testing.T) {
	s, address := start(t, Options{})
	p := dial(t, address)
	if err := p.Emit("no:such", map[string]any{"a": 1}); err != nil {
		t.Fatal(err)
	}
	mark(s)
	p.until(marked)
}

func TestErrorsWithoutAnAcknowledgementAreEvents(t *testing.T) {
	_, address := start(t, Options{})
	p := dial(t, address)
	if err := p.Emit("traffic:subscribe", "all"); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, p.expect("error"), map[string]any{
		"event": "traffic:subscribe", "error": "traffic:subscribe takes an object {sessionId, filter, since}",
	})
}

func TestManyClientsComeAndGo(t *testing.T) {
	s, address := start(t, Options{})
	alive(t, s, address)
	before := runtime.NumGoroutine()
	const rounds, atOnce = 50, 20 // goleak finds what is left of any
	for range rounds {
		var group sync.WaitGroup
		for i := range atOnce {
			group.Go(func() { visit(t, address, i) })
		}
		group.Wait()
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before+10; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
	alive(t, s, address)
}

// visit connects, and leaves in a way of its own.
func visit(t *testing.T, address string, i int) {
	c, err := eventclient.Dial(t.Context(), address, eventclient.Options{})
	if err != nil {
		t.Error(err)
		return
	}
	if i%2 == 0 {
		if err := c.Emit("traffic:subscribe", nil); err != nil {
			t.Error(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseTellsEverybody(t *testing.T) {
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	observe(s, 1, "http://a.test/", "")
	s.Close(t.Context())
	p.batch() // what was observed goes out before
	p.expect("traffic:update")
	if _, err := p.Next(); !errors.Is(err, eventclient.ErrEnded) {
		t.Errorf("got %v", err)
	}
	s.Observe(traffic.RequestStarted{Exchange: newExchange(2, "http://a.test/")}) // goes nowhere
}

func TestClientsAreBounded(t *testing.T) {
	s, address := start(t, Options{})
	refused := 0
	for range handshakesAtOnce + handshakesPerSecond {
		response, err := http.Get(address + "/socket.io/?EIO=0&transport=none")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "" {
			refused++
			break
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if refused == 0 {
		t.Skip("the machine is too slow to come too fast")
	}
	time.Sleep(time.Second / handshakesPerSecond * 10)
	alive(t, s, address)
}
