package proxy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// kinds returns the names of the types of events, without runs of the same.
func kinds(events []traffic.Event) []string {
	var names []string
	for _, e := range events {
		name := strings.TrimPrefix(fmt.Sprintf("%T", e), "traffic.")
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return names
}

// TestEventOrder holds which events the ways of an exchange have, in order.
func TestEventOrder(t *testing.T) {
	const hints = "HTTP/1.1 103 Early Hints\r\n\r\n"
	for name, c := range map[string]struct {
		request, answer string
		chunks          bool
		want            string
	}{
		"GET": {"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", ok, false, "RequestStarted RequestDone ResponseStarted ExchangeDone"},
		"GET with chunks": {
			"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", ok, true,
			"RequestStarted RequestDone ResponseStarted BodyChunk ExchangeDone",
		},
		"POST with chunks": {
			"POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 1\r\n\r\nx", ok, true,
			"RequestStarted BodyChunk RequestDone ResponseStarted BodyChunk ExchangeDone",
		},
		"early hints": {
			"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", hints + hints + ok, false,
			"RequestStarted RequestDone Informational ResponseStarted ExchangeDone",
		},
		"bad answer":     {"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "x\r\n\r\n", false, "RequestStarted RequestDone ExchangeAborted"},
		"cut answer":     {"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", ok[:len(ok)-1], false, "RequestStarted RequestDone ResponseStarted ExchangeAborted"},
		"unread content": {"POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 1\r\n\r\n", ok, false, "RequestStarted ResponseStarted ExchangeDone"},
		"bad request":    {"GET / HTTP/1.1\r\n\r\n", "", false, "ClientError"},
		"dead host":      {"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", "", false, "RequestStarted RequestDone ExchangeAborted"},
		"raw tunnel":     {"CONNECT ADDR HTTP/1.1\r\n\r\n\x01\r\n\r\n", "x", false, "TunnelOpened TunnelClosed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := nectest.NewRawServer(t, func(conn *nectest.Conn) {
				conn.ReadHead()
				conn.Send(c.answer)
				conn.CloseWrite()
				conn.ReadAll()
			})
			p, _ := intercepting(t, proxy.Options{BodyChunks: wanted(c.chunks)})
			client := nectest.Dial(t, p.addr)
			client.Send(strings.ReplaceAll(c.request, "ADDR", origin.Addr))
			if strings.HasPrefix(c.want, "TunnelOpened") {
				client.CloseWrite() // a tunnel ends with both directions
			}
			last := "traffic." + c.want[strings.LastIndexByte(c.want, ' ')+1:]
			p.Wait(t, func(events []traffic.Event) bool {
				return len(events) > 0 && fmt.Sprintf("%T", events[len(events)-1]) == last
			})
			client.Close()
			if err := p.stop(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, strings.Join(kinds(p.Events()), " ")); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// frozen reads what each event announces, from a goroutine of its own, while
// the exchange goes on: the race detector tells if that is still written.
type frozen struct {
	nectest.Collect
	read chan string
}

func (f *frozen) Observe(e traffic.Event) {
	f.Collect.Observe(e)
	switch e := e.(type) {
	case traffic.RequestStarted:
		go func() { f.read <- fmt.Sprint(e.ID, e.Request.Method, e.Request.URL, e.Request.Header, e.TLS) }()
	case traffic.RequestDone:
		go func() { f.read <- fmt.Sprint(e.RequestBody.Size(), e.RequestDone, e.Request.Trailer) }()
	case traffic.ResponseStarted:
		go func() { f.read <- fmt.Sprint(e.Server, e.Response.Status, e.Response.Header, e.ResponseStarted) }()
	case traffic.ExchangeDone:
		go func() { f.read <- fmt.Sprint(e.ResponseBody.Size(), e.Response.Trailer, e.Timing, e.Informational) }()
	default:
	}
}

// TestFrozen keeps the exchanges of a connection and reads them while it goes
// on.
func TestFrozen(t *testing.T) {
	origin := nectest.NewOrigin(t)
	observer := &frozen{read: make(chan string, 1000)}
	p := start(t, proxy.Options{Observer: observer}, proxy.Listener{})
	client := through(t, p, nil)
	for range 20 {
		resp, err := client.Post(origin.URL+"/echo", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	observer.WaitExchanges(t, 20)
	for range 20 * 4 {
		within(t, patience, "what was announced", observer.read)
	}
	checkContract(t, observer.Events())
}
