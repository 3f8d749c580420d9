package proxy_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestResolve sends names to other addresses.
func TestResolve(t *testing.T) {
	origin := newAnswering(t, ok)
	_, port, _ := net.SplitHostPort(origin.Addr)
	for name, c := range map[string]struct{ from, to, url string }{
		"address":       {"api.example:" + port, "127.0.0.1", "http://api.example:" + port + "/"},
		"with a port":   {"api.example:80", origin.Addr, "http://api.example/"},
		"other case":    {"api.example:80", origin.Addr, "http://API.Example/"},
		"IPv6 brackets": {"api.example:" + port, "[::ffff:127.0.0.1]", "http://api.example:" + port + "/"},
		"IPv6":          {"api.example:" + port, "::ffff:127.0.0.1", "http://api.example:" + port + "/"},
		"of an address": {"192.0.2.1:80", origin.Addr, "http://192.0.2.1/"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, proxy.Options{Network: &proxy.Network{Resolve: map[string]string{c.from: c.to}}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send("GET " + c.url + " HTTP/1.1\r\nHost: x\r\n\r\n")
			client.ReadN(len(ok))
			if x := p.WaitExchanges(t, 1)[0]; x.Server != origin.Addr || x.Request.URL.String() != c.url {
				t.Errorf("server %q, URL %q", x.Server, x.Request.URL)
			}
		})
	}
}

// TestLoops asks necto for itself, under all its names.
func TestLoops(t *testing.T) {
	for name, host := range map[string]string{
		"own address": "127.0.0.1", "localhost": "localhost", "unspecified": "0.0.0.0", "mapped": "[::ffff:127.0.0.1]",
		"resolved": "loop.example",
	} {
		for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
			t.Run(name+" of "+listen, func(t *testing.T) {
				t.Parallel()
				resolve := make(map[string]string)
				p := start(t, proxy.Options{Network: &proxy.Network{Resolve: resolve}}, proxy.Listener{Addr: listen})
				_, port, _ := net.SplitHostPort(p.addr)
				resolve["loop.example:"+port] = "127.0.0.1" // before any request
				addr := host + ":" + port
				for _, request := range []string{get(addr, "/"), "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n"} {
					client := nectest.Dial(t, "127.0.0.1:"+port)
					client.Send(request)
					if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "necto itself") {
						t.Errorf("the answer to %q is %q", request, got)
					}
				}
				for _, x := range p.WaitExchanges(t, 2) {
					if x.Failure.Kind != traffic.FailLoop {
						t.Errorf("failure %+v", x.Failure)
					}
				}
			})
		}
	}
}

// TestOtherAddressIsNoLoop has an origin on the same port of another address.
func TestOtherAddressIsNoLoop(t *testing.T) {
	p := start(t, proxy.Options{}, proxy.Listener{Addr: "127.0.0.1:0"})
	_, port, _ := net.SplitHostPort(p.addr)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "[::1]:"+port)
	if err != nil {
		t.Skip("no second address here:", err)
	}
	l.Close()
	client := nectest.Dial(t, p.addr)
	client.Send(get("[::1]:"+port, "/"))
	client.ReadAll()
	if x := p.WaitExchanges(t, 1)[0]; x.Failure.Kind != traffic.FailConnect {
		t.Errorf("failure %+v", x.Failure)
	}
}

// TestNoNetwork dials nothing, whatever is asked for.
func TestNoNetwork(t *testing.T) {
	touched := make(chan struct{}, 10)
	origin := nectest.NewRawServer(t, func(*nectest.Conn) { touched <- struct{}{} })
	none := layer(func(_ context.Context, _ *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		if next != nil {
			t.Error("there is something behind the last layer")
		}
		return nil, &traffic.Failure{Kind: traffic.FailMiss, Side: traffic.SideNecto, Text: "not recorded"}
	})
	for name, layers := range map[string][]proxy.Layer{"layer": {none}, "nothing at all": {}} {
		t.Run(name, func(t *testing.T) {
			opts := proxy.Options{Layers: layers, Passthrough: []string{"*.example", "127.0.0.1"}}
			p, config := intercepting(t, opts)
			plain := nectest.Dial(t, p.addr)
			plain.Send(get(origin.Addr, "/"))
			secure := tunnel(t, p, origin.Addr, "").StartTLS(withName(config, "127.0.0.1"))
			secure.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			for _, client := range []*nectest.Conn{plain, secure} {
				if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
					t.Errorf("the answer is %q", got)
				}
			}
			raw := tunnel(t, p, origin.Addr, "\x01\x02")
			raw.ReadAll()
			if e := clientError(t, p); !strings.Contains(e.Failure.Text, "there is no network") || string(e.Head) != "\x01\x02" {
				t.Errorf("event %+v", e)
			}
			if err := p.stop(); err != nil || len(touched) > 0 {
				t.Errorf("the origin was connected to %d times", len(touched))
			}
		})
	}
}
