package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/proxy"
)

// TestChannelIsOpenedLater waits for an address, and need not get it.
func TestChannelIsOpenedLater(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, free := range []bool{false, true} {
		var diag bytes.Buffer
		f := portsFlags{channel: taken.Addr().String()}
		c, err := f.openChannel(t.Context(), newStatus(stdio{err: &diag}), proxy.New(proxy.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		if free {
			taken.Close()
			conn := dialLater(t, c.url)
			if _, text, err := conn.ReadMessage(); err != nil || !strings.Contains(string(text), `"httpError"`) {
				t.Errorf("told %s, %v", text, err)
			}
			conn.Close()
		}
		c.close()
		if !strings.Contains(diag.String(), "the channel's address is taken") {
			t.Errorf("said %q", diag.String())
		}
	}
}

// dialLater connects as soon as somebody is there.
func dialLater(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), portsPatience)
	defer cancel()
	for {
		conn, _, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
		if err == nil {
			return conn
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// TestChannelCannotBeOpened is of an address that nobody can have.
func TestChannelCannotBeOpened(t *testing.T) {
	f := portsFlags{channel: "127.0.0.1:no-such-port"}
	if c, err := f.openChannel(t.Context(), newStatus(stdio{err: new(bytes.Buffer)}), proxy.New(proxy.Options{})); err == nil {
		c.close()
		t.Error("it was opened")
	}
}
