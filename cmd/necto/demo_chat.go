package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// demoChat is what the client of the demonstration says in the chat, and how many
// messages it waits for after each.
var demoChat = []struct {
	say     chatMessage
	answers int
}{
	{chatMessage{Type: "join", From: "Ada"}, 1},
	{chatMessage{Type: "say", Text: "Hello, is the lamp still there?"}, 2}, // Grace has something to say to that
	{chatMessage{Type: "say", Text: "Then I take two."}, 1},
}

// chatMessage is a message of the chat, in either direction.
type chatMessage struct {
	Type string `json:"type"`
	From string `json:"from,omitempty"`
	Text string `json:"text,omitempty"`
	// N counts what was said.
	N int `json:"n,omitempty"`
}

// chatRoom is the origin's side of the chat. Grace is in the room, too, and
// answers the first thing that is said.
type chatRoom struct {
	conn   *websocket.Conn
	member string // who joined
	said   int
}

func serveChat(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{EnableCompression: true}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the client was told
	}
	defer func() { _ = conn.Close() }()
	room := chatRoom{conn: conn}
	for err == nil {
		err = room.hear()
	}
}

// hear reads a message and tells everybody, which is the client. It fails when
// the client has left.
func (c *chatRoom) hear() error {
	var m chatMessage
	if err := c.conn.ReadJSON(&m); err != nil {
		return err
	}
	if m.Type == "join" {
		c.member = m.From
		return sendChat(c.conn, chatMessage{Type: "welcome", Text: "Grace is here, too."})
	}
	if err := c.broadcast(c.member, m.Text); err != nil || c.said > 1 {
		return err
	}
	<-time.After(demoPause)
	return c.broadcast("Grace", "Two are left.")
}

func (c *chatRoom) broadcast(from, text string) error {
	c.said++
	return sendChat(c.conn, chatMessage{Type: "said", From: from, Text: text, N: c.said})
}

// sendChat sends a message; WriteJSON would end it with a line feed.
func sendChat(conn *websocket.Conn, m chatMessage) error {
	p, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return conn.WriteMessage(websocket.TextMessage, p)
}

// chat says what demoChat has, in a connection of its own through the proxy that
// the transport uses, and returns what it heard.
func chat(ctx context.Context, transport *http.Transport) (demoAnswer, error) {
	dialer := websocket.Dialer{
		Proxy: transport.Proxy, TLSClientConfig: transport.TLSClientConfig,
		HandshakeTimeout: demoPatience, EnableCompression: true,
	}
	target := demoURL("wss", "/chat")
	start := time.Now()
	conn, resp, err := dialer.DialContext(ctx, target, nil)
	if err != nil {
		return demoAnswer{}, fmt.Errorf("GET %s: %w", target, err)
	}
	defer func() { _ = conn.Close() }()
	heard, err := talk(conn)
	if err != nil {
		return demoAnswer{}, fmt.Errorf("GET %s: %w", target, err)
	}
	return demoAnswer{
		request: "GET  " + target, status: resp.StatusCode, size: int64(len(heard)),
		sum: sha256.Sum256(heard), took: time.Since(start),
	}, nil
}

// talk returns the messages heard until both sides have closed, a line for each.
func talk(conn *websocket.Conn) ([]byte, error) {
	deadline := time.Now().Add(demoPatience)
	if err := errors.Join(conn.SetReadDeadline(deadline), conn.SetWriteDeadline(deadline)); err != nil {
		return nil, err
	}
	var heard []byte
	for _, turn := range demoChat {
		if err := sendChat(conn, turn.say); err != nil {
			return nil, err
		}
		for range turn.answers {
			_, p, err := conn.ReadMessage()
			if err != nil {
				return nil, err
			}
			heard = append(append(heard, p...), '\n')
		}
	}
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := conn.WriteMessage(websocket.CloseMessage, bye); err != nil {
		return nil, err
	}
	_, extra, err := conn.ReadMessage()
	if err == nil {
		return nil, fmt.Errorf("heard %q after the end", extra)
	}
	if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		return nil, err
	}
	return heard, nil
}
