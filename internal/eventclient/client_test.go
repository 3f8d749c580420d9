package eventclient

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience is how long a test waits for what is about to happen.
const patience = 10 * time.Second

const opened = `0{"sid":"a","pingInterval":20000,"pingTimeout":30000}`

// script is what a server says and expects: "> text" is sent, "> binary text" as a
// binary message, "< text" is expected, and "wait" waits for the client to leave.
type script []string

// serve runs a script for each client, then closes the connection.
func serve(t *testing.T, s script) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/socket.io/" || r.URL.RawQuery != "EIO=4&transport=websocket" {
			t.Errorf("asked for %s", r.URL)
		}
		c, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(patience))
		for _, line := range s {
			play(t, c, line)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// play says or expects a line of a script.
func play(t *testing.T, c *websocket.Conn, line string) {
	if line == "wait" {
		_, _, _ = c.ReadMessage() // until the client leaves
		return
	}
	if want, ok := strings.CutPrefix(line, "< "); ok {
		if _, got, err := c.ReadMessage(); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		return
	}
	kind, text := websocket.TextMessage, strings.TrimPrefix(line, "> ")
	if data, ok := strings.CutPrefix(text, "binary "); ok {
		kind, text = websocket.BinaryMessage, data
	}
	if err := c.WriteMessage(kind, []byte(text)); err != nil {
		t.Error(err)
	}
}

// entered is the beginning of a script that lets a client in.
var entered = script{"> " + opened, `< 40{"token":"secret"}`, `> 40{"sid":"b"}`}

func dial(t *testing.T, s script) *Client {
	t.Helper()
	c, err := Dial(t.Context(), serve(t, s), Options{Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestConversation(t *testing.T) {
	c := dial(t, append(entered,
		`< 42["hello",{"a":1}]`,
		`< 421["sum",[1,2]]`, "> 2", "< 3", `> 42["first"]`, `> 431[{"ok":true,"result":3}]`,
		`> 452-["second",{"_placeholder":true,"num":1}]`, "> binary a", "> binary b",
		`> 6`,
		`< 422["fail",null]`, `> 432[{"ok":false,"error":"because"}]`,
	))
	if err := c.Emit("hello", map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	if sum, err := c.Call("sum", []int{1, 2}); err != nil || string(sum) != "3" {
		t.Errorf("got %s, %v", sum, err)
	}
	if e, err := c.Next(); err != nil || e.Name != "first" || len(e.Args) != 0 {
		t.Errorf("got %+v, %v", e, err)
	}
	if e, err := c.Next(); err != nil || e.Name != "second" || string(e.Bytes(&Attachment{Num: 1})) != "b" {
		t.Errorf("got %+v, %v", e, err)
	}
	_, err := c.Call("fail", nil)
	if failed, ok := errors.AsType[*CallError](err); !ok || failed.Error() != "fail: because" {
		t.Errorf("got %v", err)
	}
	if _, err := c.Next(); !errors.Is(err, ErrEnded) {
		t.Errorf("at the end: %v", err)
	}
}

func TestServersThatDoNotLetIn(t *testing.T) {
	tests := []struct {
		name   string
		script script
		want   error
	}{
		{"refused", script{"> " + opened, `< 40{"token":"secret"}`, `> 44{"message":"unauthorized"}`}, ErrRefused},
		{"no Engine.IO", script{"> hello"}, ErrRefused},
		{"no Socket.IO", script{"> " + opened, `< 40{"token":"secret"}`, `> 42["a"]`}, ErrRefused},
		{"no packet", script{"> " + opened, `< 40{"token":"secret"}`, `> 4x`}, errPacket},
		{"binary", script{"> binary x"}, errPacket},
		{"nothing", nil, ErrEnded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Dial(t.Context(), serve(t, test.script), Options{Token: "secret"}); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	t.Run("HTTP status", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		if _, err := Dial(t.Context(), server.URL, Options{}); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "404") {
			t.Errorf("got %v", err)
		}
	})
}

func TestEndsOfConnections(t *testing.T) {
	tests := []struct {
		name string
		line string
		want error
	}{
		{"disconnected", "> 41", ErrEnded},
		{"closed", "> 1", ErrEnded},
		{"no event", "> 42{}", errPacket},
		{"missing attachment", `> 451-["a"]`, ErrEnded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, append(slices.Clip(entered), test.line))
			if e, err := c.Next(); !errors.Is(err, test.want) {
				t.Errorf("got %+v, %v, want %v", e, err, test.want)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"http://127.0.0.1:8889":        "ws://127.0.0.1:8889/socket.io/?EIO=4&transport=websocket",
		"https://example.com/x/?a=b#c": "wss://example.com/socket.io/?EIO=4&transport=websocket",
	} {
		if got, err := socketURL(address); err != nil || got != want {
			t.Errorf("%s: got %s, %v", address, got, err)
		}
	}
	for _, address := range []string{"", "127.0.0.1:8889", "ftp://a", "http://", "http://%zz"} {
		if got, err := socketURL(address); err == nil {
			t.Errorf("%q is %s", address, got)
		}
	}
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, serve(t, script{"> " + opened, `< 40{"token":""}`, "wait"}), Options{}); err == nil {
		t.Error("nobody let it in")
	}
}
