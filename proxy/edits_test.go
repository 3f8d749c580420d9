package proxy_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// editRequest is a layer that passes on a changed request.
func editRequest(edit func(*traffic.Request)) proxy.Layer {
	return layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		req = req.Clone()
		edit(req)
		return next.RoundTrip(ctx, req)
	})
}

// editAnswer is a layer that changes a response.
func editAnswer(edit func(*traffic.Response)) proxy.Layer {
	return layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		resp, err := next.RoundTrip(ctx, req)
		if err == nil {
			edit(resp)
		}
		return resp, err
	})
}

// setBody gives a response another content of known length.
func setBody(resp *traffic.Response, content string) {
	_ = resp.Body.Close()
	resp.Body, resp.Length = traffic.NewMemoryBody([]byte(content)), int64(len(content))
}

// contentOf returns what a captured body holds, "-" for nil.
func contentOf(b *traffic.Body) string {
	if b == nil {
		return "-"
	}
	p, _ := io.ReadAll(b.Open())
	return string(p)
}

const post = "POST http://ADDR/old?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello"

// TestEditedRequests has the origin receive exactly what layers make of a
// request, with framing that fits, and the exchange say both.
func TestEditedRequests(t *testing.T) {
	chunked := strings.Replace(post, "Content-Length: 5", "Transfer-Encoding: chunked\r\nTrailer: T", 1)
	chunked = strings.Replace(chunked, "hello", "5;x\r\nhello\r\n0\r\nT: 1\r\n\r\n", 1)
	for name, c := range map[string]struct {
		request string
		edit    func(*traffic.Request)
		want    string
		body    string // SentBody
		same    bool   // nothing was edited
	}{
		"nothing":             {request: post, edit: func(*traffic.Request) {}, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello", same: true, body: "-"},
		"method":              {request: post, edit: func(r *traffic.Request) { r.Method = "PUT" }, want: "PUT /old?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello", body: "-"},
		"target":              {request: post, edit: func(r *traffic.Request) { r.URL.Target = "/new" }, want: "POST /new HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello", body: "-"},
		"fields":              {request: post, edit: func(r *traffic.Request) { r.Header.Set("x-a", "2"); r.Header.Add("B", "") }, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\nX-A: 2\r\nB: \r\n\r\nhello", body: "-"},
		"fields of chunks":    {request: chunked, edit: func(r *traffic.Request) { r.Header.Set("x-a", "2") }, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\nX-A: 2\r\n\r\n5;x\r\nhello\r\n0\r\nT: 1\r\n\r\n", body: "-"},
		"body":                {request: post, edit: func(r *traffic.Request) { r.Body, r.Length = traffic.NewMemoryBody([]byte("longer one")), 10 }, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 10\r\nX-A: 1\r\n\r\nlonger one", body: "longer one"},
		"body of chunks":      {request: chunked, edit: func(r *traffic.Request) { r.Body, r.Length = traffic.NewMemoryBody([]byte("one")), 3 }, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 3\r\nX-A: 1\r\n\r\none", body: "one"},
		"body to chunks":      {request: post, edit: func(r *traffic.Request) { r.Body, r.Length = stream{strings.NewReader("one")}, -1 }, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n3\r\none\r\n0\r\n\r\n", body: "one"},
		"read, not edited":    {request: post, edit: readBody, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello", same: true, body: "-"},
		"read chunks":         {request: chunked, edit: readBody, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\nX-A: 1\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n", same: true, body: "-"},
		"no body":             {request: post, edit: func(r *traffic.Request) { r.Body = nil }, want: "POST /old?q HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n", body: "-"},
		"no body to GET":      {request: post, edit: func(r *traffic.Request) { r.Body, r.Method = nil, "GET" }, want: "GET /old?q HTTP/1.1\r\nHost: ADDR\r\nX-A: 1\r\n\r\n", body: "-"},
		"no chunks":           {request: chunked, edit: func(r *traffic.Request) { r.Body, r.Method = nil, "GET" }, want: "GET /old?q HTTP/1.1\r\nHost: ADDR\r\nX-A: 1\r\n\r\n", body: "-"},
		"body to one without": {request: "GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", edit: func(r *traffic.Request) { r.Body, r.Length = traffic.NewMemoryBody([]byte("one")), 3 }, want: "GET / HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 3\r\n\r\none", body: "one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 1)
			length := make(chan int, 1)
			origin := nectest.NewRawServer(t, func(conn *nectest.Conn) {
				got <- conn.ReadN(<-length)
				conn.Send(ok)
				conn.ReadAll()
			})
			want := strings.ReplaceAll(c.want, "ADDR", origin.Addr)
			length <- len(want)
			p := start(t, proxy.Options{Layers: []proxy.Layer{editRequest(c.edit)}, Network: &proxy.Network{}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(strings.ReplaceAll(c.request, "ADDR", origin.Addr))
			if diff := cmp.Diff(want, within(t, patience, "request", got)); diff != "" {
				t.Errorf("the origin received (-want +got):\n%s", diff)
			}
			client.ReadN(len(ok))
			x := p.WaitExchanges(t, 1)[0]
			if x.Edited() == c.same || x.Request.Header.Get("X-A") == "2" || x.Received != nil {
				t.Errorf("sent %+v, received %+v, the client's is %+v", x.Sent, x.Received, x.Request)
			}
			if got := contentOf(x.SentBody); got != c.body {
				t.Errorf("the body sent was %q, want %q", got, c.body)
			}
			if want := strings.Count(c.request, "hello") * 5; x.RequestBody != nil && want > 0 && x.RequestBody.Size() != int64(want) {
				t.Errorf("of the client's body %d bytes were captured", x.RequestBody.Size())
			}
		})
	}
}

// readBody reads a body and puts the same in its place.
func readBody(r *traffic.Request) {
	content, _ := io.ReadAll(r.Body)
	r.Body = stream{bytes.NewReader(content)}
}

// TestEditedAnswers has the client receive exactly what layers make of an
// answer, and the exchange say both.
func TestEditedAnswers(t *testing.T) {
	const plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: 1\r\n\r\nhello"
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n5;x\r\nhello\r\n0\r\nT: 1\r\n\r\n"
	status := func(code int) func(*traffic.Response) {
		return func(r *traffic.Response) { r.Status, r.Reason = code, "" }
	}
	for name, c := range map[string]struct {
		method, proto, answer string
		edit                  func(*traffic.Response)
		want                  string
		received              string // ReceivedBody
		same                  bool
	}{
		"nothing":             {answer: chunked, edit: func(*traffic.Response) {}, want: chunked, same: true, received: "-"},
		"fields":              {answer: chunked, edit: func(r *traffic.Response) { r.Header.Set("a", "2") }, want: strings.Replace(chunked, "A: 1", "A: 2", 1), received: "-"},
		"status":              {answer: plain, edit: status(418), want: "HTTP/1.1 418 \r\nContent-Length: 5\r\nA: 1\r\n\r\nhello", received: "-"},
		"body":                {answer: plain, edit: func(r *traffic.Response) { setBody(r, "longer one") }, want: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nA: 1\r\n\r\nlonger one", received: "-"},
		"body that was read":  {answer: plain, edit: upper, want: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: 1\r\n\r\nHELLO", received: "hello"},
		"chunks that were":    {answer: chunked, edit: upper, want: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n5\r\nHELLO\r\n0\r\nT: 1\r\n\r\n", received: "hello"},
		"chunks to length":    {answer: chunked, edit: func(r *traffic.Response) { upper(r); r.Length = 5 }, want: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: 1\r\n\r\nHELLO", received: "hello"},
		"wrapped":             {answer: plain, edit: func(r *traffic.Response) { r.Body = stream{r.Body} }, want: plain, same: true, received: "-"},
		"to no content":       {answer: chunked, edit: status(204), want: "HTTP/1.1 204 \r\nA: 1\r\n\r\n", received: "-"},
		"to not modified":     {answer: chunked, edit: status(304), want: "HTTP/1.1 304 \r\nA: 1\r\n\r\n", received: "-"},
		"from not modified":   {answer: "HTTP/1.1 304 Same\r\nA: 1\r\n\r\n", edit: status(200), want: "HTTP/1.1 200 \r\nA: 1\r\nContent-Length: 0\r\n\r\n", received: "-"},
		"to HEAD":             {method: "HEAD", answer: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", edit: func(r *traffic.Response) { r.Header.Add("A", "1") }, want: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nA: 1\r\n\r\n", received: "-"},
		"to HTTP/1.0":         {proto: "HTTP/1.0", answer: chunked, edit: upper, want: "HTTP/1.1 200 OK\r\nA: 1\r\n\r\nHELLO", received: "hello"},
		"no version":          {answer: plain, edit: func(r *traffic.Response) { r.Proto = "" }, want: plain, same: true, received: "-"},
		"trailer of a layer":  {answer: plain, edit: func(r *traffic.Response) { trailed(r, "T", "2") }, want: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n1\r\nx\r\n0\r\nT: 2\r\n\r\n", received: "-"},
		"a length that is no": {answer: plain, edit: func(r *traffic.Response) { r.Header.Set("Content-Length", "7"); setBody(r, "hey") }, want: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: 1\r\n\r\nhey", received: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := newAnswering(t, c.answer)
			p := start(t, proxy.Options{Layers: []proxy.Layer{editAnswer(c.edit)}, Network: &proxy.Network{}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(orElse(c.method, "GET") + " http://" + origin.Addr + "/ " + orElse(c.proto, "HTTP/1.1") + "\r\nHost: " + origin.Addr + "\r\n\r\n")
			if diff := cmp.Diff(c.want, client.ReadN(len(c.want))); diff != "" {
				t.Errorf("the client received (-want +got):\n%s", diff)
			}
			client.CloseWrite()
			if rest := client.ReadAll(); rest != "" {
				t.Errorf("and then %q", rest)
			}
			x := p.WaitExchanges(t, 1)[0]
			if x.Edited() == c.same || x.Sent != nil || x.Failure != nil {
				t.Errorf("received %+v, sent %+v, failure %v", x.Received, x.Sent, x.Failure)
			}
			if x.Received != nil && !strings.HasPrefix(c.answer, string(x.Received.AppendStatusLine(nil))) {
				t.Errorf("received %+v", x.Received)
			}
			if got := contentOf(x.ReceivedBody); got != c.received {
				t.Errorf("the body received was %q, want %q", got, c.received)
			}
		})
	}
}

// upper makes content upper case, of the same length.
func upper(r *traffic.Response) {
	content, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	r.Body = traffic.NewMemoryBody(bytes.ToUpper(content))
}

// trailed gives a response content with a trailer.
func trailed(r *traffic.Response, name, value string) {
	setBody(r, "x")
	r.Length, r.Trailer = -1, traffic.Fields{{Name: name, Value: value}}
}

// TestUnfitMessages refuses what no parser could be trusted with.
func TestUnfitMessages(t *testing.T) {
	edits := map[string]proxy.Layer{
		"bad name":          editRequest(func(r *traffic.Request) { r.Header.Add("A B", "x") }),
		"no name":           editRequest(func(r *traffic.Request) { r.Header.Add("", "x") }),
		"line end":          editRequest(func(r *traffic.Request) { r.Header.Add("A", "x\r\nB: y") }),
		"line feed":         editRequest(func(r *traffic.Request) { r.Header.Add("A", "x\ny") }),
		"NUL":               editRequest(func(r *traffic.Request) { r.Header.Add("A", "x\x00") }),
		"bad method":        editRequest(func(r *traffic.Request) { r.Method = "GET /" }),
		"CONNECT":           editRequest(func(r *traffic.Request) { r.Method = "CONNECT" }),
		"space in target":   editRequest(func(r *traffic.Request) { r.URL.Target = "/a HTTP/1.1" }),
		"no target":         editRequest(func(r *traffic.Request) { r.URL.Target = "" }),
		"bad authority":     editRequest(func(r *traffic.Request) { r.URL.Authority = "a b" }),
		"bad scheme":        editRequest(func(r *traffic.Request) { r.URL.Scheme = "ftp" }),
		"bad version":       editRequest(func(r *traffic.Request) { r.Proto = "HTTP/3" }),
		"two hosts":         editRequest(func(r *traffic.Request) { r.Header.Add("Host", "b") }),
		"answer: bad name":  editAnswer(func(r *traffic.Response) { r.Header.Add("A:", "x") }),
		"answer: line end":  editAnswer(func(r *traffic.Response) { r.Header.Add("A", "x\r\n\r\n") }),
		"answer: reason":    editAnswer(func(r *traffic.Response) { r.Reason = "a\r\nB: c" }),
		"answer: status":    editAnswer(func(r *traffic.Response) { r.Status = 99 }),
		"answer: 1xx":       editAnswer(func(r *traffic.Response) { r.Status = 103 }),
		"answer: version":   editAnswer(func(r *traffic.Response) { r.Proto = "HTTP/3" }),
		"answer: odd chunk": editAnswer(func(r *traffic.Response) { r.Header.Add("Transfer-Encoding", "gzip") }),
	}
	origin := newAnswering(t, ok)
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, proxy.Options{Layers: []proxy.Layer{edit}, Network: &proxy.Network{}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(get(origin.Addr, "/"))
			if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
				t.Errorf("received %q", got)
			}
			x := p.WaitExchanges(t, 1)[0]
			if x.Failure == nil || x.Failure.Kind != traffic.FailProtocol || x.Failure.Side != traffic.SideNecto {
				t.Errorf("failure %+v", x.Failure)
			}
		})
	}
}

// TestUnfitTrailer breaks off in place of a trailer that is no field.
func TestUnfitTrailer(t *testing.T) {
	origin := newAnswering(t, ok)
	edit := editAnswer(func(r *traffic.Response) { trailed(r, "T", "a\r\nb") })
	p := start(t, proxy.Options{Layers: []proxy.Layer{edit}, Network: &proxy.Network{}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	if got, err := readToEnd(client); err == nil || strings.Contains(got, "T:") {
		t.Errorf("received %q, %v", got, err)
	}
	if f := p.WaitExchanges(t, 1)[0].Failure; f == nil || f.Side != traffic.SideNecto || f.Kind != traffic.FailProtocol {
		t.Errorf("failure %+v", f)
	}
}

// TestRedirectedRequests go to other origins, from TLS to plain text and back,
// over connections that are used again.
func TestRedirectedRequests(t *testing.T) {
	plain := newAnswering(t, ok)
	heads := make(chan string, 10)
	raw, pool := secureServer(t, func(c *nectest.Conn) {
		for !c.Ended(resting) {
			heads <- c.ReadHead()
			c.Send(ok)
		}
	})
	secure := &answering{RawServer: raw, heads: heads}
	other := newAnswering(t, ok)
	to := func(scheme, authority string) proxy.Layer {
		return editRequest(func(r *traffic.Request) {
			r.URL.Scheme, r.URL.Authority = scheme, authority
			r.Header.Set("Host", authority)
		})
	}
	for name, c := range map[string]struct {
		from, to *answering
		scheme   string
	}{
		"http to https": {from: plain, to: secure, scheme: "https"},
		"https to http": {from: secure, to: plain, scheme: "http"},
		"http to http":  {from: plain, to: other, scheme: "http"},
	} {
		t.Run(name, func(t *testing.T) {
			p, config := intercepting(t, proxy.Options{
				Network: &proxy.Network{RootCAs: pool}, Layers: []proxy.Layer{to(c.scheme, c.to.Addr)},
			})
			client := nectest.Dial(t, p.addr)
			request := get(c.from.Addr, "/x")
			if c.from == secure {
				client = tunnel(t, p, secure.Addr, "").StartTLS(withName(config, "127.0.0.1"))
				request = "GET /x HTTP/1.1\r\nHost: " + secure.Addr + "\r\n\r\n"
			}
			for range 2 {
				client.Send(request)
				client.ReadN(len(ok))
				if got, want := <-c.to.heads, "GET /x HTTP/1.1\r\nHost: "+c.to.Addr+"\r\n\r\n"; got != want {
					t.Errorf("the origin received %q, want %q", got, want)
				}
			}
			list := p.WaitExchanges(t, 2)
			for i, x := range list {
				if x.Sent == nil || x.Sent.URL.Authority != c.to.Addr || x.Sent.URL.Scheme != c.scheme || x.Server != c.to.Addr || x.Request.URL.Authority != c.from.Addr {
					t.Errorf("sent %+v to %s", x.Sent, x.Server)
				}
				if reused := x.Timing.Connect < 0; reused != (i == 1) {
					t.Errorf("request %d: used again: %v", i, reused)
				}
			}
		})
	}
}

// TestEditedHandshakes has layers redirect, edit and refuse WebSocket handshakes.
func TestEditedHandshakes(t *testing.T) {
	asked := make(chan string, 1)
	origin := wsOriginSaying(t, asked)
	redirect := editRequest(func(r *traffic.Request) {
		r.URL.Authority, r.URL.Target = origin.Addr, "/chat"
		r.Header.Set("Host", origin.Addr)
		r.Header.Add("X", "1")
	})
	answer := editAnswer(func(r *traffic.Response) { r.Header.Add("Y", "2") })
	p := start(t, proxy.Options{Layers: []proxy.Layer{answer, redirect}, Network: &proxy.Network{}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(wsGet("elsewhere.invalid", ""))
	if head := client.ReadHead(); !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.HasSuffix(head, "Y: 2\r\n\r\n") {
		t.Errorf("received %q", head)
	}
	if head := <-asked; !strings.HasPrefix(head, "GET /chat HTTP/1.1\r\nHost: "+origin.Addr) || !strings.Contains(head, "\r\nX: 1\r\n") {
		t.Errorf("the origin received %q", head)
	}
	if got := client.ReadN(4); got != fromServer(1, "hi") {
		t.Errorf("received %q", got)
	}
	client.Close()
	closedWS(t, p)
	if x := waitEvent[traffic.WSOpened](t, p).Exchange; x.Sent == nil || x.Received == nil || x.Received.Header.Has("Y") || !x.Response.Header.Has("Y") {
		t.Errorf("sent %+v, received %+v", x.Sent, x.Received)
	}

	for name, refuse := range map[string]proxy.Layer{
		"before": answerWith(traffic.Response{Status: 403, Header: traffic.Fields{{Name: "Content-Length", Value: "0"}}}),
		"after":  editAnswer(func(r *traffic.Response) { r.Status, r.Reason, r.Header = 403, "", nil }),
	} {
		t.Run("refused "+name, func(t *testing.T) {
			p := start(t, proxy.Options{Layers: []proxy.Layer{refuse}, Network: &proxy.Network{}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(wsGet(origin.Addr, ""))
			if got, want := client.ReadHead(), "HTTP/1.1 403 \r\nContent-Length: 0\r\n\r\n"; got != want {
				t.Errorf("received %q, want %q", got, want)
			}
			if x := p.WaitExchanges(t, 1)[0]; x.WS != nil || x.Failure != nil {
				t.Errorf("WebSocket %v, failure %v", x.WS, x.Failure)
			}
			if name == "after" {
				<-asked
			}
		})
	}
}

// wsOriginSaying accepts WebSocket connections, says what it was sent, and hi.
func wsOriginSaying(t *testing.T, asked chan<- string) *nectest.RawServer {
	return nectest.NewRawServer(t, func(c *nectest.Conn) {
		asked <- c.ReadHead()
		c.Send(wsAcceptFields + "\r\n" + fromServer(1, "hi"))
		c.ReadAll()
	})
}
