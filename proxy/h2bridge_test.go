package proxy_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// passThrough is a layer that changes nothing. With it a client is offered HTTP/2
// whatever the origin speaks.
var passThrough = layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
	return next.RoundTrip(ctx, req)
})

// setupDown runs an origin that speaks only HTTP/1.1 and a client that speaks
// only HTTP/2.
func setupDown(t *testing.T, script func(*nectest.Conn), layers ...proxy.Layer) (client *h2.Conn, addr string, p *running) {
	t.Helper()
	origin, pool := secureServer(t, script)
	p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}, Layers: append(layers, passThrough)})
	return engineClient(t, p, config, origin.Addr), origin.Addr, p
}

// TestHTTP2ToHTTP1 holds what is sent to an origin of HTTP/1.1, and what becomes of
// its answers, against RFC 9113.
func TestHTTP2ToHTTP1(t *testing.T) {
	fields := func(pairs ...string) (out traffic.Fields) {
		for i := 0; i < len(pairs); i += 2 {
			out.Add(pairs[i], pairs[i+1])
		}
		return out
	}
	for name, c := range map[string]struct {
		method, content string // a content of "" is none
		asked           traffic.Fields
		wire            string // with ADDR for the origin's
		answer          string
		status          int
		said, trailer   traffic.Fields
		received        string
	}{
		"host and cookies": {
			method: "GET", asked: fields("x-b", "1", "cookie", "a=1", "te", "trailers", "cookie", "b=2"),
			wire:   "GET /p?q HTTP/1.1\r\nhost: ADDR\r\nx-b: 1\r\ncookie: a=1; b=2\r\nte: trailers\r\n\r\n",
			answer: "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nSet-Cookie: a\r\nX-Y: z\r\nSet-Cookie: b\r\n\r\nok",
			status: 200, said: fields("content-length", "2", "set-cookie", "a", "x-y", "z", "set-cookie", "b"), received: "ok",
		},
		"content of unknown length": {
			method: "POST", content: "hello",
			wire:   "POST /p?q HTTP/1.1\r\nhost: ADDR\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
			answer: "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
			status: 201, said: fields("trailer", "X-T"), trailer: fields("x-t", "1"), received: "ok",
		},
		"content of known length": {
			method: "PUT", content: "hello", asked: fields("content-length", "5"),
			wire:   "PUT /p?q HTTP/1.1\r\nhost: ADDR\r\ncontent-length: 5\r\n\r\nhello",
			answer: "HTTP/1.1 204 No Content\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nX-End: 1\r\n\r\n",
			status: 204, said: fields("x-end", "1"),
		},
		"answer until the end": {
			method: "GET", wire: "GET /p?q HTTP/1.1\r\nhost: ADDR\r\n\r\n",
			answer: "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nall of it", status: 200, received: "all of it",
		},
		"no content to HEAD": {
			method: "HEAD", wire: "HEAD /p?q HTTP/1.1\r\nhost: ADDR\r\n\r\n",
			answer: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", status: 200, said: fields("content-length", "9"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := make(chan string, 1)
			client, addr, p := setupDown(t, func(conn *nectest.Conn) {
				sent <- conn.ReadN(len(strings.ReplaceAll(c.wire, "ADDR", conn.LocalAddr().String())))
				conn.Send(c.answer)
				if !strings.HasPrefix(c.answer, "HTTP/1.0") {
					conn.Ended(patience)
				}
			})
			head := h2.RequestHead(c.method, "https", addr, "/p?q", c.asked)
			head.End = c.content == ""
			st := send(t, client, head)
			if !head.End {
				if _, err := st.WriteLast([]byte(c.content)); err != nil {
					t.Fatal(err)
				}
			}
			got, content := receive(t, st)
			if got.Status() != c.status || content != c.received || !equalFields(got.Fields, c.said) {
				t.Errorf("%d %q %v", got.Status(), content, got.Fields)
			}
			if diff := cmp.Diff(c.trailer, st.Trailer(), sameFields); diff != "" {
				t.Errorf("trailer %s", diff)
			}
			if got, want := <-sent, strings.ReplaceAll(c.wire, "ADDR", addr); got != want {
				t.Errorf("the origin got %q, want %q", got, want)
			}
			x := p.WaitExchanges(t, 1)[0]
			if x.Failure != nil || x.Edited() || x.Response.Proto != "HTTP/2.0" || !equalFields(x.Response.Header, c.said) {
				t.Errorf("recorded %+v, %v, edited %v", x.Response, x.Failure, x.Edited())
			}
		})
	}
}

// TestHTTP2ManyToHTTP1 has streams use connections of their own to an origin of
// HTTP/1.1, and again those that are free.
func TestHTTP2ManyToHTTP1(t *testing.T) {
	client, addr, p := setupDown(t, func(c *nectest.Conn) {
		for !c.Ended(resting) {
			c.ReadHead()
			c.Send(ok)
		}
	})
	for round := range 3 {
		var sent []*h2.Stream
		for range 5 {
			sent = append(sent, send(t, client, get2(addr, "/")))
		}
		for _, st := range sent {
			if head, _ := receive(t, st); head.Status() != 200 {
				t.Errorf("status %d", head.Status())
			}
		}
		p.WaitExchanges(t, 5*(round+1)) // their connections are free again
	}
	connects := 0
	for _, x := range p.WaitExchanges(t, 15) {
		if x.Timing.Connect >= 0 {
			connects++
		}
	}
	if connects < 1 || connects > 5 {
		t.Errorf("%d exchanges opened a connection", connects)
	}
}

// TestHTTP2ClientLeavesHTTP1 closes the connection to an origin of HTTP/1.1 whose
// answer nobody awaits any more, and no other.
func TestHTTP2ClientLeavesHTTP1(t *testing.T) {
	asked, left := make(chan bool, 2), make(chan bool, 1)
	client, addr, p := setupDown(t, func(c *nectest.Conn) {
		head := c.ReadHead()
		asked <- true
		if strings.Contains(head, "/wait") {
			left <- c.Ended(patience)
			return
		}
		c.Send(ok)
		c.Ended(patience)
	})
	st := send(t, client, get2(addr, "/wait"))
	<-asked
	st.Reset(h2.CodeCancel)
	if !within(t, patience, "the end of the connection", left) {
		t.Error("the connection to the origin stays open")
	}
	if head, _ := receive(t, send(t, client, get2(addr, "/"))); head.Status() != 200 {
		t.Errorf("status %d", head.Status())
	}
	for _, x := range p.WaitExchanges(t, 2) { // in whichever order they have ended
		f := x.Failure
		if left := x.Request.URL.Target == "/wait"; left != (f != nil) {
			t.Errorf("failure %+v of %s", f, x.Request.URL.Target)
		}
		if f != nil && (f.Side != traffic.SideClient || f.Kind != traffic.FailReset) {
			t.Errorf("failure %+v", f)
		}
	}
}

// TestHTTP2Layers has layers see and change messages of HTTP/2.
func TestHTTP2Layers(t *testing.T) {
	edit := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		if req.URL.Target == "/mock" {
			body := traffic.NewMemoryBody([]byte("made"))
			return &traffic.Response{Status: 200, Reason: "OK", Proto: "HTTP/1.1", Header: traffic.Fields{
				{Name: "Content-Type", Value: "text/x"}, {Name: "Connection", Value: "close"}, {Name: "Transfer-Encoding", Value: "chunked"},
			}, Body: body, Length: 4}, nil
		}
		out := req.Clone()
		out.Header.Set("X-Added", "1")
		out.Header.Set("Host", "other.example")
		resp, err := next.RoundTrip(ctx, out)
		if err == nil {
			resp.Header = append(resp.Header.Clone(), traffic.Field{Name: "X-Edited", Value: "1"})
		}
		return resp, err
	})
	seen := make(chan h2.Head, 1)
	addr, network := engineOrigin(t, h2.Config{}, func(st *h2.Stream) {
		seen <- st.Head()
		answer(st, "origin", traffic.Field{Name: "a", Value: "b"})
	})
	p, config := intercepting(t, proxy.Options{Network: network, Layers: []proxy.Layer{edit}})
	client := engineClient(t, p, config, addr)
	head, content := receive(t, send(t, client, get2(addr, "/mock")))
	want := traffic.Fields{{Name: "content-type", Value: "text/x"}}
	if diff := cmp.Diff(want, head.Fields, sameFields); content != "made" || diff != "" {
		t.Errorf("%q %s", content, diff)
	}
	head, content = receive(t, send(t, client, get2(addr, "/", traffic.Field{Name: "c", Value: "d"})))
	want = traffic.Fields{{Name: "a", Value: "b"}, {Name: "x-edited", Value: "1"}}
	if diff := cmp.Diff(want, head.Fields, sameFields); content != "origin" || diff != "" {
		t.Errorf("%q %s", content, diff)
	}
	got := <-seen
	want = traffic.Fields{{Name: "c", Value: "d"}, {Name: "x-added", Value: "1"}}
	if diff := cmp.Diff(want, got.Fields, sameFields); got.Pseudo.Get(":authority") != "other.example" || diff != "" {
		t.Errorf("%v %s", got.Pseudo, diff)
	}
	xs := p.WaitExchanges(t, 2)
	if xs[0].Response.Proto != "HTTP/2.0" || xs[0].Response.Reason != "" || xs[0].Edited() {
		t.Errorf("recorded %+v, edited %v", xs[0].Response, xs[0].Edited())
	}
	if xs[1].Sent == nil || xs[1].Received == nil || xs[1].Received.Header.Has("x-edited") {
		t.Errorf("sent %+v, received %+v", xs[1].Sent, xs[1].Received)
	}
}
