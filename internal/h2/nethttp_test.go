package h2_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/necto-dev/necto/internal/h2"
)

func netHTTPClient(t testing.TB) *http.Client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func netHTTPServerOf(t testing.TB, handle http.HandlerFunc) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handle, Protocols: &protocols}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return listener.Addr().String()
}

func dial(t testing.TB, address string) net.Conn {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// engineServer serves connections by the engine.
func engineServer(t testing.TB, cfg h2.Config, handle func(*h2.Stream)) string {
	return serveOn(t, func(conn net.Conn) net.Conn { return conn }, cfg, handle)
}

// serveOn is engineServer on what layer makes of connections.
func serveOn(t testing.TB, layer func(net.Conn) net.Conn, cfg h2.Config, handle func(*h2.Stream)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _ = h2.Server(layer(conn), cfg, handle).Run(ctx) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		cancel()
		all.Wait()
	})
	return listener.Addr().String()
}
