package proxy_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// sameFields compares fields by what they say.
var sameFields = cmp.Comparer(func(a, b traffic.Field) bool { return a.Name == b.Name && a.Value == b.Value })

// TestHTTP2Fields has fields pass as they are: in order, with duplicates, cookies
// in pieces, in both directions and in trailers, and 1xx before the answer.
func TestHTTP2Fields(t *testing.T) {
	asked := traffic.Fields{
		{Name: "x-b", Value: "1"},
		{Name: "cookie", Value: "a=1"},
		{Name: "x-a", Value: "\xff é"},
		{Name: "cookie", Value: "b=2"},
		{Name: "te", Value: "trailers"},
		{Name: "x-b", Value: ""},
		{Name: "priority", Value: "u=1"},
	}
	early := traffic.Fields{{Name: "link", Value: "</a>"}, {Name: "link", Value: "</b>"}}
	said := traffic.Fields{{Name: "z", Value: "1"}, {Name: "set-cookie", Value: "a"}, {Name: "a", Value: "2"}, {Name: "set-cookie", Value: "b"}}
	last := traffic.Fields{{Name: "y", Value: "1"}, {Name: "b", Value: "2"}}
	heads := make(chan h2.Head, 1)
	client, addr, p := setupEngine(t, proxy.Options{}, func(st *h2.Stream) {
		heads <- st.Head()
		_ = st.WriteHead(h2.ResponseHead(103, early))
		_ = st.WriteHead(h2.ResponseHead(299, said))
		_, _ = st.Write([]byte("content"))
		_ = st.CloseWrite(last)
	})
	st := send(t, client, get2(addr, "/a;b?%zz", asked...))
	head, _ := receive(t, st)
	if diff := cmp.Diff(early, head.Fields, sameFields); head.Status() != 103 || diff != "" {
		t.Errorf("status %d: %s", head.Status(), diff)
	}
	head, content := receive(t, st)
	if diff := cmp.Diff(said, head.Fields, sameFields); head.Status() != 299 || content != "content" || diff != "" {
		t.Errorf("status %d, %q: %s", head.Status(), content, diff)
	}
	if diff := cmp.Diff(last, st.Trailer(), sameFields); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(get2(addr, "/a;b?%zz", asked...), <-heads, sameFields); diff != "" {
		t.Errorf("the origin got %s", diff)
	}
	x := p.WaitExchanges(t, 1)[0]
	got := []traffic.Fields{x.Request.Header, x.Response.Header, x.Response.Trailer, x.Informational[0].Header}
	if diff := cmp.Diff([]traffic.Fields{asked, said, last, early}, got, sameFields); diff != "" {
		t.Errorf("recorded %s", diff)
	}
	if x.Response.Reason != "" || x.Edited() || x.Server != addr {
		t.Errorf("recorded %+v", x)
	}
}

// TestHTTP2Multiplexes has many exchanges share one connection to the origin, which
// takes only a few at a time.
func TestHTTP2Multiplexes(t *testing.T) {
	const streams = 100
	var open, most atomic.Int32
	addr, network := engineOrigin(t, h2.Config{MaxStreams: 7}, func(st *h2.Stream) {
		now := open.Add(1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		content, _ := io.ReadAll(st)
		open.Add(-1)
		answer(st, string(content))
	})
	p, config := intercepting(t, proxy.Options{Network: network})
	client := engineClient(t, p, config, addr)
	var sent []*h2.Stream
	for range streams {
		head := h2.RequestHead("POST", "https", addr, "/", nil)
		sent = append(sent, send(t, client, head))
	}
	content := strings.Repeat("x", 100_000)
	for _, st := range sent {
		go func() { _, _ = st.WriteLast([]byte(content)) }()
	}
	for _, st := range sent {
		if _, got := receive(t, st); got != content {
			t.Fatalf("received %d bytes", len(got))
		}
	}
	servers := make(map[string]bool)
	for _, x := range p.WaitExchanges(t, streams) {
		if x.Failure != nil {
			t.Fatal(x.Failure)
		}
		servers[x.Server] = true
	}
	if len(servers) != 1 || most.Load() > 7 {
		t.Errorf("%d servers, at most %d streams", len(servers), most.Load())
	}
}

// TestHTTP2Resets passes the codes of RST_STREAM on, in both directions, and says
// who has ended the exchange.
func TestHTTP2Resets(t *testing.T) {
	seen := make(chan error, 1)
	client, addr, p := setupEngine(t, proxy.Options{}, func(st *h2.Stream) {
		switch st.Head().Pseudo.Get(":path") {
		case "/wait":
			<-st.Context().Done()
			seen <- context.Cause(st.Context())
		case "/inside":
			_ = st.WriteHead(h2.ResponseHead(200, nil))
			_, _ = st.Write([]byte("part"))
			st.Reset(h2.CodeEnhanceYourCalm)
		default:
			st.Reset(h2.CodeHTTP11Required)
		}
	})
	for path, want := range map[string]h2.Code{"/before": h2.CodeHTTP11Required, "/inside": h2.CodeEnhanceYourCalm} {
		if got := resetOf(t, send(t, client, get2(addr, path))); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	for _, x := range p.WaitExchanges(t, 2) {
		if x.Failure == nil || x.Failure.Side != traffic.SideUpstream || x.Failure.Kind != traffic.FailReset {
			t.Errorf("%s: %+v", x.Request.Target, x.Failure)
		}
	}
	st := send(t, client, get2(addr, "/wait"))
	go st.Reset(h2.CodeInternal)
	e, ok := errors.AsType[*h2.StreamError](<-seen)
	if !ok || e.Code != h2.CodeInternal || !e.Remote {
		t.Errorf("the origin saw %v", e)
	}
	x := p.WaitExchanges(t, 3)[2]
	if x.Failure == nil || x.Failure.Side != traffic.SideClient || !strings.Contains(x.Failure.Text, "INTERNAL_ERROR") {
		t.Errorf("failure %+v", x.Failure)
	}
}

// TestHTTP2ClientLeaves ends what is open for a client whose connection ends.
func TestHTTP2ClientLeaves(t *testing.T) {
	asked, left := make(chan bool, 1), make(chan error, 1)
	client, addr, p := setupEngine(t, proxy.Options{}, func(st *h2.Stream) {
		asked <- true
		<-st.Context().Done()
		left <- context.Cause(st.Context())
	})
	send(t, client, get2(addr, "/"))
	<-asked
	client.Close()
	if err := within(t, patience, "the end", left); err == nil {
		t.Error("the stream ended in good order")
	}
	if f := p.WaitExchanges(t, 1)[0].Failure; f == nil || f.Side != traffic.SideClient || f.Kind != traffic.FailReset {
		t.Errorf("failure %+v", f)
	}
}

// TestHTTP2ClientHasAll has a client leave when it has all that the head announces,
// without waiting for the end of the stream.
func TestHTTP2ClientHasAll(t *testing.T) {
	client, addr, p := setupEngine(t, proxy.Options{}, func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(200, traffic.Fields{{Name: "content-length", Value: "5"}}))
		_, _ = st.Write([]byte("hello"))
		<-st.Context().Done()
	})
	st := send(t, client, get2(addr, "/"))
	if _, err := st.ReadHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(st, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if x := p.WaitExchanges(t, 1)[0]; x.Failure != nil || bodyOf(x.ResponseBody) != "hello" {
		t.Errorf("recorded %q, %v", bodyOf(x.ResponseBody), x.Failure)
	}
}

// TestHTTP2Refused sends a request again that the origin has refused, unless its
// content is gone: then the client learns that it may.
func TestHTTP2Refused(t *testing.T) {
	var refused atomic.Int32
	client, addr, p := setupEngine(t, proxy.Options{}, func(st *h2.Stream) {
		if st.Head().Pseudo.Get(":method") == "POST" {
			_, _ = st.Read(make([]byte, 10))
			st.Reset(h2.CodeRefusedStream)
			return
		}
		if refused.Add(1) < 3 {
			st.Reset(h2.CodeRefusedStream)
			return
		}
		answer(st, "done")
	})
	if _, got := receive(t, send(t, client, get2(addr, "/"))); got != "done" {
		t.Errorf("received %q", got)
	}
	p.WaitExchanges(t, 1)
	st := send(t, client, h2.RequestHead("POST", "https", addr, "/", nil))
	_, _ = st.WriteLast([]byte("content"))
	if got := resetOf(t, st); got != h2.CodeRefusedStream {
		t.Errorf("the client saw %v", got)
	}
	xs := p.WaitExchanges(t, 2)
	if xs[0].Failure != nil || xs[1].Failure == nil {
		t.Errorf("failures %v, %v", xs[0].Failure, xs[1].Failure)
	}
}

// TestHTTP2GoAway has an origin that takes one request per connection.
func TestHTTP2GoAway(t *testing.T) {
	addr, network := goAwayOrigin(t)
	p, config := intercepting(t, proxy.Options{Network: network})
	client := engineClient(t, p, config, addr)
	for range 3 {
		if _, got := receive(t, send(t, client, get2(addr, "/"))); got != "one" {
			t.Errorf("received %q", got)
		}
	}
	for _, x := range p.WaitExchanges(t, 3) {
		if x.Failure != nil {
			t.Error(x.Failure)
		}
	}
}

// TestHTTP2Streams has pieces pass as they come, in both directions at once, and
// each side end by itself.
func TestHTTP2Streams(t *testing.T) {
	client, addr, p := setupEngine(t, proxy.Options{}, func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(200, nil))
		_, _ = io.Copy(st, st)
		_ = st.CloseWrite(traffic.Fields{{Name: "grpc-status", Value: "0"}})
	})
	st := send(t, client, h2.RequestHead("POST", "https", addr, "/", nil))
	if head, err := st.ReadHead(t.Context()); err != nil || head.Status() != 200 {
		t.Fatal(head, err) // before the request has ended
	}
	piece := make([]byte, 4)
	for _, said := range []string{"ping", "pong", "last"} {
		if _, err := st.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(st, piece); err != nil || string(piece) != said {
			t.Fatalf("echo %q, %v", piece, err)
		}
	}
	_ = st.CloseWrite(nil)
	if n, err := st.Read(piece); !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v", n, err)
	}
	if got := st.Trailer().Get("grpc-status"); got != "0" {
		t.Errorf("trailer %v", st.Trailer())
	}
	x := p.WaitExchanges(t, 1)[0]
	if bodyOf(x.RequestBody) != "pingponglast" || bodyOf(x.ResponseBody) != "pingponglast" || x.Failure != nil {
		t.Errorf("recorded %q and %q, %v", bodyOf(x.RequestBody), bodyOf(x.ResponseBody), x.Failure)
	}
}

// TestHTTP2EarlyAnswer has an origin that answers without reading the request,
// whose rest is then not asked for.
func TestHTTP2EarlyAnswer(t *testing.T) {
	client, addr, p := setupEngine(t, proxy.Options{}, func(st *h2.Stream) { answer(st, "no") })
	st := send(t, client, h2.RequestHead("POST", "https", addr, "/", nil))
	if _, got := receive(t, st); got != "no" {
		t.Errorf("received %q", got)
	}
	if _, err := st.Write(make([]byte, 1)); err == nil {
		<-st.Context().Done()
	}
	x := p.WaitExchanges(t, 1)[0]
	if x.Failure != nil || x.RequestDone >= 0 {
		t.Errorf("failure %v, request done %v", x.Failure, x.RequestDone)
	}
}
