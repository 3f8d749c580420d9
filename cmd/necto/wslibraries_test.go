package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// wsPatience is how long a client may take for all it has to do.
const wsPatience = time.Minute

// nothing is missing.
func nothing() string { return "" }

// through returns the function that says which proxy to take.
func (c wsCall) through(t *testing.T) func(*http.Request) (*url.URL, error) {
	t.Helper()
	if c.proxy == "" {
		return nil
	}
	u, err := url.Parse(c.proxy)
	if err != nil {
		t.Fatal(err)
	}
	return http.ProxyURL(u)
}

// callGorilla tunnels both ws and wss.
func callGorilla(t *testing.T, c wsCall) {
	dialer := gorilla.Dialer{
		Proxy: c.through(t), EnableCompression: c.deflate,
		TLSClientConfig: &tls.Config{RootCAs: c.roots(), MinVersion: tls.VersionTLS12},
		WriteBufferSize: 100, // a longer message is sent in fragments
	}
	conn, _, err := dialer.DialContext(t.Context(), c.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(wsPatience)) // shows at the read
	sent := make(chan error, 1)
	go func() { sent <- sendGorilla(conn, c.messages) }()
	for i, want := range c.messages {
		kind, got, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if (kind == gorilla.BinaryMessage) != want.Binary || !bytes.Equal(got, want.Data) {
			t.Fatalf("message %d came back as %d bytes of kind %d: %.60q", i, len(got), kind, got)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	closing := gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, "done")
	if err := conn.WriteControl(gorilla.CloseMessage, closing, time.Now().Add(wsPatience)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.ReadMessage(); !gorilla.IsCloseError(err, gorilla.CloseNormalClosure) {
		t.Errorf("the end: %v", err)
	}
}

func sendGorilla(conn *gorilla.Conn, messages []wsMessage) error {
	for i, m := range messages {
		if m.Ping {
			if err := conn.WriteMessage(gorilla.PingMessage, fmt.Appendf(nil, "ping %d", i)); err != nil {
				return err
			}
		}
		kind := gorilla.TextMessage
		if m.Binary {
			kind = gorilla.BinaryMessage
		}
		if err := conn.WriteMessage(kind, m.Data); err != nil {
			return err
		}
	}
	return nil
}

// callCoder sends ws in absolute-form and tunnels wss.
func callCoder(t *testing.T, c wsCall) {
	ctx, cancel := context.WithTimeout(t.Context(), wsPatience)
	defer cancel()
	transport := &http.Transport{
		Proxy:           c.through(t),
		TLSClientConfig: &tls.Config{RootCAs: c.roots(), MinVersion: tls.VersionTLS12},
	}
	defer transport.CloseIdleConnections()
	mode := coder.CompressionDisabled
	if c.deflate {
		mode = coder.CompressionContextTakeover
	}
	conn, _, err := coder.Dial(ctx, c.url, &coder.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, CompressionMode: mode, CompressionThreshold: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(-1)
	sent := make(chan error, 1)
	go func() { sent <- sendCoder(ctx, conn, c.messages) }()
	for i, want := range c.messages {
		kind, got, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if (kind == coder.MessageBinary) != want.Binary || !bytes.Equal(got, want.Data) {
			t.Fatalf("message %d came back as %d bytes of kind %v: %.60q", i, len(got), kind, got)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(coder.StatusNormalClosure, "done"); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func sendCoder(ctx context.Context, conn *coder.Conn, messages []wsMessage) error {
	for _, m := range messages {
		if m.Ping {
			if err := conn.Ping(ctx); err != nil {
				return err
			}
		}
		kind := coder.MessageText
		if m.Binary {
			kind = coder.MessageBinary
		}
		if err := writeCoder(ctx, conn, kind, m); err != nil {
			return err
		}
	}
	return nil
}

// writeCoder sends each part in a frame.
func writeCoder(ctx context.Context, conn *coder.Conn, kind coder.MessageType, m wsMessage) error {
	if m.Parts == 1 {
		return conn.Write(ctx, kind, m.Data)
	}
	w, err := conn.Writer(ctx, kind)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(m.Data, len(m.Data)/m.Parts+1) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Close()
}
