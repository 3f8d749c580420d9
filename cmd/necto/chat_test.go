package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// chatMain is a WebSocket client for scripts: "chat URL STEP..." goes by the
// proxy of the environment, as any Go program does. A step "<N" prints N
// messages, or how the server closed, "!" closes with 1000, and all else is a
// message to send. The status of a refused handshake is printed, too.
func chatMain() {
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), scriptPatience)
	defer cancel()
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, EnableCompression: true}
	target := flag.Arg(0)
	if rest, ok := strings.CutPrefix(target, "http"); ok {
		target = "ws" + rest
	}
	conn, resp, err := dialer.DialContext(ctx, target, nil)
	if errors.Is(err, websocket.ErrBadHandshake) {
		fmt.Println(resp.Status)
		os.Exit(1)
	}
	if err != nil {
		fail(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(scriptPatience)) // shows at the read
	for _, step := range flag.Args()[1:] {
		if err := chatStep(conn, step); err != nil {
			fail(err)
		}
	}
	_ = conn.Close()
}

func chatStep(conn *websocket.Conn, step string) error {
	count, isRead := strings.CutPrefix(step, "<")
	switch {
	case step == "!":
		return conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	case !isRead:
		return conn.WriteMessage(websocket.TextMessage, []byte(step))
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	for range n {
		_, p, err := conn.ReadMessage()
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			fmt.Println("close", closed.Code, closed.Text)
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", p)
	}
	return nil
}
