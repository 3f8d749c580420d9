package proxy_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// refusing lets an origin end the handshakes of clients that do not offer HTTP/2, as
// RFC 7301 has it, and counts them. Go's own servers take those who offer HTTP/1.1.
func refusing(config *tls.Config, refused *atomic.Int64) {
	onlyHTTP2(config)
	other := config.Clone()
	other.NextProtos = []string{"not-http"}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, "h2") {
			return nil, nil
		}
		refused.Add(1)
		return other, nil
	}
}

// strictOrigin is an origin that speaks HTTP/2 and refuses HTTP/1.1.
func strictOrigin(t testing.TB, cfg h2.Config, handle func(*h2.Stream)) (addr string, network *proxy.Network, refused *atomic.Int64) {
	t.Helper()
	refused = new(atomic.Int64)
	server, pool := secureServerWith(t, func(config *tls.Config) { refusing(config, refused) }, func(c *nectest.Conn) {
		_ = c.SetDeadline(time.Time{})
		_ = h2.Server(c, cfg, handle).Run(context.WithoutCancel(t.Context()))
	})
	return server.Addr, &proxy.Network{RootCAs: pool}, refused
}

// setupUp runs such an origin and a client that speaks only HTTP/1.1 to it.
func setupUp(t testing.TB, opts proxy.Options, cfg h2.Config, handle func(*h2.Stream)) (client *nectest.Conn, addr string, p *running) {
	t.Helper()
	addr, network, _ := strictOrigin(t, cfg, handle)
	opts.Network = network
	p, config := intercepting(t, opts)
	return tunnel(t, p, addr, "").StartTLS(withName(config, "127.0.0.1")), addr, p
}

// TestHTTP1ToHTTP2 holds what is sent to an origin that speaks only HTTP/2, and what
// becomes of its answers, against RFC 9112.
func TestHTTP1ToHTTP2(t *testing.T) {
	fields := func(pairs ...string) (out traffic.Fields) {
		for i := 0; i < len(pairs); i += 2 {
			out.Add(pairs[i], pairs[i+1])
		}
		return out
	}
	for name, c := range map[string]struct {
		wire          string // with ADDR for the origin's
		method        string
		asked         traffic.Fields
		content       string
		trailer       traffic.Fields
		early         int // a 1xx, 0 for none
		status        int
		said          traffic.Fields
		answer        string
		answerTrailer traffic.Fields
		received      string
	}{
		"no content": {
			wire:   "GET /p?q HTTP/1.1\r\nHost: ADDR\r\nX-B: 1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nCookie: a=1; b=2\r\n\r\n",
			method: "GET", asked: fields("x-b", "1", "cookie", "a=1; b=2"),
			status: 200, said: fields("set-cookie", "a", "x-y", "z", "set-cookie", "b"),
			received: "HTTP/1.1 200 OK\r\nset-cookie: a\r\nx-y: z\r\nset-cookie: b\r\ncontent-length: 0\r\n\r\n",
		},
		"content of known length": {
			wire:   "PUT /p?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\n\r\nhello",
			method: "PUT", asked: fields("content-length", "5"), content: "hello",
			status: 201, said: fields("content-length", "2"), answer: "ok",
			received: "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok",
		},
		"chunks and trailers": {
			wire: "POST /p?q HTTP/1.1\r\nHost: ADDR\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
				"5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n",
			method: "POST", asked: fields("te", "trailers", "trailer", "X-Sum"), content: "hello", trailer: fields("x-sum", "42"),
			status: 200, said: fields("trailer", "x-t"), answer: "ok", answerTrailer: fields("x-t", "1"),
			received: "HTTP/1.1 200 OK\r\ntrailer: x-t\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n",
		},
		"HEAD": {
			wire: "HEAD /p?q HTTP/1.1\r\nHost: ADDR\r\n\r\n", method: "HEAD",
			status: 200, said: fields("content-length", "9"),
			received: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
		},
		"no content ever": {
			wire: "DELETE /p?q HTTP/1.1\r\nHost: ADDR\r\n\r\n", method: "DELETE",
			status: 204, received: "HTTP/1.1 204 No Content\r\n\r\n",
		},
		"asked to go on": {
			wire:   "POST /p?q HTTP/1.1\r\nHost: ADDR\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
			method: "POST", asked: fields("expect", "100-continue", "content-length", "5"), content: "hello", early: 100,
			status: 200, said: fields("content-length", "2"), answer: "ok",
			received: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
		},
		"early hints": {
			wire: "GET /p?q HTTP/1.1\r\nHost: ADDR\r\n\r\n", method: "GET", early: 103,
			status: 200, said: fields("content-length", "2"), answer: "ok",
			received: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
		},
		"HTTP/1.0": {
			wire: "GET /p?q HTTP/1.0\r\nHost: ADDR\r\n\r\n", method: "GET",
			status: 200, answer: "all of it", received: "HTTP/1.1 200 OK\r\n\r\nall of it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type request struct {
				Head    h2.Head
				Content string
				Trailer traffic.Fields
			}
			sent := make(chan request, 1)
			client, addr, p := setupUp(t, proxy.Options{}, h2.Config{}, func(st *h2.Stream) {
				if c.early != 0 {
					_ = st.WriteHead(h2.ResponseHead(c.early, nil))
				}
				content, _ := io.ReadAll(st)
				sent <- request{st.Head(), string(content), st.Trailer()}
				head := h2.ResponseHead(c.status, c.said)
				head.End = c.answer == ""
				_ = st.WriteHead(head)
				_, _ = io.WriteString(st, c.answer)
				_ = st.CloseWrite(c.answerTrailer)
			})
			client.Send(strings.ReplaceAll(c.wire, "ADDR", addr))
			if got := client.ReadN(len(c.received)); got != c.received {
				t.Errorf("received %q, want %q", got, c.received)
			}
			got := <-sent
			if got.Head.Pseudo.Get(":method") != c.method || got.Head.Pseudo.Get(":authority") != addr || got.Head.Pseudo.Get(":path") != "/p?q" ||
				got.Head.Pseudo.Get(":scheme") != "https" || !equalFields(got.Head.Fields, c.asked) {
				t.Errorf("the origin was asked %v", got.Head)
			}
			if got.Content != c.content || !equalFields(got.Trailer, c.trailer) {
				t.Errorf("the origin was sent %q, %v", got.Content, got.Trailer)
			}
			x := p.WaitExchanges(t, 1)[0]
			if x.Failure != nil || x.Edited() || x.Response.Proto != "HTTP/1.1" || bodyOf(x.ResponseBody) != c.answer || bodyOf(x.RequestBody) != c.content {
				t.Errorf("recorded %+v, %v, edited %v", x.Response, x.Failure, x.Edited())
			}
		})
	}
}

// TestHTTP1ToHTTP2IsRemembered asks an origin once in HTTP/1.1, whichever way it
// refuses that, and in HTTP/2 from then on.
func TestHTTP1ToHTTP2IsRemembered(t *testing.T) {
	handle := func(st *h2.Stream) { answer(st, "ok") }
	strictAddr, strict, refused := strictOrigin(t, h2.Config{}, handle)
	laxAddr, lax := engineOrigin(t, h2.Config{}, handle)
	for name, c := range map[string]struct {
		addr    string
		network *proxy.Network
	}{"by its alert": {strictAddr, strict}, "by its answer": {laxAddr, lax}} {
		t.Run(name, func(t *testing.T) {
			p, config := intercepting(t, proxy.Options{Network: c.network})
			for range 2 {
				client := tunnel(t, p, c.addr, "").StartTLS(withName(config, "127.0.0.1"))
				for range 2 {
					client.Send("GET / HTTP/1.1\r\nHost: " + c.addr + "\r\n\r\n")
					if got := client.ReadHead() + client.ReadN(len("2\r\nok\r\n0\r\n\r\n")); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
						t.Errorf("received %q", got)
					}
				}
				client.Close()
			}
			for i, x := range p.WaitExchanges(t, 4) {
				if opened := x.Timing.TLS >= 0; opened != (i%2 == 0) || x.Server != c.addr {
					t.Errorf("exchange %d with %q: %+v", i, x.Server, x.Timing)
				}
			}
		})
	}
	if n := refused.Load(); n != 1 {
		t.Errorf("%d handshakes were refused, want 1", n)
	}
}

// TestHTTP1ToHTTP2IsForgotten asks an origin in HTTP/1.1 again that has learnt it.
func TestHTTP1ToHTTP2IsForgotten(t *testing.T) {
	var learnt atomic.Bool
	server, pool := secureServerWith(t, func(config *tls.Config) {
		refusing(config, new(atomic.Int64))
		refuse, taught := config.GetConfigForClient, config.Clone()
		taught.NextProtos, taught.GetConfigForClient = []string{"http/1.1"}, nil
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if learnt.Load() {
				return taught, nil
			}
			return refuse(hello)
		}
	}, func(c *nectest.Conn) {
		if learnt.Load() {
			answerAll(ok)(c)
			return
		}
		_ = h2.Server(c, h2.Config{}, func(st *h2.Stream) { answer(st, "") }).Run(context.WithoutCancel(t.Context()))
	})
	p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}})
	for i := range 3 {
		learnt.Store(i > 0)
		client := tunnel(t, p, server.Addr, "").StartTLS(withName(config, "127.0.0.1"))
		client.Send("GET / HTTP/1.1\r\nHost: " + server.Addr + "\r\n\r\n")
		if got := client.ReadHead(); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("request %d: received %q", i, got)
		}
		client.Close()
	}
	p.WaitExchanges(t, 3)
}

// TestHTTP1ToHTTP2NotWanted keeps everybody to HTTP/1.1.
func TestHTTP1ToHTTP2NotWanted(t *testing.T) {
	addr, network, _ := strictOrigin(t, h2.Config{}, echoHead)
	p, config := intercepting(t, proxy.Options{Network: network, HTTP1Only: true})
	client := tunnel(t, p, addr, "").StartTLS(withName(config, "127.0.0.1"))
	client.Send("GET / HTTP/1.1\r\nHost: " + addr + "\r\n\r\n")
	if got := client.ReadHead(); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("received %q", got)
	}
	if f := p.WaitExchanges(t, 1)[0].Failure; f == nil || f.Kind != traffic.FailTLS || f.Side != traffic.SideUpstream {
		t.Errorf("failure %+v", f)
	}
}

// TestHTTP1ToHTTP2EarlyAnswer has an origin answer before it has all of a request.
func TestHTTP1ToHTTP2EarlyAnswer(t *testing.T) {
	client, addr, p := setupUp(t, proxy.Options{}, h2.Config{}, func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(413, traffic.Fields{{Name: "content-length", Value: "8"}}))
		_, _ = st.WriteLast([]byte("too long"))
	})
	client.Send("POST / HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 1000000\r\n\r\nsome of it")
	if got := client.ReadHead() + client.ReadN(8); got != "HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 8\r\n\r\ntoo long" {
		t.Errorf("received %q", got)
	}
	if !client.Ended(patience) {
		t.Error("the connection is kept though the request was not read")
	}
	if x := p.WaitExchanges(t, 1)[0]; x.Failure != nil || x.Response.Status != 413 || bodyOf(x.RequestBody) != "some of it" {
		t.Errorf("recorded %+v, %q, %v", x.Response, bodyOf(x.RequestBody), x.Failure)
	}
}

// TestHTTP1ToHTTP2Ends has either side leave in the middle of things, which the other
// one learns.
func TestHTTP1ToHTTP2Ends(t *testing.T) {
	for name, c := range map[string]struct {
		content string // of a request that says it has more, "" for one that has none
		handle  func(*h2.Stream)
		leave   func(*nectest.Conn)
		side    traffic.Side
		kind    traffic.FailureKind
	}{
		"client":        {"", func(*h2.Stream) {}, func(c *nectest.Conn) { c.Close() }, traffic.SideClient, traffic.FailReset},
		"client inside": {"some", func(*h2.Stream) {}, func(c *nectest.Conn) { c.Close() }, traffic.SideClient, traffic.FailEOF},
		"origin":        {"", func(st *h2.Stream) { st.Reset(h2.CodeInternal) }, func(c *nectest.Conn) { c.ReadAll() }, traffic.SideUpstream, traffic.FailReset},
		"origin inside": {"", partly, func(c *nectest.Conn) { c.ReadAll() }, traffic.SideUpstream, traffic.FailReset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, ended := make(chan bool, 1), make(chan error, 1)
			client, addr, p := setupUp(t, proxy.Options{}, h2.Config{}, func(st *h2.Stream) {
				asked <- true
				c.handle(st)
				<-st.Context().Done()
				ended <- context.Cause(st.Context())
			})
			length := ""
			if c.content != "" {
				length = "Content-Length: 100\r\n"
			}
			client.Send("POST / HTTP/1.1\r\nHost: " + addr + "\r\n" + length + "\r\n" + c.content)
			within(t, patience, "a request", asked)
			c.leave(client)
			within(t, patience, "the end of the stream", ended)
			if f := p.WaitExchanges(t, 1)[0].Failure; f == nil || f.Kind != c.kind || f.Side != c.side {
				t.Errorf("failure %+v", f)
			}
		})
	}
}

// partly is an answer that breaks off.
func partly(st *h2.Stream) {
	_ = st.WriteHead(h2.ResponseHead(200, nil))
	_, _ = st.Write([]byte("part"))
	time.Sleep(50 * time.Millisecond)
	st.Reset(h2.CodeInternal)
}

// TestHTTP1ToHTTP2Layers records what passed on both sides where a layer has changed
// it.
func TestHTTP1ToHTTP2Layers(t *testing.T) {
	client, addr, p := setupUp(t, proxy.Options{Layers: []proxy.Layer{adding(" a ")}}, h2.Config{}, func(st *h2.Stream) {
		answer(st, "ok", traffic.Field{Name: "x-seen", Value: st.Head().Fields.Get("x-added")})
	})
	for _, target := range []string{"/request", "/response", "/"} {
		client.Send("GET " + target + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n")
		head := client.ReadHead()
		client.ReadUntil("0\r\n\r\n")
		if got := strings.Contains(head, "x-seen: a\r\n"); got != (target == "/request") {
			t.Errorf("%s: received %q", target, head)
		}
		if got := strings.Contains(head, "X-Added:  a \r\n"); got != (target == "/response") {
			t.Errorf("%s: received %q", target, head)
		}
	}
	for _, x := range p.WaitExchanges(t, 3) {
		got := []bool{x.Sent != nil, x.Received != nil, x.Failure != nil}
		if diff := cmp.Diff([]bool{x.Request.Target == "/request", x.Request.Target == "/response", false}, got); diff != "" {
			t.Errorf("%s: sent, received, failed (-want +got):\n%s", x.Request.Target, diff)
		}
	}
}

// TestHTTP1ToHTTP2WebSocket opens connections by extended CONNECT, if the origin has
// that.
func TestHTTP1ToHTTP2WebSocket(t *testing.T) {
	handle := func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(200, traffic.Fields{{Name: "sec-websocket-protocol", Value: "chat"}}))
		greet(st.NetConn())
		_ = st.CloseWrite(nil)
	}
	request := func(addr string) string {
		return "GET /ws HTTP/1.1\r\nHost: " + addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
	}
	client, addr, p := setupUp(t, proxy.Options{}, h2.Config{ExtendedConnect: true}, handle)
	client.Send(request(addr))
	want := "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
		"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" // that of RFC 6455 section 1.3
	if got := client.ReadHead(); got != want {
		t.Errorf("received %q, want %q", got, want)
	}
	client.Send(wsHello)
	if got := client.ReadN(len(wsWorld)); got != wsWorld {
		t.Errorf("received %q", got)
	}
	client.Send(wsBye)
	if got := client.ReadN(len(wsByeUp)); got != wsByeUp {
		t.Errorf("received %q", got)
	}
	client.Close()
	opened := waitEvent[traffic.WSOpened](t, p)
	if opened.WS.Via != "" || opened.WS.Subprotocol != "chat" || opened.Response.Status != http.StatusSwitchingProtocols {
		t.Errorf("opened %+v, %+v", opened.WS, opened.Response)
	}
	if closed := waitEvent[traffic.WSClosed](t, p); closed.Close.Code != 1000 || closed.Close.Frames != [2]uint64{2, 2} {
		t.Errorf("closed %+v", closed.Close)
	}

	client, addr, p = setupUp(t, proxy.Options{}, h2.Config{}, handle)
	client.Send(request(addr))
	if got := client.ReadHead(); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("received %q", got)
	}
	f := p.WaitExchanges(t, 1)[0].Failure
	if f == nil || f.Side != traffic.SideUpstream || !strings.Contains(f.Text, "takes no WebSocket connections") {
		t.Errorf("failure %+v", f)
	}
}
