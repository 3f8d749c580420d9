package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// The peers of this file show every field and code that passes, in order, which
// those of net/http hide.

// engineOrigin is an origin that speaks HTTP/2 over TLS and nothing else.
func engineOrigin(t testing.TB, cfg h2.Config, handle func(*h2.Stream)) (addr string, network *proxy.Network) {
	t.Helper()
	server, pool := secureServerWith(t, onlyHTTP2, func(c *nectest.Conn) {
		_ = c.SetDeadline(time.Time{})
		_ = h2.Server(c, cfg, handle).Run(context.WithoutCancel(t.Context()))
	})
	return server.Addr, &proxy.Network{RootCAs: pool}
}

func onlyHTTP2(config *tls.Config) { config.NextProtos = []string{"h2"} }

// engineClient opens a tunnel to target and HTTP/2 in it.
func engineClient(t testing.TB, p *running, config *tls.Config, target string) *h2.Conn {
	t.Helper()
	config = withName(config, "127.0.0.1")
	config.NextProtos = []string{"h2"}
	c := tunnel(t, p, target, "").StartTLS(config)
	return runClient(t, c)
}

// runClient speaks HTTP/2 on a connection until the test ends.
func runClient(t testing.TB, c net.Conn) *h2.Conn {
	t.Helper()
	_ = c.SetDeadline(time.Time{})
	conn := h2.Client(c, h2.Config{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = conn.Run(context.WithoutCancel(t.Context()))
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	return conn
}

// setupEngine runs an origin, a proxy and a client of HTTP/2.
func setupEngine(t testing.TB, opts proxy.Options, handle func(*h2.Stream)) (client *h2.Conn, addr string, p *running) {
	t.Helper()
	addr, network := engineOrigin(t, h2.Config{}, handle)
	if opts.Network == nil {
		opts.Network = network
	}
	p, config := intercepting(t, opts)
	return engineClient(t, p, config, addr), addr, p
}

// send opens a stream with a GET, or what head has.
func send(t testing.TB, c *h2.Conn, head h2.Head) *h2.Stream {
	t.Helper()
	st, err := c.Open(t.Context(), head)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// receive returns the next head and, if that is the last one, the content.
func receive(t testing.TB, st *h2.Stream) (h2.Head, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	head, err := st.ReadHead(ctx)
	if err != nil {
		t.Fatalf("read a head: %v", err)
	}
	if head.Status() < 200 {
		return head, ""
	}
	content, err := io.ReadAll(st)
	if err != nil {
		t.Fatalf("read content behind status %d: %v", head.Status(), err)
	}
	return head, string(content)
}

// resetOf returns the code with which a stream was reset from the other side.
func resetOf(t testing.TB, st *h2.Stream) h2.Code {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := st.ReadHead(ctx)
	if err == nil {
		_, err = io.ReadAll(st)
	}
	e, ok := errors.AsType[*h2.StreamError](err)
	if !ok || !e.Remote {
		t.Fatalf("the stream ended with %v", err)
	}
	return e.Code
}

// get2 returns the head of a GET.
func get2(addr, path string, fields ...traffic.Field) h2.Head {
	return h2.RequestHead("GET", "https", addr, path, fields).Ended()
}

// answer sends a whole response.
func answer(st *h2.Stream, content string, fields ...traffic.Field) {
	_ = st.WriteHead(h2.ResponseHead(200, fields))
	_, _ = st.WriteLast([]byte(content))
}

// goAwayOrigin is an origin that answers one request on each connection.
func goAwayOrigin(t testing.TB) (addr string, network *proxy.Network) {
	t.Helper()
	server, pool := secureServerWith(t, onlyHTTP2, func(c *nectest.Conn) {
		_ = c.SetDeadline(time.Time{})
		answered := make(chan struct{})
		once := sync.OnceFunc(func() { close(answered) })
		conn := h2.Server(c, h2.Config{}, func(st *h2.Stream) {
			answer(st, "one")
			once()
		})
		go func() {
			<-answered
			_ = conn.Shutdown(context.WithoutCancel(t.Context()))
		}()
		_ = conn.Run(context.WithoutCancel(t.Context()))
	})
	return server.Addr, &proxy.Network{RootCAs: pool}
}

// engineInside opens TLS and HTTP/2 on a connection through the proxy.
func engineInside(t testing.TB, conn net.Conn, config *tls.Config) *h2.Conn {
	t.Helper()
	config = withName(config, "127.0.0.1")
	config.NextProtos = []string{"h2"}
	return runClient(t, tls.Client(conn, config))
}
