package proxy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestFraming sends answers of each kind of framing and reads a second answer
// behind those that keep the connection.
func TestFraming(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for name, c := range map[string]struct {
		method, fields, version string
		answer                  string // of the origin
		want                    string // at the client; "" for the same
		keep                    bool
	}{
		"length":            {answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", keep: true},
		"no content":        {answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", keep: true},
		"chunked":           {answer: chunked, keep: true},
		"204":               {answer: "HTTP/1.1 204 No Content\r\n\r\n", keep: true},
		"204 with a length": {answer: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", keep: true},
		"304 with a length": {answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", keep: true},
		"HEAD":              {method: "HEAD", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", keep: true},
		"HEAD, chunked":     {method: "HEAD", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", keep: true},
		"no reason, LF":     {answer: "HTTP/1.1 200\nContent-Length: 0\n\n", want: "HTTP/1.1 200\nContent-Length: 0\n\r\n", keep: true},
		"until close":       {answer: "HTTP/1.1 200 OK\r\n\r\nhello"},
		"client closes":     {fields: "Connection: close\r\n", answer: ok},
		"origin closes":     {answer: "HTTP/1.1 200 OK\r\nconnection: x, Close\r\nContent-Length: 0\r\n\r\n"},
		"old origin":        {answer: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
		"old origin keeps":  {answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", keep: true},
		"old client":        {version: "HTTP/1.0", answer: ok},
		"old client keeps": {
			version: "HTTP/1.0", fields: "Connection: keep-alive\r\n",
			answer: "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", keep: true,
		},
		"chunked to old client": {
			version: "HTTP/1.0", fields: "Connection: keep-alive\r\n", answer: chunked, want: "HTTP/1.1 200 OK\r\n\r\nhello",
		},
		"early hints not to old client": {version: "HTTP/1.0", answer: "HTTP/1.1 103 Early Hints\r\n\r\n" + ok, want: ok},
		"folded field":                  {answer: "HTTP/1.1 200 OK\r\nA: b\r\n  c\r\nContent-Length: 0\r\n\r\n", want: "HTTP/1.1 200 OK\r\nA: b c\r\nContent-Length: 0\r\n\r\n", keep: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closes := strings.Contains(c.answer, "Close") || strings.HasSuffix(c.answer, "\r\n\r\nhello") && !strings.Contains(c.answer, "Length")
			origin := nectest.NewRawServer(t, func(conn *nectest.Conn) {
				for !conn.Ended(resting) {
					conn.ReadHead()
					conn.Send(c.answer)
					if closes {
						return
					}
				}
			})
			method, version, want := orElse(c.method, "GET"), orElse(c.version, "HTTP/1.1"), orElse(c.want, c.answer)
			request := method + " http://" + origin.Addr + "/ " + version + "\r\nHost: " + origin.Addr + "\r\n" + c.fields + "\r\n"
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(request)
			if diff := cmp.Diff(want, client.ReadN(len(want))); diff != "" {
				t.Fatalf("the client received (-want +got):\n%s", diff)
			}
			if !c.keep {
				if rest := client.ReadAll(); rest != "" {
					t.Errorf("and then %q", rest)
				}
				return
			}
			client.Send(request)
			if diff := cmp.Diff(want, client.ReadN(len(want))); diff != "" {
				t.Errorf("the second answer (-want +got):\n%s", diff)
			}
		})
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// TestPipeline sends two requests in one write, the first of which is answered
// late.
func TestPipeline(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		for range 3 {
			if head := c.ReadHead(); strings.HasPrefix(head, "GET /slow ") {
				time.Sleep(50 * time.Millisecond) // long enough for the watcher to read ahead
				c.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
			} else {
				c.Send(ok)
			}
		}
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/slow") + get(origin.Addr, "/fast") + get(origin.Addr, "/slow"))
	client.ReadUntil("\r\n\r\nslow")
	client.ReadUntil("\r\n\r\nok")
	client.ReadUntil("\r\n\r\nslow")
	ids := make([]string, 0, 3)
	for _, x := range p.WaitExchanges(t, 3) {
		ids = append(ids, fmt.Sprint(x.ID, x.Conn, x.Request.URL.Target))
	}
	if diff := cmp.Diff([]string{"1 1/slow", "2 1/fast", "3 1/slow"}, ids); diff != "" {
		t.Errorf("exchanges (-want +got):\n%s", diff)
	}
}

// TestPinned holds that a client connection keeps its origin connections and
// shares them with nobody: authentication such as NTLM is bound to them.
func TestPinned(t *testing.T) {
	a, b := newAnswering(t, ok), newAnswering(t, ok)
	p := start(t, proxy.Options{}, proxy.Listener{})
	one, two := nectest.Dial(t, p.addr), nectest.Dial(t, p.addr)
	for range 3 {
		for _, request := range []string{get(a.Addr, "/"), get(b.Addr, "/")} {
			for _, client := range []*nectest.Conn{one, two} {
				client.Send(request)
				client.ReadN(len(ok))
			}
		}
	}
	if len(a.conns) != 2 || len(b.conns) != 2 {
		t.Errorf("the origins saw %d and %d connections, want 2 each", len(a.conns), len(b.conns))
	}
	for _, x := range p.WaitExchanges(t, 12) {
		if first := x.ID <= 4; (x.Timing.Connect >= 0) != first || x.Timing.TLS != -1 || x.Timing.Wait < 0 {
			t.Errorf("exchange %d: timing %+v", x.ID, x.Timing)
		}
	}
}

// TestManyOrigins goes to more origins over one connection than it keeps.
func TestManyOrigins(t *testing.T) {
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	for range 20 {
		origin := newSilent(t, ok)
		client.Send(get(origin.Addr, "/"))
		client.ReadN(len(ok))
	}
}

// TestIdleOriginEnds lets the origin close its connection between two requests:
// the client must not notice.
func TestIdleOriginEnds(t *testing.T) {
	for name, request := range map[string]string{
		"GET":  "GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n",
		"POST": "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan struct{}, 2)
			origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
				c.ReadHead()
				c.Send(ok)
				c.Close()
				closed <- struct{}{}
			})
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			for range 2 {
				client.Send(strings.ReplaceAll(request, "ADDR", origin.Addr))
				if got := client.ReadN(len(ok)); got != ok {
					t.Fatalf("the answer is %q", got)
				}
				<-closed
				time.Sleep(20 * time.Millisecond) // the connection is not asked about before
			}
		})
	}
}

// TestStaleRetry closes an idle connection once the second request has come, as
// if they had crossed: only what is safe to repeat is sent again.
func TestStaleRetry(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		want    string
	}{
		"GET":               {"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "HTTP/1.1 200 "},
		"POST":              {"POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "HTTP/1.1 502 "},
		"PUT with content":  {"PUT http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 502 "},
		"method in letters": {"get http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "HTTP/1.1 502 "},
	} {
		t.Run(name, func(t *testing.T) {
			conns := make(chan struct{}, 10)
			origin := nectest.NewRawServer(t, func(conn *nectest.Conn) {
				conns <- struct{}{}
				conn.ReadHead()
				conn.Send(ok)
				conn.Ended(patience) // the second request is there, or its beginning
				conn.Reset()
			})
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(get(origin.Addr, "/first"))
			client.ReadN(len(ok))
			client.Send(strings.ReplaceAll(c.request, "ADDR", origin.Addr))
			if got := client.ReadHead(); !strings.HasPrefix(got, c.want) {
				t.Errorf("the answer is %q", got)
			}
			if x := p.WaitExchanges(t, 2)[1]; (x.Failure == nil) != strings.Contains(c.want, "200") {
				t.Errorf("failure %v", x.Failure)
			}
		})
	}
}

// TestNoRetryOnFreshConnection would repeat a request that the origin refuses
// to answer.
func TestNoRetryOnFreshConnection(t *testing.T) {
	asked := make(chan struct{}, 10)
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.ReadHead()
		asked <- struct{}{}
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "ended before the answer") {
		t.Errorf("the answer is %q", got)
	}
	if x := p.WaitExchanges(t, 1)[0]; len(asked) != 1 || x.Failure.Kind != traffic.FailEOF || x.Failure.Side != traffic.SideUpstream {
		t.Errorf("asked %d times, failure %+v", len(asked), x.Failure)
	}
}

// TestUnaskedBytes has an origin that says more than it was asked for: the next
// answer must not be read from that.
func TestUnaskedBytes(t *testing.T) {
	for name, pause := range map[string]time.Duration{"in the same write": 0, "later": 5 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
			origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
				c.ReadHead()
				if pause == 0 {
					c.Send(ok + evil)
				} else {
					c.Send(ok)
					time.Sleep(pause)
					c.Send(evil)
				}
				c.ReadAll()
			})
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			for range 3 {
				client.Send(get(origin.Addr, "/"))
				if got := client.ReadN(len(ok)); got != ok {
					t.Fatalf("the answer is %q", got)
				}
				time.Sleep(30 * time.Millisecond)
			}
		})
	}
}
