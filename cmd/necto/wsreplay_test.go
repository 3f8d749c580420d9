package main

import (
	"context"
	"testing"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/replay"
)

// replayedMessages is how many messages a client says to a recording.
const replayedMessages = 200

// TestWebSocketClientsAreReplayed serves to each client what another one
// recorded, when there is no origin any more.
func TestWebSocketClientsAreReplayed(t *testing.T) {
	authority, err := ca.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, deflate := range []bool{false, true} {
		recordings := recordWSClients(t, authority, deflate)
		for i, client := range wsClients {
			if client.missing() != "" {
				continue // TestWebSocketClientsAreRecorded says so
			}
			for j, path := range recordings {
				t.Run(client.name+" from "+wsClients[j].name+map[bool]string{true: " compressed"}[deflate], func(t *testing.T) {
					replayWSClient(t, client, authority, path, deflate, (i+j)%2 == 1)
				})
			}
		}
	}
}

// recordWSClients returns a recording of each of Go's libraries.
func recordWSClients(t *testing.T, authority *ca.Authority, deflate bool) []string {
	t.Helper()
	plain, secure := nectest.NewOrigin(t), nectest.NewTLSOrigin(t)
	defer plain.Close()
	defer secure.Close()
	var paths []string
	for _, client := range wsClients[:2] {
		p := wsProxy{authority: authority, plain: plain, secure: secure}
		p.start(t)
		client.call(t, replayedCall(authority, p.forward, deflate))
		p.stop(t)
		paths = append(paths, p.recording)
	}
	return paths
}

func replayedCall(authority *ca.Authority, forward string, deflate bool) wsCall {
	c := wsCall{
		url: "wss://" + nectest.OriginHost + "/ws", proxy: forward, ca: authority,
		messages: wsMessages(replayedMessages), deflate: deflate,
	}
	if deflate {
		c.url += "/deflate"
	}
	return c
}

// replayWSClient lets a client, which checks that each message comes back, talk
// to a recording: through the proxy, or to the origin port.
func replayWSClient(t *testing.T, client wsClient, authority *ca.Authority, path string, deflate, origin bool) {
	index, err := replay.Load([]string{path}, replay.Options{
		WSStrict:     true,
		OnDivergence: func(d replay.Divergence) { t.Errorf("%s", d) },
		OnMiss:       func(m replay.Miss) { t.Errorf("%s", m) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	p := proxy.New(proxy.Options{Layers: []proxy.Layer{replayLayer(index)}, CA: authority})
	addr, err := p.Listen(t.Context(), proxy.Listener{Addr: "127.0.0.1:0", Origin: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	call := replayedCall(authority, "http://"+addr.String(), deflate)
	if origin {
		call.url, call.proxy = "ws://"+addr.String()+call.url[len("wss://"+nectest.OriginHost):], ""
	}
	client.call(t, call)
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("proxy: %v", err)
	}
	if got := index.Stats(); got.Served != 1 {
		t.Errorf("stats %+v", got)
	}
}
