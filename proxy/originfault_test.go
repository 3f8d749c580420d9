package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestOriginFailsBeforeAnswer answers wrongly, or not at all: the client gets a
// 502 that says why.
func TestOriginFailsBeforeAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		reset  bool
		kind   traffic.FailureKind
		text   string
		framed bool
	}{
		"closes":                  {"", false, traffic.FailEOF, "the connection ended before the answer", false},
		"resets":                  {"", true, traffic.FailReset, "connection reset", false},
		"closes in the head":      {"HTTP/1.1 200 OK\r\nA: b", false, traffic.FailEOF, "connection ended inside a message", false},
		"resets in the head":      {"HTTP/1.1 200 OK\r\nA: b", true, traffic.FailReset, "connection reset", false},
		"closes after hints":      {"HTTP/1.1 103 Early Hints\r\n\r\n", false, traffic.FailEOF, "the connection ended before the answer", false},
		"no HTTP":                 {"SSH-2.0-OpenSSH\r\n\r\n", false, traffic.FailProtocol, "invalid version", false},
		"bad status":              {"HTTP/1.1 20 OK\r\n\r\n", false, traffic.FailProtocol, "invalid status line", false},
		"HTTP/2":                  {"HTTP/2.0 200 OK\r\n\r\n", false, traffic.FailProtocol, "unsupported version", false},
		"NUL in a field":          {"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", false, traffic.FailProtocol, "0x00", false},
		"CL and TE":               {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, traffic.FailProtocol, "more than one", true},
		"two lengths":             {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", false, traffic.FailProtocol, "more than one", true},
		"unknown coding":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false, traffic.FailProtocol, "unsupported Transfer-Encoding", true},
		"TE in 204":               {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false, traffic.FailProtocol, "Transfer-Encoding in a 204", false},
		"101 that nobody wanted":  {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", false, traffic.FailProtocol, "not asked for", false},
		"head of more than 1 MiB": {"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("x", 100<<10)+"\r\n", 11), false, traffic.FailProtocol, "head longer", false},
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			if method == "HEAD" && c.framed {
				continue // its framing does not matter
			}
			t.Run(name+", "+method, func(t *testing.T) {
				t.Parallel()
				origin := nectest.NewRawServer(t, func(conn *nectest.Conn) {
					conn.ReadHead()
					conn.Send(c.answer)
					if c.reset {
						time.Sleep(10 * time.Millisecond) // a reset takes back what was not read
						conn.Reset()
					}
				})
				p := start(t, proxy.Options{}, proxy.Listener{})
				client := nectest.Dial(t, p.addr)
				client.Send(method + " http://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\n\r\n")
				got := client.ReadAll()
				if strings.HasPrefix(got, "HTTP/1.1 103 ") {
					_, got, _ = strings.Cut(got, "\r\n\r\n")
				}
				head, body, _ := strings.Cut(got, "\r\n\r\n")
				if !strings.HasPrefix(head, "HTTP/1.1 502 ") || strings.Contains(body, c.text) == (method == "HEAD") {
					t.Errorf("the answer is %q", got)
				}
				x := p.WaitExchanges(t, 1)[0]
				if f := x.Failure; f == nil || f.Side != traffic.SideUpstream || f.Kind != c.kind || !strings.Contains(f.Text, c.text) || !strings.Contains(f.Text, origin.Addr) {
					t.Errorf("failure %+v", f)
				}
				if x.Response != nil || x.Server != origin.Addr {
					t.Errorf("response %v from %q", x.Response, x.Server)
				}
			})
		}
	}
}

// TestOriginFailsInContent breaks off an answer that has begun: the client must
// not take it for whole.
func TestOriginFailsInContent(t *testing.T) {
	const (
		sized   = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
		chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
		stream  = "HTTP/1.1 200 OK\r\n\r\nabc"
	)
	for name, c := range map[string]struct {
		answer string
		reset  bool
		kind   traffic.FailureKind
	}{
		"closes before the length":      {sized, false, traffic.FailEOF},
		"resets before the length":      {sized, true, traffic.FailReset},
		"closes between chunks":         {chunked, false, traffic.FailEOF},
		"resets between chunks":         {chunked, true, traffic.FailReset},
		"closes in the trailer section": {chunked + "0\r\nA: b\r\n", false, traffic.FailEOF},
		"bad chunk size":                {chunked + "xyz\r\n", false, traffic.FailProtocol},
		"bare LF behind a chunk size":   {chunked + "3\nabc\r\n0\r\n\r\n", false, traffic.FailProtocol},
		"chunk longer than its size":    {chunked + "3\r\nabcd\r\n0\r\n\r\n", false, traffic.FailProtocol},
		"length in the trailer section": {chunked + "0\r\nContent-Length: 3\r\n\r\n", false, traffic.FailProtocol},
		"resets a stream":               {stream, true, traffic.FailReset},
	} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
			t.Run(name+", "+proto, func(t *testing.T) {
				t.Parallel()
				sent := make(chan struct{})
				origin := nectest.NewRawServer(t, func(conn *nectest.Conn) {
					conn.ReadHead()
					conn.Send(c.answer)
					<-sent
					if c.reset {
						conn.Reset()
					}
				})
				p := start(t, proxy.Options{}, proxy.Listener{})
				client := nectest.Dial(t, p.addr)
				client.Send(fmt.Sprintf("GET http://%s/ %s\r\nHost: %[1]s\r\n\r\n", origin.Addr, proto))
				if c.kind != traffic.FailProtocol {
					client.ReadUntil("abc")
				}
				close(sent)
				got, err := readToEnd(client)
				if err == nil {
					t.Errorf("a clean end after %q", got)
				}
				if strings.Contains(got, "502") || strings.HasSuffix(got, "0\r\n\r\n") {
					t.Errorf("and then %q", got)
				}
				x := p.WaitExchanges(t, 1)[0]
				if f := x.Failure; f == nil || f.Side != traffic.SideUpstream || f.Kind != c.kind {
					t.Errorf("failure %+v", f)
				}
				if x.Response == nil || x.Response.Status != 200 || x.ResponseBody == nil {
					t.Errorf("response %+v, body %v", x.Response, x.ResponseBody)
				}
			})
		}
	}
}

// TestUnreachable names the reason why an origin cannot be reached.
func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for name, c := range map[string]struct {
		addr string
		kind traffic.FailureKind
		text string
	}{
		"refused": {closed, traffic.FailConnect, "connection refused"},
		"no name": {"no-such-host.invalid:80", traffic.FailDNS, "no-such-host.invalid"},
	} {
		for _, request := range []string{"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "CONNECT ADDR HTTP/1.1\r\nHost: ADDR\r\n\r\n"} {
			t.Run(name+", "+request[:4], func(t *testing.T) {
				p := start(t, proxy.Options{}, proxy.Listener{})
				client := nectest.Dial(t, p.addr)
				client.Send(strings.ReplaceAll(request, "ADDR", c.addr))
				if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "necto: connect to "+c.addr) || !strings.Contains(got, c.text) {
					t.Errorf("the answer is %q", got)
				}
				if x := p.WaitExchanges(t, 1)[0]; x.Failure.Kind != c.kind || x.Failure.Side != traffic.SideUpstream || x.Request.URL.HostPort() != c.addr {
					t.Errorf("failure %+v of %v", x.Failure, x.Request.URL)
				}
			})
		}
	}
}

// readToEnd returns what comes and the error that ends it, nil for an orderly
// end.
func readToEnd(c *nectest.Conn) (string, error) {
	var got strings.Builder
	buf := make([]byte, 4<<10)
	for {
		n, err := c.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return got.String(), err
		}
	}
}
