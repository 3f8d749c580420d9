package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// fault is a failure of a layer's own.
func fault(end traffic.End) *traffic.Failure {
	return &traffic.Failure{Kind: traffic.FailFault, Side: traffic.SideNecto, Text: "rule", End: end}
}

// failWith is a layer that fails.
func failWith(err error) proxy.Layer {
	return layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		return nil, err
	})
}

// breakAfter is a layer whose answer breaks off behind some content.
func breakAfter(content string, length int64, err error) proxy.Layer {
	return layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		body := stream{io.MultiReader(strings.NewReader(content), failingWith{err})}
		return &traffic.Response{Status: 200, Body: body, Length: length}, nil
	})
}

// failingWith is the end of a body that breaks off.
type failingWith struct{ err error }

func (f failingWith) Read([]byte) (int, error) { return 0, f.err }

// TestFaults breaks exchanges in the ways a layer can ask for, over plain
// connections and TLS.
func TestFaults(t *testing.T) {
	const five = "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n"
	const chunks = "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"
	aborted := &traffic.Failure{Kind: traffic.FailAborted, Side: traffic.SideNecto, Text: "aborted at breakpoint x", End: traffic.EndClose}
	dns := &traffic.Failure{Kind: traffic.FailDNS, Side: traffic.SideUpstream, Text: "no such host"}
	for name, c := range map[string]struct {
		layer proxy.Layer
		want  string // what the client receives begins with
		reset bool   // and how it ends
		kind  traffic.FailureKind
	}{
		"answer":           {layer: failWith(fault(traffic.EndDefault)), want: "HTTP/1.1 502 ", kind: traffic.FailFault},
		"imitated":         {layer: failWith(dns), want: "HTTP/1.1 502 ", kind: traffic.FailDNS},
		"close":            {layer: failWith(fault(traffic.EndClose)), kind: traffic.FailFault},
		"abort":            {layer: failWith(aborted), kind: traffic.FailAborted},
		"wrapped":          {layer: failWith(fmt.Errorf("layer: %w", aborted)), kind: traffic.FailAborted},
		"reset":            {layer: failWith(fault(traffic.EndReset)), reset: true, kind: traffic.FailFault},
		"malformed, early": {layer: failWith(fault(traffic.EndMalformed)), reset: true, kind: traffic.FailFault},
		"cut":              {layer: breakAfter("abc", 5, fault(traffic.EndClose)), want: five + "abc", kind: traffic.FailFault},
		"cut chunks":       {layer: breakAfter("abc", -1, fault(traffic.EndClose)), want: chunks + "3\r\nabc\r\n", kind: traffic.FailFault},
		"cut at once":      {layer: breakAfter("", 5, fault(traffic.EndClose)), want: five, kind: traffic.FailFault},
		"cut by a reset":   {layer: breakAfter("abc", 5, fault(traffic.EndReset)), reset: true, kind: traffic.FailFault},
		"cut by default":   {layer: breakAfter("abc", 5, fault(traffic.EndDefault)), reset: true, kind: traffic.FailFault},
		"malformed":        {layer: breakAfter("abc", -1, fault(traffic.EndMalformed)), want: chunks + "3\r\nabc\r\nnot a chunk size\r\n", kind: traffic.FailFault},
		"malformed length": {layer: breakAfter("abc", 5, fault(traffic.EndMalformed)), reset: true, kind: traffic.FailFault},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, secure %v", name, secure), func(t *testing.T) {
				t.Parallel()
				p, config := intercepting(t, proxy.Options{Layers: []proxy.Layer{c.layer}})
				client := nectest.Dial(t, p.addr)
				if secure {
					client = tunnel(t, p, "a.invalid:443", "").StartTLS(withName(config, "a.invalid"))
					client.Send("GET / HTTP/1.1\r\nHost: a.invalid\r\n\r\n")
				} else {
					client.Send(get("a.invalid", "/"))
				}
				got, err := readToEnd(client)
				if reset := errors.Is(err, syscall.ECONNRESET); reset != c.reset || !reset && err != nil {
					t.Errorf("the end was %v", err)
				}
				if !strings.HasPrefix(got, c.want) || got != c.want && !strings.HasPrefix(c.want, "HTTP/1.1 502") && !c.reset {
					t.Errorf("received %q, want %q", got, c.want)
				}
				client.Close()
				if f := p.WaitExchanges(t, 1)[0].Failure; f == nil || f.Kind != c.kind {
					t.Errorf("failure %+v", f)
				}
			})
		}
	}
}

// TestFaultHang sends nothing until the client leaves, whatever it still sends.
func TestFaultHang(t *testing.T) {
	for name, l := range map[string]proxy.Layer{
		"before the answer": failWith(fault(traffic.EndHang)),
		"inside it":         breakAfter("abc", 5, fault(traffic.EndHang)),
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, proxy.Options{Layers: []proxy.Layer{l}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send("POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50_000))
			if name == "inside it" {
				client.ReadUntil("abc")
			}
			client.Send(strings.Repeat("x", 50_000) + get("a", "/next"))
			if client.Ended(100 * time.Millisecond) {
				t.Error("the connection has ended")
			}
			client.Close()
			x := p.WaitExchanges(t, 1)[0]
			if x.Failure == nil || x.Failure.Kind != traffic.FailFault || x.Duration < 50*time.Millisecond { // of the 100 from when the client had sent it
				t.Errorf("failure %+v after %v", x.Failure, x.Duration)
			}
			if x.RequestBody == nil || x.RequestBody.Size() != 100_000 {
				t.Errorf("request body %+v", x.RequestBody)
			}
		})
	}
}

// TestHangEndsWithTheProxy, after the grace period, which is announced.
func TestHangEndsWithTheProxy(t *testing.T) {
	var log bytes.Buffer
	p := start(t, proxy.Options{
		Layers: []proxy.Layer{failWith(fault(traffic.EndHang))}, Grace: 300 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}, proxy.Listener{})
	nectest.Dial(t, p.addr) // idle: it is not waited for
	client := nectest.Dial(t, p.addr)
	client.Send(get("a", "/"))
	waitEvent[traffic.RequestDone](t, p)
	if took := within(t, patience, "stop", stopping(t, p)); took < 200*time.Millisecond {
		t.Errorf("stopped after %v", took)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "press Ctrl-C again") || !strings.Contains(got, "exchanges=1 grace=300ms") {
		t.Errorf("logged %q", got)
	}
}

// TestRequestBodyFault has a layer break the request it passes on.
func TestRequestBodyFault(t *testing.T) {
	edit := editRequest(func(r *traffic.Request) {
		r.Body, r.Length = stream{io.MultiReader(strings.NewReader("abc"), failingWith{fault(traffic.EndClose)})}, 5
	})
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadAll() })
	p := start(t, proxy.Options{Layers: []proxy.Layer{edit}, Network: &proxy.Network{}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	if got := client.ReadAll(); got != "" {
		t.Errorf("received %q", got)
	}
	if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Kind != traffic.FailFault || contentOf(x.SentBody) != "abc" {
		t.Errorf("failure %+v, sent %q", x.Failure, contentOf(x.SentBody))
	}
}

// TestUnreadRequests are captured, and their connections kept, if a layer has
// answered without reading them: unless they are large, or wait to be asked for.
func TestUnreadRequests(t *testing.T) {
	answer := answerWith(traffic.Response{Status: 200, Source: traffic.SourceRule})
	for name, c := range map[string]struct {
		head, body string
		kept       bool
	}{
		"small":      {"Content-Length: 5\r\n\r\n", "hello", true},
		"chunked":    {"Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", true},
		"large":      {"Content-Length: 1000000\r\n\r\n", strings.Repeat("x", 1_000_000), false},
		"to ask for": {"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, proxy.Options{Layers: []proxy.Layer{answer}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send("POST http://a/ HTTP/1.1\r\nHost: a\r\n" + c.head)
			client.ReadUntil("Content-Length: 0\r\n\r\n")
			client.Send(c.body)
			x := p.WaitExchanges(t, 1)[0]
			if done := x.RequestDone >= 0; done != c.kept || x.Failure != nil || x.Response.Source != traffic.SourceRule {
				t.Errorf("the request was read: %v, failure %v, response %+v", done, x.Failure, x.Response)
			}
			if c.kept && contentOf(x.RequestBody) != "hello" {
				t.Errorf("captured %q", contentOf(x.RequestBody))
			}
			if c.kept {
				client.Send(get("a", "/again"))
				client.ReadUntil("Content-Length: 0\r\n\r\n")
			}
		})
	}
}
