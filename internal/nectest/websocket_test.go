package nectest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

func TestWebSocketsEcho(t *testing.T) {
	origin := NewOrigin(t)
	for _, tc := range []struct{ path, extensions string }{
		{"/ws", ""},
		{"/ws/deflate", "permessage-deflate"},
	} {
		t.Run(tc.path, func(t *testing.T) {
			dialer := websocket.Dialer{EnableCompression: true}
			conn, resp, err := dialer.DialContext(t.Context(), "ws://"+origin.Addr+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got := resp.Header.Get("Sec-WebSocket-Extensions"); !strings.HasPrefix(got, tc.extensions) || (got == "") != (tc.extensions == "") {
				t.Errorf("extensions: got %q, want %q", got, tc.extensions)
			}
			for kind, message := range map[int][]byte{
				websocket.TextMessage:   []byte("hello"),
				websocket.BinaryMessage: bytes.Repeat([]byte{0, 255}, 50_000),
			} {
				if err := conn.WriteMessage(kind, message); err != nil {
					t.Fatal(err)
				}
				gotKind, got, err := conn.ReadMessage()
				if err != nil || gotKind != kind || !bytes.Equal(got, message) {
					t.Errorf("%d bytes of kind %d: %d of kind %d came back, %v", len(message), kind, len(got), gotKind, err)
				}
			}
		})
	}
}
