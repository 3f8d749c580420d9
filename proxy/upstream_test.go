package proxy_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// upstream returns what reaches every origin through the proxy at rawURL.
func upstream(t testing.TB, rawURL string) func(*url.URL) (*url.URL, error) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return func(*url.URL) (*url.URL, error) { return u, nil }
}

// TestUpstreamForwards gives an upstream proxy plain requests in absolute-form,
// with its credentials and without the client's.
func TestUpstreamForwards(t *testing.T) {
	for name, c := range map[string]struct{ user, request, want string }{
		"no user": {
			"", "GET http://origin.test/a?b HTTP/1.1\r\nhost: origin.test\r\nProxy-Authorization: Basic eA==\r\n\r\n",
			"GET http://origin.test/a?b HTTP/1.1\r\nhost: origin.test\r\n\r\n",
		},
		"user and password": {
			"us%20er:p%3Ass@", "GET http://origin.test:81/ HTTP/1.1\r\nHost: origin.test:81\r\n\r\n",
			"GET http://origin.test:81/ HTTP/1.1\r\nHost: origin.test:81\r\nProxy-Authorization: Basic dXMgZXI6cDpzcw==\r\n\r\n",
		},
		"the server as a whole": {
			"", "OPTIONS http://origin.test HTTP/1.1\r\nHost: origin.test\r\n\r\n",
			"OPTIONS http://origin.test HTTP/1.1\r\nHost: origin.test\r\n\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			via := newAnswering(t, ok)
			p := start(t, proxy.Options{Network: &proxy.Network{Upstream: upstream(t, "http://"+c.user+via.Addr)}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			for range 2 {
				client.Send(c.request)
				client.ReadN(len(ok))
				if diff := cmp.Diff(c.want, <-via.heads); diff != "" {
					t.Errorf("the upstream proxy received (-want +got):\n%s", diff)
				}
			}
			if len(via.conns) != 1 {
				t.Errorf("%d connections, want one that is kept", len(via.conns))
			}
			if x := p.WaitExchanges(t, 2)[0]; x.Server != via.Addr || x.Request.URL.Hostname() != "origin.test" {
				t.Errorf("server %q, URL %q", x.Server, x.Request.URL)
			}
		})
	}
}

// askedFor is an upstream proxy that notes what is asked of it and then is the
// origin itself.
func askedFor(t testing.TB, answer string, origin func(*nectest.Conn)) (*nectest.RawServer, <-chan string) {
	t.Helper()
	heads := make(chan string, 10)
	return nectest.NewRawServer(t, func(c *nectest.Conn) {
		heads <- c.ReadHead()
		c.Send(answer)
		origin(c)
	}), heads
}

// TestUpstreamConnects asks an upstream proxy for a connection wherever bytes have
// to pass as they are.
func TestUpstreamConnects(t *testing.T) {
	const get = "GET /x HTTP/1.1\r\nHost: origin.test\r\n\r\n"
	const upgrade = "Host: origin.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	direct := func(t *testing.T, p *running) *nectest.Conn { return nectest.Dial(t, p.addr) }
	for name, c := range map[string]struct {
		dial                func(t *testing.T, p *running) *nectest.Conn
		send, want, connect string
	}{
		"plain in CONNECT": {
			func(t *testing.T, p *running) *nectest.Conn { return tunnel(t, p, "origin.test:80", "") }, get, get, "origin.test:80",
		},
		"https in absolute-form": {direct, strings.Replace(get, "/x", "https://origin.test/x", 1), "\x16", "origin.test:443"},
		"another protocol": {
			func(t *testing.T, p *running) *nectest.Conn { return tunnel(t, p, "origin.test:25", "") }, "\x01\x02", "\x01\x02", "origin.test:25",
		},
		"WebSocket": {direct, "GET ws://origin.test/chat HTTP/1.1\r\n" + upgrade, "GET /chat HTTP/1.1\r\n" + upgrade, "origin.test:80"},
		"WebSocket in CONNECT": {
			func(t *testing.T, p *running) *nectest.Conn { return tunnel(t, p, "origin.test:80", "") },
			"GET /chat HTTP/1.1\r\n" + upgrade, "GET /chat HTTP/1.1\r\n" + upgrade, "origin.test:80",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 10)
			via, heads := askedFor(t, "HTTP/1.1 200 fine\r\nX: y\r\n\r\n", func(o *nectest.Conn) { got <- o.ReadN(len(c.want)); o.Send(ok) })
			p, _ := intercepting(t, proxy.Options{Network: &proxy.Network{Upstream: upstream(t, "http://a:b@"+via.Addr)}})
			client := c.dial(t, p)
			client.Send(c.send)
			want := "CONNECT " + c.connect + " HTTP/1.1\r\nHost: " + c.connect + "\r\nProxy-Authorization: Basic YTpi\r\n\r\n"
			if diff := cmp.Diff(want, within(t, atOnce, "CONNECT", heads)); diff != "" {
				t.Errorf("the upstream proxy received (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, within(t, atOnce, "request", got)); diff != "" {
				t.Errorf("the origin received (-want +got):\n%s", diff)
			}
			client.Close()
		})
	}
}

// TestUpstreamWithOriginThatSpeaksFirst has the origin's first bytes in one read
// with the answer to CONNECT.
func TestUpstreamWithOriginThatSpeaksFirst(t *testing.T) {
	via, _ := askedFor(t, "HTTP/1.0 200 OK\r\n\r\n220 smtp\r\n", func(c *nectest.Conn) { c.Send("+" + c.ReadN(4)); c.ReadAll(); c.Send("bye") })
	p := start(t, proxy.Options{Network: &proxy.Network{Upstream: upstream(t, "http://"+via.Addr)}}, proxy.Listener{})
	client := tunnel(t, p, "mail.test:25", "")
	if got := client.ReadN(10); got != "220 smtp\r\n" {
		t.Errorf("received %q", got)
	}
	client.Send("EHLO")
	client.CloseWrite()
	if got := client.ReadAll(); got != "+EHLObye" {
		t.Errorf("received %q", got)
	}
}

// TestUpstreamOverTLS has a second proxy, itself behind TLS, in front of an origin
// with TLS.
func TestUpstreamOverTLS(t *testing.T) {
	origin, _ := secureOrigin(t, ok)
	second := start(t, proxy.Options{}, proxy.Listener{})
	front, roots := secureServer(t, func(c *nectest.Conn) {
		var dialer net.Dialer
		inner, err := dialer.DialContext(t.Context(), "tcp", second.addr)
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			defer inner.Close()
			io.Copy(inner, c)
		}()
		io.Copy(c, inner)
	})
	_, port, _ := net.SplitHostPort(front.Addr)
	addr := nectest.OriginHost + ":" + port
	p, config := intercepting(t, proxy.Options{Network: &proxy.Network{
		RootCAs: roots, InsecureHosts: []string{"127.0.0.1"}, Resolve: map[string]string{addr: front.Addr}, Upstream: upstream(t, "https://"+addr),
	}})
	client := tunnel(t, p, origin.Addr, "").StartTLS(withName(config, "127.0.0.1"))
	client.Send("GET / HTTP/1.1\r\nHost: " + origin.Addr + "\r\n\r\n")
	if got := client.ReadN(len(ok)); got != ok {
		t.Errorf("received %q", got)
	}
}

// TestUpstreamFails tells the client, and the recording, what an upstream proxy
// has done wrong.
func TestUpstreamFails(t *testing.T) {
	unknown, _ := secureServer(t, func(c *nectest.Conn) { c.ReadAll() })
	gone := nectest.NewRawServer(t, func(*nectest.Conn) {})
	gone.Close()
	says := func(answer string) string {
		return "http://u:secret@" + nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadHead(); c.Send(answer); c.Ended(50 * time.Millisecond) }).Addr
	}
	web := nectest.NewRawServer(t, func(c *nectest.Conn) { c.Send("HTTP/1.1 400 Bad\r\n\r\n"); c.ReadAll() })
	stops := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadAll() })
	for name, c := range map[string]struct {
		via    string
		kind   traffic.FailureKind
		text   string
		direct bool // not for requests in absolute-form, whose answer is relayed
	}{
		"407":                   {says("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"), traffic.FailConnect, "does not accept the user and the password: 407", true},
		"502":                   {says("HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"), traffic.FailConnect, "answered CONNECT origin.test:80 with 502 Bad", false},
		"garbage":               {says("SSH-2.0-OpenSSH\r\n\r\n"), traffic.FailProtocol, "", true},
		"end":                   {says("HTTP/1.1 200 O"), traffic.FailEOF, "", true},
		"silence":               {"http://" + stops.Addr, traffic.FailTimeout, "deadline", false},
		"silence of SOCKS":      {"socks5h://" + stops.Addr, traffic.FailTimeout, "", true},
		"nobody there":          {"http://" + gone.Addr, traffic.FailConnect, "refused", true},
		"no such host":          {"http://no-such-proxy.invalid:3128", traffic.FailDNS, "no-such-proxy.invalid", true},
		"unknown certificate":   {"https://" + unknown.Addr, traffic.FailTLS, "certificate", true},
		"SOCKS that is not one": {"socks5h://" + web.Addr, traffic.FailConnect, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := &proxy.Network{Upstream: upstream(t, c.via)}
			if strings.HasPrefix(name, "silence") {
				network.DialTimeout = 300 * time.Millisecond
			}
			p := start(t, proxy.Options{Network: network}, proxy.Listener{})
			requests := []string{"CONNECT origin.test:80 HTTP/1.1\r\nHost: origin.test:80\r\n\r\n"}
			if c.direct {
				requests = append(requests, get("origin.test", "/"))
			}
			for i, request := range requests {
				client := nectest.Dial(t, p.addr)
				client.Send(request)
				got := client.ReadAll()
				if !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, c.text) || strings.Contains(got, "secret") {
					t.Errorf("the answer to %q is %q", request, got)
				}
				x := p.WaitExchanges(t, i+1)[i]
				if x.Failure.Kind != c.kind || x.Failure.Side != traffic.SideUpstream {
					t.Errorf("failure %+v", x.Failure)
				}
			}
		})
	}
}

// TestUpstreamChosenByOrigin reaches some origins directly, and does not know what
// to do about others.
func TestUpstreamChosenByOrigin(t *testing.T) {
	origin, via := newAnswering(t, ok), newAnswering(t, ok)
	to := upstream(t, "http://"+via.Addr)
	asked := make(chan string, 10)
	p := start(t, proxy.Options{Network: &proxy.Network{Upstream: func(u *url.URL) (*url.URL, error) {
		asked <- u.String()
		switch u.Hostname() {
		case "127.0.0.1":
			return nil, nil
		case "wrong.test":
			return nil, errors.New("no idea")
		}
		return to(u)
	}}}, proxy.Listener{})
	for host, heads := range map[string]chan string{origin.Addr: origin.heads, "origin.test": via.heads} {
		client := nectest.Dial(t, p.addr)
		client.Send(get(host, "/"))
		client.ReadN(len(ok))
		within(t, atOnce, "request", heads)
		if got := <-asked; !strings.HasPrefix(got, "http://"+host) {
			t.Errorf("asked for %q", got)
		}
	}
	client := nectest.Dial(t, p.addr)
	client.Send("CONNECT wrong.test:443 HTTP/1.1\r\nHost: wrong.test:443\r\n\r\n")
	if got := client.ReadAll(); !strings.Contains(got, "choose an upstream proxy: no idea") {
		t.Errorf("received %q", got)
	}
	if got := <-asked; got != "https://wrong.test:443" {
		t.Errorf("asked for %q", got)
	}
}

// TestUpstreamIsNecto does not go round in circles, nor does it ask an upstream proxy
// on this machine for what necto itself does not lead to.
func TestUpstreamIsNecto(t *testing.T) {
	var via atomic.Pointer[url.URL]
	p := start(t, proxy.Options{Network: &proxy.Network{Upstream: func(*url.URL) (*url.URL, error) { return via.Load(), nil }}}, proxy.Listener{})
	_, port, _ := net.SplitHostPort(p.addr)
	for _, c := range []struct{ via, target string }{
		{p.addr, p.addr},
		{"127.0.0.1:1", p.addr},
		{"127.0.0.1:1", "[::ffff:127.0.0.1]:" + port},
		{"127.0.0.1:1", "LocalHost:" + port},
		{"127.0.0.1:1", "localhost.:" + port},
	} {
		via.Store(&url.URL{Scheme: "http", Host: c.via})
		for _, request := range []string{get(c.target, "/"), "CONNECT " + c.target + " HTTP/1.1\r\nHost: " + c.target + "\r\n\r\n"} {
			client := nectest.Dial(t, p.addr)
			client.Send(request)
			if got := client.ReadAll(); !strings.Contains(got, "necto itself") {
				t.Errorf("the answer to %q, with the upstream proxy %s, is %q", request, c.via, got)
			}
		}
	}
}

// TestUpstreamOnOurPort asks an upstream proxy for an origin that has a port of ours
// on another address.
func TestUpstreamOnOurPort(t *testing.T) {
	up := newAnswering(t, ok)
	via := &url.URL{Scheme: "http", Host: up.Addr}
	p := start(t, proxy.Options{Network: &proxy.Network{Upstream: func(*url.URL) (*url.URL, error) { return via, nil }}}, proxy.Listener{})
	_, port, _ := net.SplitHostPort(p.addr)
	client := nectest.Dial(t, p.addr)
	client.Send(get("192.0.2.1:"+port, "/"))
	if got := client.ReadN(len(ok)); got != ok {
		t.Errorf("received %q", got)
	}
}

// TestUpstreamSOCKS asks a SOCKS proxy for a connection: with the name, or with
// what it resolves to here.
func TestUpstreamSOCKS(t *testing.T) {
	for name, c := range map[string]struct{ scheme, methods, auth, want string }{
		"name":     {"socks5h://", "\x05\x01\x00", "", "\x05\x01\x00\x03\x0borigin.test\x00\x50"},
		"resolved": {"socks5://", "\x05\x01\x00", "", "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50"},
		"user":     {"socks5h://a:bc@", "\x05\x02\x00\x02", "\x01\x01a\x02bc", "\x05\x01\x00\x03\x0borigin.test\x00\x50"},
	} {
		t.Run(name, func(t *testing.T) {
			via := nectest.NewRawServer(t, func(s *nectest.Conn) {
				if got := s.ReadN(len(c.methods)); got != c.methods {
					t.Errorf("methods %q, want %q", got, c.methods)
				}
				if c.auth == "" {
					s.Send("\x05\x00")
				} else {
					s.Send("\x05\x02")
					if got := s.ReadN(len(c.auth)); got != c.auth {
						t.Errorf("user and password %q, want %q", got, c.auth)
					}
					s.Send("\x01\x00")
				}
				if got := s.ReadN(len(c.want)); got != c.want {
					t.Errorf("request %q, want %q", got, c.want)
				}
				s.Send("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
				if got := s.ReadHead(); !strings.HasPrefix(got, "GET / HTTP/1.1\r\n") {
					t.Errorf("the origin received %q", got)
				}
				s.Send(ok)
			})
			p := start(t, proxy.Options{Network: &proxy.Network{
				Upstream: upstream(t, c.scheme+via.Addr), Resolve: map[string]string{"origin.test:80": "192.0.2.1"},
			}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(get("origin.test", "/"))
			if got := client.ReadN(len(ok)); got != ok {
				t.Errorf("received %q", got)
			}
		})
	}
}
