package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
)

// The scenarios of HTTP that Mockttp was watched in.
var mockttpHTTP = []mockttpScenario{
	{name: "get through the proxy", run: func(l *mockttpLab) {
		answer := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Dup: 1\r\nX-Dup: 2\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{\"url\":\"/a?\"}\r\n0\r\n\r\n"
		l.ask(l.answering(answer), "GET http://ADDR/a?b=c HTTP/1.1\r\nHost: ADDR\r\nX-MixedCase: v\r\nUser-Agent: lab\r\n\r\n")
	}},
	{name: "post content", run: func(l *mockttpLab) {
		l.ask(l.answering(plainAnswer), "POST http://ADDR/p HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 10\r\n\r\n0123456789")
	}},
	{name: "https in a tunnel", run: func(l *mockttpLab) {
		l.askSecure("GET /json HTTP/1.1\r\nHost: " + nectest.OriginHost + "\r\n\r\n")
	}},
	{name: "http/2 in a tunnel", options: mockttpOptions{http2: true}, run: func(l *mockttpLab) {
		client := http.Client{Transport: &http.Transport{
			Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: l.addr}), TLSClientConfig: l.trust, ForceAttemptHTTP2: true,
		}}
		resp, err := client.Get("https://" + nectest.OriginHost + "/json")
		if err != nil {
			l.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body) // an end before its own would be the client's
		resp.Body.Close()
		l.events.waitFor("response", "abort")
		client.CloseIdleConnections()
	}},
	{name: "client leaves before the answer", run: func(l *mockttpLab) {
		asked := make(chan struct{})
		addr := l.origin(func(c *nectest.Conn) {
			c.ReadHead()
			close(asked)
			c.ReadAll()
		})
		c := l.send(addr, getRequest)
		<-asked
		c.Reset()
		l.events.waitFor("abort")
	}},
	{name: "client leaves inside the answer", run: func(l *mockttpLab) {
		addr := l.origin(func(c *nectest.Conn) {
			c.ReadHead()
			c.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\npartial\r\n")
			c.ReadAll()
		})
		c := l.send(addr, getRequest)
		c.ReadUntil("partial\r\n")
		c.Reset()
		l.events.waitFor("abort")
	}},
	{name: "client leaves inside the request", run: func(l *mockttpLab) {
		asked := make(chan struct{})
		addr := l.origin(func(c *nectest.Conn) {
			c.ReadHead()
			c.ReadN(4)
			close(asked)
			c.ReadAll()
		})
		c := l.send(addr, "POST http://ADDR/up HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 100\r\n\r\npart")
		<-asked
		c.Reset()
		l.events.waitFor("abort")
	}},
	{name: "origin closes before the answer", run: func(l *mockttpLab) {
		l.ask(l.origin(func(c *nectest.Conn) { c.ReadHead() }), getRequest)
	}},
	{name: "origin resets inside the answer", run: func(l *mockttpLab) {
		addr := l.origin(func(c *nectest.Conn) {
			c.ReadHead()
			c.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
			l.events.waitFor("response-body-data")
			c.Reset()
		})
		began := time.Now()
		l.ask(addr, getRequest)
		if took := time.Since(began); took > 2*time.Second {
			l.t.Errorf("the client waited %v for an answer that had ended", took)
		}
	}},
	{name: "origin refuses", run: func(l *mockttpLab) { l.ask("127.0.0.1:1", getRequest) }},
	{name: "origin has no address", run: func(l *mockttpLab) { l.ask("no-such-host.invalid", getRequest) }},
	{name: "early hints", run: func(l *mockttpLab) {
		l.ask(l.answering("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"+plainAnswer), getRequest)
	}},
	{name: "gzip", run: func(l *mockttpLab) {
		content := gzipped("hello hello hello")
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", len(content))
		l.ask(l.answering(head+content), getRequest)
	}},
	{name: "trailers", run: func(l *mockttpLab) {
		answer := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nab\r\n0\r\nX-T: tv\r\n\r\n"
		l.ask(l.answering(answer), "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nqr\r\n0\r\nX-Up: 1\r\n\r\n")
	}},
	{name: "server-sent events", run: func(l *mockttpLab) {
		addr := l.origin(func(c *nectest.Conn) {
			c.ReadHead()
			c.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
			for i := range 4 {
				c.Send(fmt.Sprintf("data: %d\n\n", i))
				time.Sleep(40 * time.Millisecond)
			}
		})
		l.ask(addr, getRequest)
	}},
	{name: "mocked answer", options: mockttpOptions{rules: "  - {name: teapot, match: {path: /}, mock: {status: 418, body: teapot}}"}, run: func(l *mockttpLab) {
		l.ask("mocked.test", getRequest)
	}},
	{name: "rule closes", options: mockttpOptions{rules: "  - {name: closed, match: {path: /}, fault: {close: true}}"}, run: func(l *mockttpLab) {
		l.ask("closed.test", getRequest)
	}},
	{name: "rule resets", options: mockttpOptions{rules: "  - {name: reset, match: {path: /}, fault: {reset: true}}"}, run: func(l *mockttpLab) {
		l.ask("reset.test", getRequest)
	}},
	{name: "rule edits both sides", options: mockttpOptions{rules: editRule}, run: func(l *mockttpLab) {
		l.ask(l.answering(plainAnswer), postRequest)
	}},
	{name: "rule edits more than the limit", options: mockttpOptions{rules: editRule, maxBody: 3}, run: func(l *mockttpLab) {
		l.ask(l.answering(plainAnswer), postRequest)
	}},
	{name: "http over socks", run: func(l *mockttpLab) {
		addr := l.answering(plainAnswer)
		c := l.socks(addr)
		c.Send("GET / HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n")
		c.ReadAll()
	}},
	{name: "tags in credentials", run: func(l *mockttpLab) {
		addr := l.answering(plainAnswer)
		secret := base64.StdEncoding.EncodeToString([]byte(`metadata:{"tags":["run-7"]}`))
		c := nectest.Dial(l.t, l.addr)
		c.Send("CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\nProxy-Authorization: Basic " + secret + "\r\n\r\n")
		c.ReadHead()
		c.Send("GET /tagged HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n")
		c.ReadAll()
	}},
	{name: "expect 100", run: func(l *mockttpLab) {
		addr := l.origin(func(c *nectest.Conn) {
			c.ReadHead()
			c.Send("HTTP/1.1 100 Continue\r\n\r\n")
			c.ReadN(4)
			c.Send(plainAnswer)
		})
		c := l.send(addr, "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n")
		c.ReadHead()
		c.Send("body")
		c.ReadAll()
	}},
	{name: "expect 100 of a rule", options: mockttpOptions{rules: "  - {name: body, match: {body: {contains: body}}, tag: [seen]}"}, run: func(l *mockttpLab) {
		addr := l.answering("HTTP/1.1 100 Continue\r\n\r\n" + plainAnswer)
		c := l.send(addr, "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n")
		c.ReadHead()
		c.Send("body")
		c.ReadAll()
	}},
	{name: "content over the limit", options: mockttpOptions{maxBody: 1 << 20}, run: func(l *mockttpLab) {
		const size = 1<<20 + 10
		addr := l.origin(func(c *nectest.Conn) {
			c.ReadHead()
			c.ReadN(size)
			c.Send(plainAnswer)
		})
		l.ask(addr, fmt.Sprintf("POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: %d\r\n\r\n", size)+strings.Repeat("x", size))
	}},
}

const (
	getRequest  = "GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n"
	postRequest = "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 4\r\n\r\norig"
	plainAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nanswer"
)

// editRule changes a request and its answer.
const editRule = `
  - name: edit
    match: {path: /}
    modify: {request: {headers: {set: {X-Added: req}}, body: {text: REPLACED}}, response: {body: {text: OTHER}}}
`

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text)) // in memory
	_ = w.Close()
	return out.String()
}

// origin starts an origin that runs script for each connection.
func (l *mockttpLab) origin(script func(*nectest.Conn)) (addr string) {
	l.t.Helper()
	return nectest.NewRawServer(l.t, script).Addr
}

// answering starts an origin that answers one request with text.
func (l *mockttpLab) answering(text string) (addr string) {
	l.t.Helper()
	return l.origin(func(c *nectest.Conn) {
		head := c.ReadHead()
		switch {
		case strings.Contains(head, "chunked"):
			c.ReadUntil("\r\n\r\n")
		case strings.Contains(head, "Content-Length: "):
			var n int
			_, after, _ := strings.Cut(head, "Content-Length: ")
			if _, err := fmt.Sscan(after, &n); err == nil {
				c.ReadN(n)
			}
		}
		c.Send(text)
	})
}

// send sends a request on a connection of its own. ADDR in it becomes addr.
func (l *mockttpLab) send(addr, request string) *nectest.Conn {
	l.t.Helper()
	c := nectest.Dial(l.t, l.addr)
	c.Send(strings.ReplaceAll(request, "ADDR", addr))
	return c
}

// ask sends a request and waits until its end was told.
func (l *mockttpLab) ask(addr, request string) {
	l.t.Helper()
	c := l.send(addr, request)
	l.events.waitFor("response", "abort")
	c.Close()
}

// connect opens a tunnel.
func (l *mockttpLab) connect(addr string) *nectest.Conn {
	l.t.Helper()
	c := l.send(addr, "CONNECT ADDR HTTP/1.1\r\nHost: ADDR\r\n\r\n")
	if head := c.ReadHead(); !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		l.t.Fatalf("the answer to CONNECT is %q", head)
	}
	return c
}

// askSecure sends a request to the TLS origin.
func (l *mockttpLab) askSecure(request string) {
	l.t.Helper()
	c := l.connect(nectest.OriginHost + ":443").StartTLS(l.trust)
	c.Send(request)
	l.events.waitFor("response")
	c.Close()
}

// socks opens a tunnel to an IPv4 address through SOCKS5.
func (l *mockttpLab) socks(addr string) *nectest.Conn {
	l.t.Helper()
	var ip [4]byte
	var port int
	if _, err := fmt.Sscanf(addr, "%d.%d.%d.%d:%d", &ip[0], &ip[1], &ip[2], &ip[3], &port); err != nil {
		l.t.Fatal(err)
	}
	c := nectest.Dial(l.t, l.addr)
	c.Send("\x05\x01\x00")
	c.ReadN(2)
	c.Send("\x05\x01\x00\x01" + string(ip[:]) + string([]byte{byte(port >> 8), byte(port)}))
	if reply := c.ReadN(10); reply[1] != 0 {
		l.t.Fatalf("SOCKS answers %q", reply)
	}
	return c
}
