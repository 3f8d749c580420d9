package proxy_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestListenWhileRunning moves a running proxy to another port.
func TestListenWhileRunning(t *testing.T) {
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{}, proxy.Listener{})
	before := nectest.Dial(t, p.addr)
	before.Send(get(origin.Addr, "/"))
	before.ReadN(len(ok))
	first, err := net.ResolveTCPAddr("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Unlisten(first); err != nil {
		t.Fatal(err)
	}
	if rest := before.ReadAll(); rest != "" {
		t.Errorf("the idle connection got %q, want its end", rest)
	}
	if conn, err := net.Dial("tcp", p.addr); err == nil {
		conn.Close()
		t.Errorf("%s still accepts", p.addr)
	}
	if err := p.Unlisten(first); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closing it again: %v", err)
	}
	second, err := p.Listen(t.Context(), proxy.Listener{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	after := nectest.Dial(t, second.String())
	after.Send(get(origin.Addr, "/"))
	after.ReadN(len(ok))
	if xs := p.WaitExchanges(t, 2); xs[1].ID != xs[0].ID+1 {
		t.Errorf("exchanges %d and %d, want them numbered on", xs[0].ID, xs[1].ID)
	}
}

// TestListenAfterStop refuses a listener that nobody would accept on.
func TestListenAfterStop(t *testing.T) {
	p := start(t, proxy.Options{}, proxy.Listener{})
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Listen(t.Context(), proxy.Listener{Addr: "127.0.0.1:0"}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
}

// TestAvoid does not let requests through to another listener of the process.
func TestAvoid(t *testing.T) {
	origin := newAnswering(t, ok)
	addr, err := net.ResolveTCPAddr("tcp", origin.Addr)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, proxy.Options{}, proxy.Listener{})
	p.Avoid(addr)
	client := nectest.Dial(t, p.addr)
	client.Send(get("localhost:"+portOf(t, origin.Addr), "/"))
	if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("got %q", got)
	}
	if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Kind != traffic.FailLoop {
		t.Errorf("failure %v, want a loop", x.Failure)
	}
}

// TestRelays knows the ports of listeners, also when they are closed, and none of what
// is only avoided.
func TestRelays(t *testing.T) {
	p := proxy.New(proxy.Options{})
	addr, err := p.Listen(t.Context(), proxy.Listener{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	port := addr.(*net.TCPAddr).Port
	p.Avoid(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port + 1})
	if !p.Relays(port) || p.Relays(port+1) {
		t.Errorf("relays at its port: %v, at another: %v", p.Relays(port), p.Relays(port+1))
	}
	if err := p.Unlisten(addr); err != nil {
		t.Fatal(err)
	}
	if !p.Relays(port) {
		t.Error("the port is forgotten while pages from it may be open")
	}
}

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
