package proxy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestClientLeaves has a client that goes away in each phase of an exchange: the
// origin connection has to end at once, and the exchange is the client's fault.
func TestClientLeaves(t *testing.T) {
	const (
		head   = "GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n"
		empty  = "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 0\r\n\r\n"
		whole  = "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 2\r\n\r\nxx"
		sized  = "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 1000\r\n\r\nxx"
		chunks = "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
		part   = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nab"
		stream = "HTTP/1.1 200 OK\r\n\r\nab"
	)
	for name, c := range map[string]struct{ request, answer string }{
		"awaiting an answer":                    {head, ""},
		"awaiting, request of no bytes":         {empty, ""},
		"awaiting, request with content":        {whole, ""},
		"awaiting after early hints":            {head, "HTTP/1.1 103 Early Hints\r\n\r\n"},
		"during an upload":                      {sized, ""},
		"during a chunked upload":               {chunks, ""},
		"during a download":                     {head, part},
		"during a stream":                       {head, stream},
		"during an upload and a download":       {chunks, part},
		"with a further request in the buffer":  {head + head, ""},
		"with part of a request in the buffer":  {head + "GET ", part},
		"with content for nobody in the buffer": {head + strings.Repeat("x", 10<<10), ""},
	} {
		for how, leave := range map[string]func(*nectest.Conn){
			"reset": (*nectest.Conn).Reset,
			"close": func(c *nectest.Conn) { c.Close() },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				origin := newSilent(t, c.answer)
				p := start(t, proxy.Options{}, proxy.Listener{})
				client := nectest.Dial(t, p.addr)
				client.Send(strings.ReplaceAll(c.request, "ADDR", origin.Addr))
				within(t, patience, "the request", origin.asked)
				if c.answer != "" {
					client.ReadN(len(c.answer))
				}
				leave(client)
				within(t, atOnce, "end of the origin connection", origin.ended)
				x := p.WaitExchanges(t, 1)[0]
				if x.Failure == nil || x.Failure.Side != traffic.SideClient {
					t.Errorf("failure %+v", x.Failure)
				}
			})
		}
	}
}

// TestClientLeavesWhileWritten has a client that goes away while more is
// written to it than sockets hold.
func TestClientLeavesWhileWritten(t *testing.T) {
	origin := nectest.NewOrigin(t)
	p := start(t, proxy.Options{MaxBody: 1 << 10}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/bytes?n=1000000000"))
	client.ReadN(1 << 20)
	client.Reset()
	if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Side != traffic.SideClient || !x.ResponseBody.Truncated() {
		t.Errorf("failure %+v", x.Failure)
	}
}

// TestClientLeavesInHead is no exchange.
func TestClientLeavesInHead(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(*nectest.Conn)
		kind  traffic.FailureKind
	}{
		"reset": {(*nectest.Conn).Reset, traffic.FailReset},
		"close": {func(c *nectest.Conn) { c.Close() }, traffic.FailEOF},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send("GET http://a/ HT")
			time.Sleep(10 * time.Millisecond)
			c.leave(client)
			e := clientError(t, p)
			if e.Failure.Kind != c.kind || e.Status != 0 || string(e.Head) != "GET http://a/ HT" {
				t.Errorf("event %+v, %+v", e, e.Failure)
			}
		})
	}
}

// TestSilentClients come and go without a word: nothing is told.
func TestSilentClients(t *testing.T) {
	p := start(t, proxy.Options{}, proxy.Listener{})
	nectest.Dial(t, p.addr).Close()
	nectest.Dial(t, p.addr).Reset()
	blank := nectest.Dial(t, p.addr)
	blank.Send("\r\n\r\n")
	blank.CloseWrite()
	blank.ReadAll()
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if events := p.Events(); len(events) != 0 {
		t.Errorf("events %v", events)
	}
}
