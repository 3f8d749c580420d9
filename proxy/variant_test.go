package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// listenMore opens a further listener of a running proxy.
func listenMore(t *testing.T, p *running, l proxy.Listener) net.Addr {
	t.Helper()
	l.Addr = "127.0.0.1:0"
	addr, err := p.Listen(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// closedPort returns an address that nobody listens at.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestListenerWithOptions has a listener with an observer, a layer and no network
// of its own beside one that has all of the proxy's.
func TestListenerWithOptions(t *testing.T) {
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{}, proxy.Listener{})
	apart := new(nectest.Collect)
	mock := traffic.Response{Status: 204, Proto: "HTTP/1.1"}
	other := listenMore(t, p, proxy.Listener{Origin: true, Options: &proxy.Options{
		Observer: apart, Layers: []proxy.Layer{answerWith(mock)}, Auth: proxy.Credentials{User: "ann", Password: "pass"},
	}})
	for addr, want := range map[string]string{p.addr: "HTTP/1.1 200 ", other.String(): "HTTP/1.1 407 "} {
		client := nectest.Dial(t, addr)
		client.Send(get(origin.Addr, "/"))
		if got := client.ReadHead(); !strings.HasPrefix(got, want) {
			t.Errorf("%s answers %q, want %q", addr, got, want)
		}
	}
	client := nectest.Dial(t, other.String())
	client.Send("GET /mine HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if got := client.ReadHead(); !strings.HasPrefix(got, "HTTP/1.1 204 ") {
		t.Errorf("the layer answers %q", got)
	}
	if x := apart.WaitExchanges(t, 1)[0]; x.Request.URL.Target != "/mine" || x.ID != 2 {
		t.Errorf("exchange %d of %v, want the second of all", x.ID, x.Request.URL)
	}
	if xs := p.WaitExchanges(t, 1); len(xs) != 1 {
		t.Errorf("the proxy's observer was told of %d exchanges", len(xs))
	}
}

// TestRaw passes a protocol in which the server speaks first.
func TestRaw(t *testing.T) {
	greeting := nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.Send("hello ")
		c.Send(c.ReadAll())
	})
	p := start(t, proxy.Options{}, proxy.Listener{Raw: greeting.Addr})
	client := nectest.Dial(t, p.addr)
	if got := client.ReadN(6); got != "hello " {
		t.Errorf("greeted with %q", got)
	}
	client.Send("you")
	client.CloseWrite()
	if got := client.ReadAll(); got != "you" {
		t.Errorf("received %q", got)
	}
	if c := p.waitTunnel(t); c.Target != greeting.Addr || c.BytesUp != 3 || c.BytesDown != 9 || c.Failure != nil {
		t.Errorf("told %+v", c.Tunnel)
	}
}

// waitTunnel waits for the end of a tunnel.
func (r *running) waitTunnel(t *testing.T) traffic.TunnelClosed {
	t.Helper()
	var closed traffic.TunnelClosed
	r.Wait(t, func(events []traffic.Event) bool {
		for _, e := range events {
			if c, is := e.(traffic.TunnelClosed); is {
				closed = c
				return true
			}
		}
		return false
	})
	return closed
}

// TestRawWithoutWay cuts connections that lead nowhere, and says so.
func TestRawWithoutWay(t *testing.T) {
	nowhere := closedPort(t)
	for name, test := range map[string]struct {
		opts proxy.Options
		kind traffic.FailureKind
	}{
		"nobody there": {proxy.Options{}, traffic.FailConnect},
		"no network":   {proxy.Options{Layers: []proxy.Layer{answerWith(traffic.Response{})}}, traffic.FailInternal},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, test.opts, proxy.Listener{Raw: nowhere})
			conn, err := net.Dial("tcp", p.addr)
			if err == nil { // it may have been reset already
				_, err = conn.Read(make([]byte, 1))
				conn.Close()
			}
			if err == nil {
				t.Error("the connection was not cut")
			}
			if c := p.waitTunnel(t); c.Failure == nil {
				t.Error("no failure was told")
			} else if c.Failure.Kind != test.kind {
				t.Errorf("failure %v, want %s", c.Failure, test.kind)
			}
		})
	}
}

// wrapped is a connection that counts what is read.
type wrapped struct {
	net.Conn
	read *atomic.Int64
}

func (w wrapped) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.read.Add(int64(n))
	return n, err
}

func (w wrapped) NetConn() net.Conn { return w.Conn }
func (w wrapped) CloseWrite() error { return w.Conn.(*net.TCPConn).CloseWrite() }

// TestAccepted lets a connection be replaced by one that counts.
func TestAccepted(t *testing.T) {
	origin := newAnswering(t, ok)
	var read atomic.Int64
	p := start(t, proxy.Options{}, proxy.Listener{Accepted: func(c net.Conn) net.Conn { return wrapped{c, &read} }})
	client := nectest.Dial(t, p.addr)
	request := get(origin.Addr, "/")
	client.Send(request)
	client.ReadN(len(ok))
	if read.Load() != int64(len(request)) {
		t.Errorf("counted %d bytes, sent %d", read.Load(), len(request))
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if rest := client.ReadAll(); rest != "" {
		t.Errorf("after the stop came %q", rest)
	}
}

// dials collects what Network.Dialed is told.
type dials struct {
	mu   sync.Mutex
	list []string // guarded by mu
}

func (d *dials) add(addr string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		addr += " failed"
	}
	d.list = append(d.list, addr)
}

// TestDialed is told of attempts by clients, to origins and to upstream proxies, and
// not of those of Reach.
func TestDialed(t *testing.T) {
	origin := newAnswering(t, ok)
	nowhere := closedPort(t)
	var told dials
	p := start(t, proxy.Options{Network: &proxy.Network{Dialed: told.add}}, proxy.Listener{})
	via := listenMore(t, p, proxy.Listener{Options: &proxy.Options{Network: &proxy.Network{
		Dialed:   told.add,
		Upstream: func(*url.URL) (*url.URL, error) { return &url.URL{Scheme: "http", Host: nowhere}, nil },
	}}})
	for _, addr := range []string{p.addr, via.String()} {
		client := nectest.Dial(t, addr)
		client.Send(get(origin.Addr, "/"))
		client.ReadHead()
	}
	if err := p.Reach(t.Context(), via, &url.URL{Scheme: "http", Host: nowhere}); err == nil {
		t.Error("an upstream proxy that is not there was reached")
	}
	want := []string{origin.Addr, nowhere + " failed"}
	if diff := cmp.Diff(want, told.list); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestReach connects to what is behind a listener.
func TestReach(t *testing.T) {
	there := nectest.NewRawServer(t, func(c *nectest.Conn) { _, _ = io.Copy(io.Discard, c) }).Addr
	plain := nectest.NewRawServer(t, func(c *nectest.Conn) { c.Send("220 mail.example.com\r\n") }).Addr
	nowhere := closedPort(t)
	through := func(scheme, addr string) *url.URL { return &url.URL{Scheme: scheme, Host: addr} }
	reverse := func(addr string) *traffic.URL { return &traffic.URL{Scheme: "https", Authority: addr, Target: "/"} }
	p := start(t, proxy.Options{}, proxy.Listener{})
	for name, c := range map[string]struct {
		l     proxy.Listener
		via   *url.URL
		fails bool
	}{
		"raw":                   {proxy.Listener{Raw: there}, nil, false},
		"raw, gone":             {proxy.Listener{Raw: nowhere}, nil, true},
		"origin":                {proxy.Listener{Reverse: reverse(there)}, nil, false},
		"origin, gone":          {proxy.Listener{Reverse: reverse(nowhere)}, nil, true},
		"upstream":              {proxy.Listener{}, through("socks5", there), false},
		"upstream, gone":        {proxy.Listener{}, through("http", nowhere), true},
		"upstream, not TLS":     {proxy.Listener{}, through("https", plain), true},
		"nothing in particular": {proxy.Listener{}, nil, false},
		"no network":            {proxy.Listener{Options: &proxy.Options{Layers: []proxy.Layer{answerWith(traffic.Response{})}}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := p.Reach(t.Context(), listenMore(t, p, c.l), c.via); (err != nil) != c.fails {
				t.Errorf("got %v", err)
			} else if _, is := errors.AsType[*traffic.Failure](err); err != nil && !is {
				t.Errorf("got a %T: %v", err, err)
			}
		})
	}
	if err := p.Reach(t.Context(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("without a listener: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Reach(canceled, listenMore(t, p, proxy.Listener{Raw: there}), nil); err == nil {
		t.Error("reached with a context that is done")
	}
}
