package nectest

import (
	"context"
	"errors"
	"net/http"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// serveWebSocket pings once and then sends each message back, long ones in
// fragments. It never compresses. It ends when the client does, or has been quiet for too long.
func serveWebSocket(w http.ResponseWriter, r *http.Request) {
	upgrader := gorilla.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the client was told
	}
	defer conn.Close()
	if conn.WriteMessage(gorilla.PingMessage, []byte("are you there?")) != nil {
		return
	}
	for {
		_ = conn.SetReadDeadline(time.Now().Add(patience)) // shows at the read
		kind, p, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if echoParts(conn, kind, p) != nil {
			return
		}
	}
}

// echoParts sends long messages in fragments: the writer ends a frame when its
// buffer is full.
func echoParts(conn *gorilla.Conn, kind int, p []byte) error {
	out, err := conn.NextWriter(kind)
	if err != nil {
		return err
	}
	_, err = out.Write(p)
	return errors.Join(err, out.Close())
}

// serveDeflate sends each message back, compressed with the messages before it
// as the dictionary if the client agrees to that.
func serveDeflate(w http.ResponseWriter, r *http.Request) {
	conn, err := coder.Accept(w, r, &coder.AcceptOptions{
		InsecureSkipVerify:   true, // of Origin
		CompressionMode:      coder.CompressionContextTakeover,
		CompressionThreshold: 1,
	})
	if err != nil {
		return // the client was told
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(-1)
	for err == nil {
		err = echo(conn)
	}
}

func echo(conn *coder.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kind, p, err := conn.Read(ctx)
	if err != nil {
		return err
	}
	return conn.Write(ctx, kind, p)
}
