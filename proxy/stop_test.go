package proxy_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// stopping stops the proxy in the background and returns how long that took.
func stopping(t *testing.T, p *running) <-chan time.Duration {
	t.Helper()
	took := make(chan time.Duration, 1)
	began := time.Now()
	go func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		took <- time.Since(began)
	}()
	return took
}

// TestStopIdle closes what has nothing in flight at once.
func TestStopIdle(t *testing.T) {
	origin := newAnswering(t, ok)
	secure, _ := secureOrigin(t, ok)
	p, config := intercepting(t, proxy.Options{Grace: time.Minute})
	fresh := nectest.Dial(t, p.addr)
	used := nectest.Dial(t, p.addr)
	used.Send(get(origin.Addr, "/"))
	used.ReadN(len(ok))
	silent := tunnel(t, p, origin.Addr, "")
	time.Sleep(250 * time.Millisecond) // the origin's first bytes are awaited, too
	opened := tunnel(t, p, secure.Addr, "").StartTLS(withName(config, "127.0.0.1"))
	opened.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	opened.ReadN(len(ok))
	time.Sleep(10 * time.Millisecond)
	within(t, atOnce, "stop", stopping(t, p))
	for _, c := range []*nectest.Conn{fresh, used, silent, opened} {
		if !c.Ended(atOnce) {
			t.Error("a connection was left open")
		}
	}
}

// TestStopRefuses refuses new connections while exchanges are in flight.
func TestStopRefuses(t *testing.T) {
	answer := make(chan struct{})
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadHead(); <-answer; c.Send(ok); c.ReadAll() })
	p := start(t, proxy.Options{Grace: patience}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	waitEvent[traffic.RequestDone](t, p)
	stopped := stopping(t, p)
	deadline := time.Now().Add(patience)
	for refused := false; !refused; {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.addr)
		if refused = err != nil; !refused {
			c.Close()
		}
		if time.Now().After(deadline) {
			t.Fatal("connections are still accepted")
		}
	}
	close(answer)
	if got := client.ReadAll(); got != ok {
		t.Errorf("the answer is %q", got)
	}
	within(t, atOnce, "stop", stopped)
	if x := p.Exchanges()[0]; x.Failure != nil {
		t.Errorf("failure %+v", x.Failure)
	}
}

// TestStopCuts ends what does not end by itself when the grace period is over,
// in each phase.
func TestStopCuts(t *testing.T) {
	for name, c := range map[string]struct{ request, answer string }{
		"awaiting":    {"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", ""},
		"downloading": {"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nab"},
		"uploading":   {"POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\n\r\nab", ""},
	} {
		for how, grace := range map[string]time.Duration{"after grace": 200 * time.Millisecond, "without grace": -1} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				origin := newSilent(t, c.answer)
				p := start(t, proxy.Options{Grace: grace}, proxy.Listener{})
				client := nectest.Dial(t, p.addr)
				client.Send(strings.ReplaceAll(c.request, "ADDR", origin.Addr))
				within(t, patience, "the request", origin.asked)
				client.ReadN(len(c.answer))
				took := within(t, patience, "stop", stopping(t, p))
				if took < grace || took > grace+atOnce {
					t.Errorf("the stop took %v, with a grace period of %v", took, grace)
				}
				if got, err := readToEnd(client); err == nil || got != "" {
					t.Errorf("received %q and a clean end", got)
				}
				x := p.Exchanges()[0]
				if f := x.Failure; f == nil || f.Kind != traffic.FailShutdown || f.Side != traffic.SideNecto {
					t.Errorf("failure %+v", f)
				}
				within(t, atOnce, "end of the origin connection", origin.ended)
			})
		}
	}
}

// TestStopTunnels cuts tunnels when the grace period is over.
func TestStopTunnels(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		if c.ReadN(3) == "GET" {
			c.ReadHead()
			c.Send(switching)
		}
		c.ReadAll()
	})
	p := start(t, proxy.Options{Grace: 100 * time.Millisecond}, proxy.Listener{})
	raw := tunnel(t, p, origin.Addr, "raw")
	upgraded := nectest.Dial(t, p.addr)
	upgraded.Send("GET http://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\n" + upgradeFields + "\r\n")
	upgraded.ReadN(len(switching))
	p.Wait(t, func([]traffic.Event) bool { return count[traffic.TunnelOpened](p) == 2 })
	within(t, patience, "stop", stopping(t, p))
	for _, c := range []*nectest.Conn{raw, upgraded} {
		if got, err := readToEnd(c); err == nil {
			t.Errorf("received %q and a clean end", got)
		}
	}
	for _, e := range p.Events() {
		if e, ok := e.(traffic.TunnelClosed); ok && (e.Failure == nil || e.Failure.Kind != traffic.FailShutdown) {
			t.Errorf("failure %+v", e.Failure)
		}
	}
	if f := p.Exchanges()[0].Failure; f == nil || f.Kind != traffic.FailShutdown {
		t.Errorf("failure of the exchange %+v", f)
	}
}

// TestStopInHead cuts a client that is still sending its request's head.
func TestStopInHead(t *testing.T) {
	p := start(t, proxy.Options{Grace: -1}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send("GET http://a/ HT")
	time.Sleep(20 * time.Millisecond)
	within(t, atOnce, "stop", stopping(t, p))
	if !client.Ended(atOnce) {
		t.Error("the connection was left open")
	}
}
