package proxy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
)

// TestForwardKeepsBytes sends odd but valid messages both ways and compares
// what the other side received, byte for byte.
func TestForwardKeepsBytes(t *testing.T) {
	const (
		requestRest = "HOST:  ORIGIN\r\nx-b: 2\r\nX-A:1 \r\nX-a: \xff\xfe\r\naccept:\r\n" +
			"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
			"4;name=\"v;x\"\r\nwiki\r\n005\r\npedia\r\n0;last\r\nX-Sum: abc\r\nx-two:  2\r\n\r\n"
		early    = "HTTP/1.1 103 Early Hints\r\nLINK: </a.css>; rel=preload\r\n\r\n"
		response = "HTTP/1.1 200 Fine And Dandy\r\nsErVeR:x\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n" +
			"transfer-encoding: chunked\r\nX-Last:\t\xe9 \r\n\r\n" +
			"A;x\r\n0123456789\r\n0\r\nx-T: 1\r\n\r\n"
	)
	target := "/%2f|//a/../b?a=1;b=2&c=%zz"
	got := make(chan string, 1)
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		got <- c.ReadUntil("x-two:  2\r\n\r\n")
		c.Send(early + response)
		c.ReadAll()
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	rest := strings.Replace(requestRest, "ORIGIN", origin.Addr, 1)
	c := nectest.Dial(t, p.addr)
	c.Send("pOST http://" + origin.Addr + target + " HTTP/1.1\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\n" + rest)
	if diff := cmp.Diff("pOST "+target+" HTTP/1.1\r\n"+rest, <-got); diff != "" {
		t.Errorf("the origin received (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(early+response, c.ReadN(len(early)+len(response))); diff != "" {
		t.Errorf("the client received (-want +got):\n%s", diff)
	}
	x := p.WaitExchanges(t, 1)[0]
	if body, _ := x.ResponseBody.Bytes(); string(body) != "0123456789" {
		t.Errorf("captured response body %q", body)
	}
	if body, _ := x.RequestBody.Bytes(); string(body) != "wikipedia" {
		t.Errorf("captured request body %q", body)
	}
	if len(x.Informational) != 1 || x.Request.Trailer.Get("X-Sum") != "abc" || x.Response.Trailer.Get("X-T") != "1" {
		t.Errorf("informational %v, trailers %v %v", x.Informational, x.Request.Trailer, x.Response.Trailer)
	}
}

// TestLastAnswerArrives has a client that sends more behind its last request, as
// some do behind a POST: closing the connection on it would be a reset, which
// can take the answer with it.
func TestLastAnswerArrives(t *testing.T) {
	body := strings.Repeat("x", 1<<20)
	origin := newAnswering(t, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n"+body)
	p := start(t, proxy.Options{}, proxy.Listener{})
	c := nectest.Dial(t, p.addr)
	c.Send("GET http://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\n\r\n")
	p.WaitExchanges(t, 1)
	c.Send("\r\n")
	if got := c.ReadAll(); !strings.HasSuffix(got, "\r\n\r\n"+body) {
		t.Errorf("%d bytes of the answer arrived", len(got))
	}
}
