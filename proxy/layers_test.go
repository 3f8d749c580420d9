package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// layer makes a layer of a function that is given the next one.
func layer(f func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error)) proxy.Layer {
	return func(next traffic.RoundTripper) traffic.RoundTripper {
		return traffic.RoundTripperFunc(func(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
			return f(ctx, req, next)
		})
	}
}

// answerWith is a layer that answers without asking the next one.
func answerWith(resp traffic.Response) proxy.Layer {
	return layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		resp := resp
		return &resp, nil
	})
}

// TestLayerOrder has layers that add a field on the way out and one on the way
// back.
func TestLayerOrder(t *testing.T) {
	origin := newAnswering(t, ok)
	mark := func(name string) proxy.Layer {
		return layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
			req = req.Clone()
			req.Header.Add("X", name)
			resp, err := next.RoundTrip(ctx, req)
			if err == nil {
				resp.Header = append(resp.Header.Clone(), traffic.Field{Name: "Y", Value: name})
			}
			return resp, err
		})
	}
	p := start(t, proxy.Options{Layers: []proxy.Layer{mark("a"), mark("b")}, Network: &proxy.Network{}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	if got, want := client.ReadUntil("ok"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nY: b\r\nY: a\r\n\r\nok"; got != want {
		t.Errorf("received %q, want %q", got, want)
	}
	if got, want := <-origin.heads, "GET / HTTP/1.1\r\nHost: "+origin.Addr+"\r\nX: a\r\nX: b\r\n\r\n"; got != want {
		t.Errorf("the origin received %q, want %q", got, want)
	}
	if x := p.WaitExchanges(t, 1)[0]; len(x.Request.Header) != 1 {
		t.Errorf("the exchange has the request %v", x.Request.Header)
	}
}

// stream is a body that is no MemoryBody.
type stream struct{ io.Reader }

func (stream) Close() error { return nil }

// TestLayerAnswers has layers that answer in the origin's place, with no
// network behind them.
func TestLayerAnswers(t *testing.T) {
	memory := func(s string) io.ReadCloser { return traffic.NewMemoryBody([]byte(s)) }
	streamed := func(s string) io.ReadCloser { return stream{strings.NewReader(s)} }
	wrong := traffic.Fields{{Name: "Content-Length", Value: "9"}}
	for name, c := range map[string]struct {
		method, proto string
		resp          traffic.Response
		want          string
		closes, fails bool
	}{
		"memory":                 {resp: traffic.Response{Body: memory("hello"), Length: 5}, want: "Content-Length: 5\r\n\r\nhello"},
		"large memory":           {resp: traffic.Response{Body: memory(strings.Repeat("x", 100<<10)), Length: 100 << 10}, want: "Content-Length: 102400\r\n\r\n" + strings.Repeat("x", 100<<10)},
		"memory, wrong field":    {resp: traffic.Response{Header: wrong, Body: memory("hello"), Length: 5}, want: "Content-Length: 5\r\n\r\nhello"},
		"memory of no bytes":     {resp: traffic.Response{Body: memory("")}, want: "Content-Length: 0\r\n\r\n"},
		"stream":                 {resp: traffic.Response{Body: streamed("hello"), Length: 5}, want: "Content-Length: 5\r\n\r\nhello"},
		"stream of no length":    {resp: traffic.Response{Body: streamed("hello"), Length: -1}, want: "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		"memory of no length":    {resp: traffic.Response{Body: memory("hello"), Length: -1}, want: "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		"to HTTP/1.0":            {proto: "HTTP/1.0", resp: traffic.Response{Body: streamed("hello"), Length: -1}, want: "\r\nhello", closes: true},
		"no body":                {resp: traffic.Response{}, want: "Content-Length: 0\r\n\r\n"},
		"no body, wrong field":   {resp: traffic.Response{Header: wrong}, want: "Content-Length: 0\r\n\r\n"},
		"HEAD":                   {method: "HEAD", resp: traffic.Response{Header: wrong, Body: memory("hello"), Length: 5}, want: "Content-Length: 9\r\n\r\n"},
		"204":                    {resp: traffic.Response{Status: 204, Body: memory("hello"), Length: 5}, want: "\r\n"},
		"trailer":                {resp: traffic.Response{Body: streamed("a"), Length: -1, Trailer: traffic.Fields{{Name: "T", Value: "1"}}}, want: "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n"},
		"stream too short":       {resp: traffic.Response{Body: streamed("abc"), Length: 5}, want: "Content-Length: 5\r\n\r\nabc", fails: true},
		"stream too long":        {resp: traffic.Response{Body: streamed("abcdef"), Length: 5}, want: "Content-Length: 5\r\n\r\n", fails: true},
		"memory too short":       {resp: traffic.Response{Body: memory("abc"), Length: 5}, want: "Content-Length: 5\r\n\r\nabc", fails: true},
		"memory too long":        {resp: traffic.Response{Body: memory("abcdef"), Length: 5}, want: "Content-Length: 5\r\n\r\n", fails: true},
		"nothing of five":        {resp: traffic.Response{Length: 5}, want: "Content-Length: 5\r\n\r\n", fails: true},
		"stream that breaks off": {resp: traffic.Response{Body: stream{io.MultiReader(strings.NewReader("abc"), failing{})}, Length: -1}, want: "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := c.resp
			if resp.Proto = "HTTP/1.1"; resp.Status == 0 {
				resp.Status = 200
			}
			p := start(t, proxy.Options{Layers: []proxy.Layer{answerWith(resp)}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(orElse(c.method, "GET") + " http://a.invalid/ " + orElse(c.proto, "HTTP/1.1") + "\r\nHost: a.invalid\r\n\r\n")
			_, first, _ := strings.Cut(client.ReadN(len("HTTP/1.1 200 \r\n")), "\r\n")
			if c.fails {
				got, err := readToEnd(client)
				if err == nil || !strings.HasPrefix(c.want, first+got) {
					t.Errorf("received %q and %v", got, err)
				}
				if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Side != traffic.SideNecto {
					t.Errorf("failure %+v", x.Failure)
				}
				return
			}
			if got := client.ReadN(len(c.want)); got != c.want {
				t.Errorf("received %q, want %q", got, c.want)
			}
			if ended := client.Ended(20 * time.Millisecond); ended != c.closes {
				t.Errorf("the connection has ended: %v", ended)
			}
			if x := p.WaitExchanges(t, 1)[0]; x.Failure != nil || x.Server != "" {
				t.Errorf("failure %v, server %q", x.Failure, x.Server)
			}
		})
	}
}

// failing is the end of a body that breaks off.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("file gone") }

// TestLayerFails gives the client the text of the failure.
func TestLayerFails(t *testing.T) {
	fail := layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		return nil, errors.New("no luck")
	})
	p := start(t, proxy.Options{Layers: []proxy.Layer{fail}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get("a.invalid", "/"))
	if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "no luck") {
		t.Errorf("the answer is %q", got)
	}
	if f := p.WaitExchanges(t, 1)[0].Failure; f.Side != traffic.SideNecto || f.Kind != traffic.FailInternal {
		t.Errorf("failure %+v", f)
	}
}

// readAnswer is a layer that reads the request's content and answers with it.
func readAnswer(_ context.Context, req *traffic.Request, _ traffic.RoundTripper) (*traffic.Response, error) {
	content, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	return &traffic.Response{Status: 200, Proto: "HTTP/1.1", Body: traffic.NewMemoryBody(content), Length: int64(len(content))}, nil
}

// TestLayerReads has a layer that needs the content of a client that waits to
// be asked for it.
func TestLayerReads(t *testing.T) {
	p := start(t, proxy.Options{Layers: []proxy.Layer{layer(readAnswer)}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	for range 2 { // the connection is kept
		client.Send(strings.ReplaceAll(upload, "ADDR", "a.invalid"))
		if got := client.ReadHead(); got != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Fatalf("received %q", got)
		}
		client.Send("hello")
		client.ReadUntil("\r\n\r\nhello")
	}
	if x := p.WaitExchanges(t, 2)[1]; x.RequestDone < 0 || x.RequestBody.Size() != 5 || len(x.Informational) != 0 {
		t.Errorf("request done %v, %d bytes", x.RequestDone, x.RequestBody.Size())
	}
}

// TestLayerReadsBadContent gives the layer, and the client, the reason.
func TestLayerReadsBadContent(t *testing.T) {
	p := start(t, proxy.Options{Layers: []proxy.Layer{layer(readAnswer)}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send("POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
	if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "invalid chunk size") {
		t.Errorf("the answer is %q", got)
	}
	client = nectest.Dial(t, p.addr)
	client.Send("POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
	client.Close()
	for _, x := range p.WaitExchanges(t, 2) {
		if x.Failure == nil || x.Failure.Side != traffic.SideClient {
			t.Errorf("failure %+v", x.Failure)
		}
	}
}

// TestLayerEditsRequest has layers that send other content than came.
func TestLayerEditsRequest(t *testing.T) {
	edit := func(length int64) proxy.Layer {
		return layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
			content, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			req = req.Clone()
			req.Body, req.Length = stream{bytes.NewReader(bytes.ToUpper(append(content, '!')))}, length
			return next.RoundTrip(ctx, req)
		})
	}
	wrap := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		req = req.Clone()
		req.Body = stream{req.Body} // read by the network, as it comes
		return next.RoundTrip(ctx, req)
	})
	unknown := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		req = req.Clone()
		req.Length = -1
		req.Header.Del("Content-Length")
		return next.RoundTrip(ctx, req)
	})
	for name, c := range map[string]struct {
		layer proxy.Layer
		want  string
	}{
		"same content, length unknown": {unknown, "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		"length known":                 {edit(6), "Content-Length: 6\r\nExpect: 100-continue\r\n\r\nHELLO!"},
		"length unknown":               {edit(-1), "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n6\r\nHELLO!\r\n0\r\n\r\n"},
		"wrapped":                      {wrap, "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 1)
			origin := nectest.NewRawServer(t, func(conn *nectest.Conn) {
				_, fields, _ := strings.Cut(conn.ReadHead(), "Host: ")
				_, fields, _ = strings.Cut(fields, "\r\n")
				conn.Send("HTTP/1.1 100 Continue\r\n\r\n") // the client must not see a second one
				got <- fields + conn.ReadN(len(c.want)-len(fields))
				conn.Send(ok)
				conn.ReadAll()
			})
			p := start(t, proxy.Options{Layers: []proxy.Layer{c.layer}, Network: &proxy.Network{}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(strings.ReplaceAll(upload, "ADDR", origin.Addr))
			if got := client.ReadHead(); got != "HTTP/1.1 100 Continue\r\n\r\n" {
				t.Fatalf("received %q", got)
			}
			client.Send("hello")
			if got := client.ReadN(len(ok)); got != ok {
				t.Errorf("the answer is %q", got)
			}
			if diff := cmp.Diff(c.want, <-got); diff != "" {
				t.Errorf("the origin received (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLayerSendsWrongLength must not let the origin take what is sent for whole,
// nor for more than one request.
func TestLayerSendsWrongLength(t *testing.T) {
	for name, content := range map[string]string{"short": "abc", "long": "abcdef"} {
		t.Run(name, func(t *testing.T) {
			edit := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
				req = req.Clone()
				req.Body, req.Length = stream{strings.NewReader(content)}, 5
				return next.RoundTrip(ctx, req)
			})
			got := make(chan string, 1)
			origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadHead(); got <- c.ReadAll() })
			p := start(t, proxy.Options{Layers: []proxy.Layer{edit}, Network: &proxy.Network{}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(get(origin.Addr, "/"))
			if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "its head says 5") {
				t.Errorf("the answer is %q", got)
			}
			if sent := <-got; len(sent) >= 5 {
				t.Errorf("the origin received %q", sent)
			}
			if f := p.WaitExchanges(t, 1)[0].Failure; f.Side != traffic.SideNecto {
				t.Errorf("failure %+v", f)
			}
		})
	}
}

// TestLayerEditsAnswer has layers that change what an origin sent.
func TestLayerEditsAnswer(t *testing.T) {
	upper := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		resp, err := next.RoundTrip(ctx, req)
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		resp.Body = traffic.NewMemoryBody(bytes.ToUpper(content))
		return resp, err
	})
	badHead := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		resp, err := next.RoundTrip(ctx, req)
		if err == nil {
			resp.Header = append(resp.Header.Clone(), traffic.Field{Name: "Content-Length", Value: "x"})
		}
		return resp, err
	})
	for name, c := range map[string]struct {
		layer        proxy.Layer
		answer, want string
	}{
		"content":         {upper, ok, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"},
		"chunked content": {upper, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n"},
		"to nonsense":     {badHead, ok, "HTTP/1.1 502 Bad Gateway\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			origin := newAnswering(t, c.answer)
			p := start(t, proxy.Options{Layers: []proxy.Layer{c.layer}, Network: &proxy.Network{}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(get(origin.Addr, "/"))
			if diff := cmp.Diff(c.want, client.ReadN(len(c.want))); diff != "" {
				t.Errorf("the client received (-want +got):\n%s", diff)
			}
		})
	}
}
