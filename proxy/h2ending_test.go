package proxy_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// cutShort is content that ends with a failure.
type cutShort struct {
	io.Reader
	failure *traffic.Failure
}

func (f cutShort) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil {
		err = f.failure
	}
	return n, err
}

func (cutShort) Close() error { return nil }

// TestHTTP2Endings lets one stream end in each way, before an answer and inside
// it, and the others go on.
func TestHTTP2Endings(t *testing.T) {
	ends := map[string]traffic.End{
		"close": traffic.EndClose, "reset": traffic.EndReset, "hang": traffic.EndHang, "malformed": traffic.EndMalformed,
	}
	faults := layer(func(_ context.Context, req *traffic.Request, _ traffic.RoundTripper) (*traffic.Response, error) {
		when, how, _ := strings.Cut(req.URL.Target[1:], "/")
		failure := &traffic.Failure{Kind: traffic.FailFault, Side: traffic.SideNecto, Text: "on purpose", End: ends[how]}
		switch when {
		case "before":
			return nil, failure
		case "inside":
			return &traffic.Response{Status: 200, Body: cutShort{strings.NewReader("part"), failure}, Length: -1}, nil
		default:
			return &traffic.Response{Status: 200, Body: traffic.NewMemoryBody([]byte("fine")), Length: 4}, nil
		}
	})
	p, config := intercepting(t, proxy.Options{Layers: []proxy.Layer{faults}})
	client := engineClient(t, p, config, "127.0.0.1:443")
	codes := map[string]h2.Code{
		"/before/close": h2.CodeNo, "/before/reset": h2.CodeInternal, "/before/malformed": h2.CodeProtocol,
		"/inside/reset": h2.CodeInternal, "/inside/malformed": h2.CodeProtocol,
	}
	for path, want := range codes {
		if got := resetOf(t, send(t, client, get2("127.0.0.1", path))); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if head, got := receive(t, send(t, client, get2("127.0.0.1", "/inside/close"))); head.Status() != 200 || got != "part" {
		t.Errorf("%d %q", head.Status(), got)
	}
	for _, path := range []string{"/before/hang", "/inside/hang"} {
		st := send(t, client, get2("127.0.0.1", path))
		time.Sleep(50 * time.Millisecond)
		st.Reset(h2.CodeCancel)
	}
	if _, got := receive(t, send(t, client, get2("127.0.0.1", "/fine"))); got != "fine" {
		t.Errorf("received %q", got)
	}
	for _, x := range p.WaitExchanges(t, len(codes)+4) {
		if failed := x.Failure != nil; failed == (x.Request.Target == "/fine") {
			t.Errorf("%s: %v", x.Request.Target, x.Failure)
		}
	}
}

// TestHTTP2Continue has clients wait to be asked for their content: by the origin,
// or by necto if a layer reads it.
func TestHTTP2Continue(t *testing.T) {
	reading := layer(func(_ context.Context, req *traffic.Request, _ traffic.RoundTripper) (*traffic.Response, error) {
		content, err := io.ReadAll(req.Body)
		return &traffic.Response{Status: 200, Body: traffic.NewMemoryBody(content), Length: int64(len(content))}, err
	})
	for name, layers := range map[string][]proxy.Layer{"origin": nil, "layer": {reading}} {
		t.Run(name, func(t *testing.T) {
			client, addr, p := setupEngine(t, proxy.Options{Layers: layers}, func(st *h2.Stream) {
				_ = st.WriteHead(h2.ResponseHead(100, traffic.Fields{{Name: "x-from", Value: "origin"}}))
				content, _ := io.ReadAll(st)
				answer(st, string(content))
			})
			st := send(t, client, h2.RequestHead("POST", "https", addr, "/", traffic.Fields{{Name: "expect", Value: "100-continue"}}))
			if head, _ := receive(t, st); head.Status() != 100 || head.Fields.Has("x-from") != (layers == nil) {
				t.Errorf("head %+v", head)
			}
			if _, err := st.WriteLast([]byte("content")); err != nil {
				t.Fatal(err)
			}
			if head, got := receive(t, st); head.Status() != 200 || got != "content" {
				t.Errorf("%d %q", head.Status(), got)
			}
			if x := p.WaitExchanges(t, 1)[0]; bodyOf(x.RequestBody) != "content" || x.Failure != nil {
				t.Errorf("recorded %q, %v", bodyOf(x.RequestBody), x.Failure)
			}
		})
	}
}
