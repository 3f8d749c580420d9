package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/internal/nectest"
)

// The scenarios of WebSocket connections.
var mockttpSockets = []mockttpScenario{
	{name: "socket echoes and closes", run: func(l *mockttpLab) {
		c := l.dialSocket("ws://"+l.socketOrigin(echoSocket), "chat", "other")
		l.say(c, websocket.TextMessage, "hello ws")
		l.say(c, websocket.BinaryMessage, "\x00\x01\x02\xff")
		l.closeSocket(c, websocket.FormatCloseMessage(1000, "bye"))
		l.events.waitFor("websocket-close")
	}},
	{name: "message over the limit", options: mockttpOptions{maxBody: 4}, run: func(l *mockttpLab) {
		c := l.dialSocket("ws://" + l.socketOrigin(echoSocket))
		l.say(c, websocket.TextMessage, "more than that")
		l.closeSocket(c, websocket.FormatCloseMessage(1000, ""))
		l.events.waitFor("websocket-close")
	}},
	{name: "secure socket closes without code", run: func(l *mockttpLab) {
		c := l.dialSocket("wss://" + nectest.OriginHost + "/ws")
		l.say(c, websocket.TextMessage, "over tls")
		l.closeSocket(c, nil)
		l.events.waitFor("websocket-close")
	}},
	{name: "rule rejects a socket", options: mockttpOptions{rules: "  - {name: no, match: {path: /}, mock: {status: 403, headers: {X-R: '1'}, body: no}}"}, run: func(l *mockttpLab) {
		l.refusedSocket("ws://mocked.test/")
	}},
	{name: "origin rejects a socket", run: func(l *mockttpLab) {
		addr := l.answering("HTTP/1.1 403 Forbidden\r\nX-R: 1\r\nContent-Length: 2\r\n\r\nno")
		l.refusedSocket("ws://" + addr + "/")
	}},
	{name: "client resets a socket", run: func(l *mockttpLab) {
		c := l.dialSocket("ws://" + l.socketOrigin(echoSocket))
		l.say(c, websocket.TextMessage, "x")
		resetSocket(c)
		l.events.waitFor("abort")
	}},
	{name: "origin closes a socket", run: func(l *mockttpLab) {
		c := l.dialSocket("ws://" + l.socketOrigin(func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4002, "server bye"))
			_, _, _ = c.ReadMessage()
		}))
		_, _, _ = c.ReadMessage() // answers it
		c.Close()
		l.events.waitFor("websocket-close")
	}},
	{name: "origin resets a socket", run: func(l *mockttpLab) {
		c := l.dialSocket("ws://" + l.socketOrigin(resetSocket))
		_, _, _ = c.ReadMessage()
		l.events.waitFor("abort", "websocket-close")
	}},
	{name: "origin of a socket is dead", run: func(l *mockttpLab) {
		l.ask("127.0.0.1:1", "GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	}},
}

// socketOrigin starts an origin that runs script for each WebSocket connection.
func (l *mockttpLab) socketOrigin(script func(*websocket.Conn)) (addr string) {
	l.t.Helper()
	upgrader := websocket.Upgrader{Subprotocols: []string{"chat"}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			l.t.Error(err)
			return
		}
		defer c.Close()
		script(c)
	}))
	l.t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func echoSocket(c *websocket.Conn) {
	for {
		kind, p, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, p) != nil {
			return
		}
	}
}

// resetSocket ends a connection so that the other side sees a reset.
func resetSocket(c *websocket.Conn) {
	if tcp, ok := c.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it may be closed already
	}
	_ = c.NetConn().Close()
}

func (l *mockttpLab) dialer() websocket.Dialer {
	return websocket.Dialer{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: l.addr}), TLSClientConfig: l.trust, HandshakeTimeout: mockttpPatience,
	}
}

func (l *mockttpLab) dialSocket(target string, protocols ...string) *websocket.Conn {
	l.t.Helper()
	d := l.dialer()
	d.Subprotocols = protocols
	c, _, err := d.DialContext(l.t.Context(), target, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

// refusedSocket expects a handshake to be answered with 403.
func (l *mockttpLab) refusedSocket(target string) {
	l.t.Helper()
	d := l.dialer()
	_, resp, err := d.DialContext(l.t.Context(), target, nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		l.t.Fatalf("the handshake gives %v, %v", resp, err)
	}
	l.events.waitFor("response")
}

// say sends a message and waits until it comes back.
func (l *mockttpLab) say(c *websocket.Conn, kind int, text string) {
	l.t.Helper()
	if err := c.WriteMessage(kind, []byte(text)); err != nil {
		l.t.Fatal(err)
	}
	if _, p, err := c.ReadMessage(); err != nil || string(p) != text {
		l.t.Fatalf("got %q, %v", p, err)
	}
}

// closeSocket closes a connection, and waits until the other side has done so.
func (l *mockttpLab) closeSocket(c *websocket.Conn, payload []byte) {
	l.t.Helper()
	if err := c.WriteMessage(websocket.CloseMessage, payload); err != nil {
		l.t.Fatal(err)
	}
	_, _, _ = c.ReadMessage()
	c.Close()
}
