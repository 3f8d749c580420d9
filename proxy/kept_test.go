package proxy_test

import (
	"context"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// seenConn is a connection of a client that a test can see the end of.
type seenConn struct{ *net.TCPConn }

// NetConn returns the connection itself.
func (c *seenConn) NetConn() net.Conn { return c.TCPConn }

// TestKeptExchangesKeepNothingElse has an observer keep all that it is told, which
// keeps nothing of the connections that it came on.
func TestKeptExchangesKeepNothingElse(t *testing.T) {
	const clients = 1000
	editing := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		req = req.Clone()
		req.Header.Add("X-Added", "1")
		resp, err := next.RoundTrip(ctx, req)
		if err == nil {
			resp.Header = append(resp.Header.Clone(), traffic.Field{Name: "X-Added", Value: "1"})
		}
		return resp, err
	})
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		for !c.Ended(resting) {
			if strings.HasPrefix(c.ReadHead(), "POST") {
				c.ReadN(len("hi"))
			}
			c.Send(ok)
		}
	})
	secure, network := engineOrigin(t, h2.Config{}, func(st *h2.Stream) { answer(st, "ok") })
	post := strings.Replace(get(origin.Addr, "/"), "GET", "POST", 1)
	post = strings.TrimSuffix(post, "\r\n") + "Content-Length: 2\r\n\r\nhi"
	plain := func(request string) func(*testing.T, *running) {
		return func(t *testing.T, p *running) {
			client := nectest.Dial(t, p.addr)
			client.Send(request)
			client.ReadN(len(ok))
			client.Close()
		}
	}
	for name, c := range map[string]struct {
		layers []proxy.Layer
		n      int
		ask    func(*testing.T, *running)
	}{
		"GET":    {nil, clients, plain(get(origin.Addr, "/"))},
		"POST":   {nil, clients / 10, plain(post)},
		"edited": {[]proxy.Layer{editing}, clients / 10, plain(strings.Replace(post, "Host:", "X-Added: 2\r\nHost:", 1))},
		"HTTP/2": {nil, clients / 10, func(t *testing.T, p *running) {
			client := h2.Client(dialRaw(p.addr), h2.Config{})
			ended := make(chan struct{})
			go func() { defer close(ended); _ = client.Run(context.WithoutCancel(t.Context())) }()
			receive(t, send(t, client, get2(secure, "/")))
			client.Close()
			<-ended
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var freed atomic.Int64
			p := start(t, proxy.Options{Network: network, Layers: c.layers}, proxy.Listener{
				Accepted: func(conn net.Conn) net.Conn {
					seen := &seenConn{conn.(*net.TCPConn)}
					runtime.AddCleanup(seen, func(n *atomic.Int64) { n.Add(1) }, &freed)
					return seen
				},
			})
			for range c.n {
				c.ask(t, p)
			}
			xs := p.WaitExchanges(t, c.n)
			for deadline := time.Now().Add(patience); freed.Load() < int64(c.n) && time.Now().Before(deadline); {
				runtime.GC()
				time.Sleep(10 * time.Millisecond)
			}
			if n := freed.Load(); n != int64(c.n) {
				t.Errorf("%d of %d connections are gone", n, c.n)
			}
			for _, x := range xs {
				if x.Failure != nil || x.Edited() != (c.layers != nil) || bodyOf(x.ResponseBody) != "ok" {
					t.Fatalf("kept %+v with %q", x, bodyOf(x.ResponseBody))
				}
			}
		})
	}
}
