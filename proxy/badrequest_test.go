package proxy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// checkRefused reads an answer of necto's own and the end of the connection.
func checkRefused(t *testing.T, p *running, client *nectest.Conn, status, text string) {
	t.Helper()
	got := client.ReadAll()
	if !strings.HasPrefix(got, "HTTP/1.1 "+status+" ") || !strings.Contains(got, text) || !strings.Contains(got, "\r\nConnection: close\r\n") {
		t.Errorf("the answer is %q, want status %s and %q", got, status, text)
	}
	if e := clientError(t, p); !strings.HasPrefix(got, "HTTP/1.1 "+status) || !strings.Contains(e.Failure.Text, text) {
		t.Errorf("the event says %d %q, want %s %q", e.Status, e.Failure.Text, status, text)
	}
	if n := len(p.Exchanges()); n != 0 {
		t.Errorf("%d exchanges", n)
	}
}

// clientError waits for the one ClientError of a run.
func clientError(t *testing.T, p *running) traffic.ClientError {
	t.Helper()
	found := waitEvent[traffic.ClientError](t, p)
	if found.Failure.Side != traffic.SideClient {
		t.Errorf("side %q", found.Failure.Side)
	}
	return found
}

// waitEvent waits for the first event of a type.
func waitEvent[E traffic.Event](t testing.TB, p *running) E {
	t.Helper()
	var found E
	p.Wait(t, func(events []traffic.Event) bool {
		for _, e := range events {
			if match, ok := e.(E); ok {
				found = match
				return true
			}
		}
		return false
	})
	return found
}

// count returns how many events of a type there were.
func count[E traffic.Event](p *running) int {
	n := 0
	for _, e := range p.Events() {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

// TestMalformedRequests holds what internal/h1 refuses against what the client
// and the observer are told.
func TestMalformedRequests(t *testing.T) {
	const host = "\r\nHost: a\r\n"
	for name, c := range map[string]struct{ sent, status, text string }{
		"no request line":    {"hello\r\n\r\n", "400", "invalid request line"},
		"space before colon": {"GET http://a/ HTTP/1.1" + host + "A : b\r\n\r\n", "400", "invalid field name"},
		"folded field":       {"GET http://a/ HTTP/1.1" + host + "A: b\r\n c\r\n\r\n", "400", "folded"},
		"NUL in a value":     {"GET http://a/ HTTP/1.1" + host + "A: \x00\r\n\r\n", "400", "0x00"},
		"bare CR":            {"GET http://a/ HTTP/1.1" + host + "A: b\rc\r\n\r\n", "400", "0x0d"},
		"version 2":          {"GET http://a/ HTTP/2.0" + host + "\r\n", "505", "unsupported version"},
		"half a preface":     {"PRI * HTTP/2.1\r\n\r\n", "505", "unsupported version"},
		"CL and TE":          {"POST http://a/ HTTP/1.1" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", "more than one"},
		"TE and CL":          {"POST http://a/ HTTP/1.1" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "400", "more than one"},
		"two lengths":        {"POST http://a/ HTTP/1.1" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400", "more than one"},
		"list of lengths":    {"POST http://a/ HTTP/1.1" + host + "Content-Length: 1, 1\r\n\r\nx", "400", "invalid Content-Length"},
		"signed length":      {"POST http://a/ HTTP/1.1" + host + "Content-Length: +1\r\n\r\nx", "400", "invalid Content-Length"},
		"huge length":        {"POST http://a/ HTTP/1.1" + host + "Content-Length: 9223372036854775808\r\n\r\nx", "400", "too large"},
		"unknown coding":     {"POST http://a/ HTTP/1.1" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", "400", "unsupported Transfer-Encoding"},
		"odd spelling":       {"POST http://a/ HTTP/1.1" + host + "Transfer-Encoding: chunKed\r\n\r\n", "400", "unsupported Transfer-Encoding"},
		"coding in HTTP/1.0": {"POST http://a/ HTTP/1.0" + host + "Transfer-Encoding: chunked\r\n\r\n", "400", "HTTP/1.0"},
		"long request line":  {"GET http://a/" + strings.Repeat("x", 129<<10) + " HTTP/1.1" + host + "\r\n", "414", "start line"},
		"long field":         {"GET http://a/ HTTP/1.1" + host + "A: " + strings.Repeat("x", 257<<10) + "\r\n\r\n", "431", "field line"},
		"long head":          {"GET http://a/ HTTP/1.1" + host + strings.Repeat("A: "+strings.Repeat("x", 100<<10)+"\r\n", 11) + "\r\n", "431", "head longer"},
		"many fields":        {"GET http://a/ HTTP/1.1" + host + strings.Repeat("A: b\r\n", 1001) + "\r\n", "431", "more than 1000 fields"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(c.sent)
			checkRefused(t, p, client, c.status, c.text)
			e := clientError(t, p)
			if len(e.Head) > 4<<10 || !strings.HasPrefix(c.sent, string(e.Head)) || len(e.Head) < min(len(c.sent), 4<<10)/2 {
				t.Errorf("the event has the head %.200q", e.Head)
			}
			if e.Failure.Kind != traffic.FailProtocol || e.Client != client.LocalAddr().String() {
				t.Errorf("the event says %+v", e)
			}
		})
	}
}

// TestLongTargetPasses holds the 64 KiB that a URL may have.
func TestLongTargetPasses(t *testing.T) {
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	path := "/" + strings.Repeat("a", 64<<10)
	client.Send(get(origin.Addr, path))
	client.ReadN(len(ok))
	if got := <-origin.heads; !strings.HasPrefix(got, "GET "+path+" HTTP/1.1\r\n") {
		t.Errorf("the origin received %.80q, %d bytes", got, len(got))
	}
}

// TestBadSecondRequest must not lose the answer to the first.
func TestBadSecondRequest(t *testing.T) {
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/") + "bad\r\n\r\n")
	if got := client.ReadN(len(ok)); got != ok {
		t.Errorf("the answer is %q", got)
	}
	if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("the second answer is %q", got)
	}
}

func TestSlowHead(t *testing.T) {
	proxy.SetHeadTimeout(t, 100*time.Millisecond)
	for name, sent := range map[string]string{
		"inside a head":     "GET http://a/ HTTP/1.1\r\nHost: a\r\n",
		"inside a line":     "GE",
		"behind empty line": "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(sent)
			checkRefused(t, p, client, "408", "did not come in time")
			if e := clientError(t, p); e.Failure.Kind != traffic.FailTimeout || string(e.Head) != strings.TrimLeft(sent, "\r\n") {
				t.Errorf("the event says %+v with the head %q", e.Failure, e.Head)
			}
		})
	}
}

// TestBadChunk sends content that breaks off its framing: the origin must not
// take it for whole.
func TestBadChunk(t *testing.T) {
	got := make(chan string, 1)
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { got <- c.ReadAll() })
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send("POST http://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n\r\n")
	if answer := client.ReadAll(); !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, "invalid chunk size") {
		t.Errorf("the answer is %q", answer)
	}
	if sent := within(t, patience, "end of the request", got); strings.Contains(sent, "xyz") || strings.HasSuffix(sent, "0\r\n\r\n") {
		t.Errorf("the origin received %q", sent)
	}
	x := p.WaitExchanges(t, 1)[0]
	if x.Failure == nil || x.Failure.Side != traffic.SideClient || x.Failure.Kind != traffic.FailProtocol || x.RequestDone != -1 {
		t.Errorf("failure %+v, request done %v", x.Failure, x.RequestDone)
	}
}
