package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/internal/ports"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// servedPool is a pool that a proxy of this process serves.
type servedPool struct {
	*ports.Pool
	*nectest.Collect
	t      *testing.T
	first  int
	events chan string
	// unrecorded is told in place of Collect where a binding says so.
	unrecorded *nectest.Collect
}

// servePool serves a pool of n ports until the test ends. PORT in the file is the first
// one.
func servePool(t *testing.T, n int, file string) *servedPool {
	t.Helper()
	s := &servedPool{t: t, Collect: new(nectest.Collect), first: freePorts(t, n), events: make(chan string, 1000), unrecorded: new(nectest.Collect)}
	head := fmt.Sprintf("version: 1\nports: {start: %d, count: %d}\nprobe: {interval: 1h, retry: 50ms}\n", s.first, n)
	config, err := ports.Parse("ports.yaml", []byte(head+strings.ReplaceAll(file, "PORT", fmt.Sprint(s.first))))
	if err != nil {
		t.Fatal(err)
	}
	o := proxy.Options{Network: &proxy.Network{}, Observer: s.Collect, Grace: -1}
	p := proxy.New(o)
	s.Pool = ports.New(ports.Options{
		Config: config, Opener: &portOpener{proxy: p, options: o, unrecorded: s.unrecorded},
		Events: func(e ports.Event) { s.events <- strings.TrimSpace(string(e.Type) + " " + e.Payload) },
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// expectState waits for the first port to change, which is all that is told.
func (s *servedPool) expectState(what string) {
	s.t.Helper()
	select {
	case got := <-s.events:
		if want := fmt.Sprintf("portStateUpdate %d", s.first); got != want {
			s.t.Fatalf("%s: told %q, want %q", what, got, want)
		}
	case <-time.After(portsPatience):
		s.t.Fatalf("%s: nothing was told", what)
	}
}

// say sends text to the first port, and returns the beginning of what comes. A
// connection that leads nowhere may be reset before it is open.
func (s *servedPool) say(text string) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", addrOf(s.first))
	if err != nil {
		return ""
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(portsPatience)); err != nil {
		s.t.Fatal(err)
	}
	_, _ = conn.Write([]byte(text)) // it may have been reset already
	answer := make([]byte, 12)
	n, _ := conn.Read(answer)
	return string(answer[:n])
}

// awaitEnd waits until observed is told of the end of an exchange or a tunnel.
func awaitEnd(t *testing.T, observed *nectest.Collect) {
	t.Helper()
	observed.Wait(t, func(events []traffic.Event) bool {
		return slices.ContainsFunc(events, func(e traffic.Event) bool {
			_, tunnel := e.(traffic.TunnelClosed)
			return tunnel || nectest.Ended(e) != nil
		})
	})
}

const (
	originRequest = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	proxyRequest  = "GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\n\r\n"
	connectFirst  = "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n"
)

// TestClientsFindOut has clients of every kind of port find out that nobody is behind
// it, and the port's own probes that somebody is again.
func TestClientsFindOut(t *testing.T) {
	for name, c := range map[string]struct{ binding, request string }{
		"origin":                   {"target: 'http://ADDR'", originRequest},
		"origin, by TLS":           {"target: 'https://ADDR/v1'", originRequest},
		"raw":                      {"raw: 'ADDR'", "hello"},
		"upstream":                 {"upstream: 'http://ADDR'", proxyRequest},
		"upstream, for TLS":        {"upstream: 'http://me:secret@ADDR'", connectFirst},
		"upstream, SOCKS":          {"upstream: 'socks5h://ADDR'", proxyRequest},
		"upstream, SOCKS, for TLS": {"upstream: 'socks5h://ADDR'", connectFirst},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			behind, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go accept(behind)
			addr := behind.Addr().String()
			s := servePool(t, 1, "bindings: [{port: PORT, "+strings.Replace(c.binding, "ADDR", addr, 1)+"}]")
			s.expectState("somebody is there")
			behind.Close()
			s.say(c.request)
			began := time.Now()
			s.say(c.request)
			s.expectState("nobody is")
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %v to tell", took)
			}
			s.say(c.request)
			if behind, err = net.Listen("tcp", addr); err != nil {
				t.Fatal(err)
			}
			defer behind.Close()
			go accept(behind)
			s.expectState("and again")
		})
	}
}

// TestOriginBehindUpstream does not blame the upstream proxy for an origin that it
// cannot reach.
func TestOriginBehindUpstream(t *testing.T) {
	refusing := nectest.NewRawServer(t, func(c *nectest.Conn) {
		if _, err := c.Read(make([]byte, 1)); err == nil { // it is no probe
			c.ReadHead()
			c.Send("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		}
	})
	s := servePool(t, 1, "bindings: [{port: PORT, upstream: 'http://"+refusing.Addr+"'}]")
	s.expectState("it is there")
	for range 3 {
		if got := s.say(connectFirst); got != "HTTP/1.1 502" {
			t.Errorf("the client gets %q", got)
		}
	}
	if status, err := s.Status(s.first); err != nil || !status.IsOnline {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestRefreshOfUpstreams takes the next upstream proxy for clients that come then.
func TestRefreshOfUpstreams(t *testing.T) {
	one, two := newUpstreamProxy(t), newUpstreamProxy(t)
	s := servePool(t, 1, fmt.Sprintf(`
bindings: [{port: PORT, labels: {}, refresh: true}]
candidates: [{id: one, upstream: 'http://%s'}, {id: two, upstream: 'http://%s'}]
`, one.addr, two.addr))
	s.expectState("the first")
	one.stop()
	for range 2 {
		if got := s.say(proxyRequest); got != "HTTP/1.1 502" {
			t.Errorf("the client gets %q", got)
		}
	}
	s.expectState("it is gone")
	s.expectState("the second")
	if got := s.say(proxyRequest); got != "HTTP/1.1 200" {
		t.Errorf("the client gets %q", got)
	}
	status, err := s.Status(s.first)
	if err != nil || status.ProxyID != "two" || status.CountRefresh != 1 || status.Bandwidth.BytesWrite != int64(3*len(proxyRequest)) {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestUnrecorded tells only those who are told of what is in no recording.
func TestUnrecorded(t *testing.T) {
	for _, binding := range []string{"target: 'http://ADDR'", "raw: 'ADDR'"} {
		for record, told := range map[bool]string{true: "all", false: "unrecorded"} {
			t.Run(fmt.Sprintf("%s %v", binding[:3], record), func(t *testing.T) {
				origin := nectest.NewOrigin(t)
				s := servePool(t, 1, fmt.Sprintf("bindings: [{port: PORT, record: %v, tags: mine, %s}]", record, strings.Replace(binding, "ADDR", origin.Addr, 1)))
				s.expectState("it is there")
				if got := s.say(originRequest); !strings.HasPrefix(got, "HTTP/1.1 ") {
					t.Errorf("the client gets %q", got)
				}
				here, there := s.Collect, s.unrecorded
				if told == "unrecorded" {
					here, there = there, here
				}
				awaitEnd(t, here)
				if events := there.Events(); len(events) > 0 {
					t.Errorf("told of %T as well", events[0])
				}
			})
		}
	}
}
