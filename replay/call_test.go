package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

const callURL = "http://h/pkg.Chat/Talk"

// wire returns messages with these contents as they are sent. What begins with
// "gz:" is compressed.
func wire(t testing.TB, contents ...string) []byte {
	t.Helper()
	var body []byte
	for _, c := range contents {
		m := grpcwire.Message{}
		if plain, ok := strings.CutPrefix(c, "gz:"); ok {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, _ = w.Write([]byte(plain))
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			m.Compressed, c = true, b.String()
		}
		m.Size = int64(len(c))
		body = append(grpcwire.AppendPrefix(body, m), c...)
	}
	return body
}

// recordedCall returns a call that went as script says, one step each 10 ms: "> a"
// is a message of the client, "." the end of its side, "< a" a message of the
// server, "5" a status that ends it and "x" that the client has given it up.
func recordedCall(t testing.TB, url string, script ...string) *traffic.Exchange {
	t.Helper()
	header := fields{{"content-type", "application/grpc"}, {"grpc-encoding", "gzip"}}
	x := &traffic.Exchange{
		Client: "127.0.0.1:50312", Request: newRequest(t, "POST", url, header, ""), GRPCEnd: -1,
		Timing:   traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1},
		Response: &traffic.Response{Status: 200, Reason: "OK", Proto: "HTTP/2.0", Header: header.traffic()},
	}
	var asked, said []byte
	for _, step := range script {
		x.Duration += 10 * time.Millisecond
		kind, content, _ := strings.Cut(step, " ")
		m := traffic.GRPCMessage{At: x.Duration}
		switch kind {
		case ">":
			asked = append(asked, wire(t, content)...)
			x.GRPC = append(x.GRPC, m)
		case "<":
			said = append(said, wire(t, content)...)
			m.Dir = traffic.ServerToClient
			x.GRPC = append(x.GRPC, m)
		case ".":
			x.GRPCEnd = len(x.GRPC)
		case "x":
			x.Failure = &traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideClient, Text: "canceled"}
		default:
			x.Response.Trailer = traffic.Fields{{Name: "grpc-status", Value: kind}}
		}
	}
	x.RequestBody, x.ResponseBody = traffic.BodyOf(asked), traffic.BodyOf(said)
	if said == nil && x.Failure == nil { // only trailers
		x.Response.Header = append(x.Response.Header, x.Response.Trailer...)
		x.Response.Trailer, x.ResponseBody = nil, nil
	}
	return x
}

// liveCall is a client that says something when the test does.
type liveCall struct {
	t    testing.TB
	says chan []byte // nil ends
	resp chan *traffic.Response
	err  chan error
	got  *traffic.Response
	in   *grpcwire.Reader
}

func dialCall(ctx context.Context, t testing.TB, x traffic.RoundTripper, url string, header ...[2]string) *liveCall {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { r.Close() }) // whatever was not read
	req := newRequest(t, "POST", url, append(fields{{"content-type", "application/grpc"}}, header...), "")
	req.Body, req.Length = r, -1
	c := &liveCall{t: t, says: make(chan []byte, 10), resp: make(chan *traffic.Response, 1), err: make(chan error, 1)}
	go func() {
		for said := <-c.says; said != nil; said = <-c.says {
			_, _ = w.Write(said)
		}
		w.Close()
	}()
	t.Cleanup(c.end)
	go func() {
		resp, err := x.RoundTrip(ctx, req)
		if err != nil {
			c.err <- err
			return
		}
		c.resp <- resp
	}()
	return c
}

// say sends messages, without waiting for anybody to read them.
func (c *liveCall) say(contents ...string) { c.says <- append([]byte{}, wire(c.t, contents...)...) }

// end says nothing more. It may be called again.
func (c *liveCall) end() {
	select {
	case c.says <- nil:
	default:
	}
}

// response waits for the head.
func (c *liveCall) response() *traffic.Response {
	c.t.Helper()
	if c.got == nil {
		select {
		case c.got = <-c.resp:
		case err := <-c.err:
			c.t.Fatal(err)
		case <-time.After(5 * time.Second):
			c.t.Fatal("no answer")
		}
		if c.got.Body != nil {
			c.in = grpcwire.NewReader(c.got.Body, grpcwire.GRPC, 1<<20)
		}
	}
	return c.got
}

// hear returns the next message, or at the end the status.
func (c *liveCall) hear() string {
	c.t.Helper()
	resp := c.response()
	if c.in != nil {
		if c.in.Next() {
			plain, err := grpcwire.Decoded(c.in.Message(), c.in.Content(), grpcwire.Encoding(resp.Header), 1<<20)
			if err != nil {
				c.t.Fatal(err)
			}
			return string(plain)
		}
		if err := c.in.Err(); err != nil {
			c.t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			c.t.Error(err)
		}
	}
	status, ok := grpcwire.StatusIn(append(resp.Trailer.Clone(), resp.Header...))
	if !ok {
		c.t.Fatalf("no status in %v and %v", resp.Header, resp.Trailer)
	}
	return strings.TrimSpace(status.Name() + " " + status.Message)
}

// expect hears this, in order.
func (c *liveCall) expect(want ...string) {
	c.t.Helper()
	for _, text := range want {
		if got := c.hear(); got != text {
			c.t.Fatalf("got %q, want %q", got, text)
		}
	}
}

func TestCallsOfAllKindsAreReplayed(t *testing.T) {
	x := load(t, Options{}, recorded(t, "auto",
		recordedCall(t, callURL, "> one", ".", "< uno", "0"),
		recordedCall(t, callURL, "> one", "> two", ".", "< dos", "0"),
		recordedCall(t, callURL, "> list", ".", "< a", "< b", "< ", "0"),
		recordedCall(t, callURL, "> none", ".", "5"),
		recordedCall(t, callURL, ".", "< nothing asked", "0"),
		recordedCall(t, callURL, "> gz:packed", ".", "< gz:packed too", "0"),
	))
	for _, c := range []struct {
		name       string
		said, want []string
	}{
		{"unary", []string{"one"}, []string{"uno", "OK"}},
		{"client streaming", []string{"one", "two"}, []string{"dos", "OK"}},
		{"server streaming", []string{"list"}, []string{"a", "b", "", "OK"}},
		{"only trailers", []string{"none"}, []string{"NOT_FOUND"}},
		{"no message", nil, []string{"nothing asked", "OK"}},
		{"compressed", []string{"gz:packed"}, []string{"packed too", "OK"}},
		{"recorded compressed", []string{"packed"}, []string{"packed too", "OK"}},
		{"recorded plain", []string{"gz:one"}, []string{"uno", "OK"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			live := dialCall(t.Context(), t, x, callURL, [2]string{"grpc-encoding", "gzip"})
			live.say(c.said...)
			live.end()
			live.t = t
			live.expect(c.want...)
		})
	}
	if s := x.Stats(); s.Missed != 0 || s.Served != 8 {
		t.Errorf("stats %+v", s)
	}
}

func TestCompressionIsLeftToTheClient(t *testing.T) {
	x := load(t, Options{}, recorded(t, "auto",
		recordedCall(t, callURL, "> one", ".", "< gz:uno", "0"),
		recordedCall(t, callURL, "> turn", "< gz:by", "> turn", ".", "0")))
	for accepted, encoding := range map[string]string{"identity,gzip": "gzip", "identity": ""} {
		live := dialCall(t.Context(), t, x, callURL, [2]string{"grpc-accept-encoding", accepted})
		live.say("one")
		live.end()
		live.expect("uno", "OK")
		if got := grpcwire.Encoding(live.got.Header); got != encoding {
			t.Errorf("accepted %q, encoding %q", accepted, got)
		}
		live = dialCall(t.Context(), t, x, callURL, [2]string{"grpc-accept-encoding", accepted})
		live.say("turn")
		live.expect("by")
		live.say("turn")
		live.end()
		live.expect("OK")
	}
}

func TestBidiCallsGoTurnByTurn(t *testing.T) {
	x := load(t, Options{}, recorded(t, "auto",
		recordedCall(t, callURL, "> hi", "< hello", "> bye", "< goodbye", ".", "0"),
		recordedCall(t, callURL, "> hi", "< hello", "> more", "< one", "< two", ".", "< three", "0"),
		recordedCall(t, callURL, "< first", "> second", "< third", "9"),
		recordedCall(t, "http://h/pkg.Chat/Fail", "> a", "3"),
	))
	t.Run("the first", func(t *testing.T) {
		c := dialCall(t.Context(), t, x, callURL)
		c.expect("first") // before anything is said
		c.say("second")
		c.expect("third", "FAILED_PRECONDITION")
	})
	x = load(t, Options{}, recorded(t, "auto",
		recordedCall(t, callURL, "> hi", "< hello", "> bye", "< goodbye", ".", "0"),
		recordedCall(t, callURL, "> hi", "< hello", "> more", "< one", "< two", ".", "< three", "0"),
		recordedCall(t, "http://h/pkg.Chat/Fail", "> a", "3"),
	))
	t.Run("either", func(t *testing.T) {
		c := dialCall(t.Context(), t, x, callURL)
		c.say("hi")
		c.expect("hello")
		c.say("more")
		c.expect("one", "two")
		c.end()
		c.expect("three", "OK")
	})
	t.Run("the other", func(t *testing.T) {
		c := dialCall(t.Context(), t, x, callURL)
		c.say("hi")
		c.expect("hello")
		c.say("bye")
		c.expect("goodbye")
		c.end()
		c.expect("OK")
	})
	t.Run("an error before the end", func(t *testing.T) {
		c := dialCall(t.Context(), t, x, "http://h/pkg.Chat/Fail")
		c.say("a")
		c.expect("INVALID_ARGUMENT")
		if c.got.Body != nil {
			t.Error("it has content")
		}
	})
	if s := x.Stats(); s.Missed != 0 || s.Served != 3 || s.Exchanges != 3 {
		t.Errorf("stats %+v", s)
	}
}

func TestEqualCallsAnswerInOrder(t *testing.T) {
	var calls []*traffic.Exchange
	for _, answer := range []string{"1", "2", "3"} {
		calls = append(calls, recordedCall(t, callURL, "> a", "< "+answer, ".", "0"))
		calls = append(calls, recordedCall(t, callURL, "> b", ".", "< "+answer, "0"))
	}
	x := load(t, Options{}, recorded(t, "auto", calls...))
	for _, want := range []string{"1", "2", "3", "3"} {
		for _, question := range []string{"a", "b"} {
			c := dialCall(t.Context(), t, x, callURL)
			c.say(question)
			c.end()
			c.expect(want, "OK")
		}
	}
}

func TestCallsThatMiss(t *testing.T) {
	var told []string
	x := load(t, Options{OnMiss: func(m Miss) { told = append(told, m.String()) }}, recorded(t, "auto",
		recordedCall(t, callURL, "> one", "> two", ".", "< dos", "0"),
		recordedCall(t, "http://h/pkg.Chat/Turns", "> hi", "< hello", "> bye", ".", "< goodbye", "0"),
	))
	const nearestTurns = "NOT_FOUND no recorded answer for POST http://h/pkg.Chat/Turns (nearest: #2 differs in "
	for _, c := range []struct {
		name, url  string
		said, want []string
	}{
		{
			"another message", callURL,
			[]string{"one", "too"},
			[]string{"NOT_FOUND no recorded answer for POST " + callURL + " (nearest: #1 differs in message.2: recorded 3 bytes 74776f, got 3 bytes 746f6f)"},
		},
		{
			"a message less", callURL,
			[]string{"one"},
			[]string{"NOT_FOUND no recorded answer for POST " + callURL + " (nearest: #1 differs in message.2: recorded 3 bytes 74776f, got none)"},
		},
		{
			"another method", "http://h/pkg.Chat/Other",
			[]string{"one", "two"},
			[]string{"UNIMPLEMENTED no recorded answer for POST http://h/pkg.Chat/Other (nearest: #1 differs in path: recorded /pkg.Chat/Talk, got /pkg.Chat/Other)"},
		},
		{
			"another first message", "http://h/pkg.Chat/Turns",
			[]string{"ho"},
			[]string{nearestTurns + "message.1: recorded 2 bytes 6869, got 2 bytes 686f)"},
		},
		{
			"another later message", "http://h/pkg.Chat/Turns",
			[]string{"hi", "by"},
			[]string{"hello", nearestTurns + "message.2: recorded 3 bytes 627965, got 2 bytes 6279)"},
		},
		{
			"a message more", "http://h/pkg.Chat/Turns",
			[]string{"hi", "bye", "now"},
			[]string{"hello", nearestTurns + "message.3: recorded none, got 3 bytes 6e6f77)"},
		},
		{
			"an early end", "http://h/pkg.Chat/Turns",
			[]string{"hi"},
			[]string{"hello", nearestTurns + "message.2: recorded 3 bytes 627965, got none)"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			told = nil
			live := dialCall(t.Context(), t, x, c.url)
			live.t = t
			live.say(c.said...)
			live.end()
			live.expect(c.want...)
			_, detail, _ := strings.Cut(c.want[len(c.want)-1], " ")
			if diff := cmp.Diff([]string{detail}, told); diff != "" {
				t.Error(diff)
			}
			if m := x.Misses(); m[len(m)-1].Hint != "" {
				t.Errorf("hint %q", m[len(m)-1].Hint)
			}
		})
	}
}

// A wrong message is told at once: the client may be waiting for an answer.
func TestAMissDoesNotWaitForTheEnd(t *testing.T) {
	x := load(t, Options{}, recorded(t, "auto", recordedCall(t, callURL, "> hi", "< hello", "> bye", "< goodbye", ".", "0")))
	c := dialCall(t.Context(), t, x, callURL)
	c.say("hi")
	c.expect("hello")
	c.say("what")
	if got := c.hear(); !strings.HasPrefix(got, "NOT_FOUND") || strings.Contains(got, "messages") {
		t.Errorf("got %q", got)
	}
}

func TestAPartOfAMessageIsNotTheMessage(t *testing.T) {
	x := load(t, Options{}, recorded(t, "auto", recordedCall(t, callURL, "> hi", "< hello", "> bye", "< goodbye", ".", "0")))
	c := dialCall(t.Context(), t, x, callURL)
	c.say("hi")
	c.expect("hello")
	c.says <- wire(t, "bye")[:grpcwire.PrefixSize+1]
	c.end()
	if got := c.hear(); !strings.HasPrefix(got, "NOT_FOUND") {
		t.Errorf("got %q", got)
	}
}

func TestCallsThatTheClientGaveUp(t *testing.T) {
	overdue := recordedCall(t, "http://h/pkg.Chat/Overdue", "> a", ".", "x")
	overdue.Failure.Side, overdue.Response = traffic.SideUpstream, nil // the server was faster
	overdue.Request.Header.Add("grpc-timeout", "22m")                  // of 30 ms
	broken := recordedCall(t, "http://h/pkg.Chat/Overdue", "> b", ".", "x")
	broken.Failure.Side = traffic.SideUpstream
	x := load(t, Options{}, recorded(t, "auto", overdue, broken,
		recordedCall(t, callURL, "> ticks", ".", "< 1", "< 2", "x"),
		recordedCall(t, "http://h/pkg.Chat/Slow", "> a", ".", "x"),
	))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := dialCall(ctx, t, x, callURL)
	c.say("ticks")
	c.end()
	c.expect("1", "2")
	slow := dialCall(ctx, t, x, "http://h/pkg.Chat/Slow")
	slow.say("a")
	slow.end()
	late := dialCall(ctx, t, x, "http://h/pkg.Chat/Overdue")
	late.say("a")
	late.end()
	time.AfterFunc(30*time.Millisecond, cancel)
	var failure *traffic.Failure
	if c.in.Next() || !errors.As(c.in.Err(), &failure) || failure.Side != traffic.SideClient {
		t.Errorf("the stream ended with %v", c.in.Err())
	}
	if err := <-slow.err; !errors.As(err, &failure) || failure.Side != traffic.SideClient {
		t.Errorf("the slow call ended with %v", err)
	}
	if err := <-late.err; !errors.As(err, &failure) || failure.Side != traffic.SideClient {
		t.Errorf("the overdue call ended with %v", err)
	}
	if s := x.Stats(); s.Failed != 1 || s.Exchanges != 3 {
		t.Errorf("stats %+v", s)
	}
}

// A call that was given up and made again is answered by what came of that.
func TestCallsGivenUpDoNotStandInTheWay(t *testing.T) {
	given := recordedCall(t, callURL, "> a", ".", "< 1", "x")
	answered := recordedCall(t, callURL, "> a", ".", "< 1", "< 2", "0")
	for name, calls := range map[string][]*traffic.Exchange{"before": {given, answered}, "behind": {answered, given}} {
		x := load(t, Options{}, recorded(t, "auto", calls...))
		ctx, cancel := context.WithCancel(t.Context())
		if name == "before" {
			c := dialCall(ctx, t, x, callURL)
			c.say("a")
			c.end()
			c.expect("1")
		}
		for range 2 {
			c := dialCall(ctx, t, x, callURL)
			c.say("a")
			c.end()
			c.expect("1", "2", "OK")
		}
		cancel()
	}
}

// A call that was given up before its message had passed says nothing of others.
func TestCallsGivenUpAtOnceAnswerNobody(t *testing.T) {
	unheard := recordedCall(t, callURL, "x")
	unheard.Response = nil
	x := load(t, Options{}, recorded(t, "auto", unheard, recordedCall(t, callURL, "x"), recordedCall(t, callURL, "> a", ".", "< 1", "0")))
	for range 2 {
		c := dialCall(t.Context(), t, x, callURL)
		c.say("a")
		c.end()
		c.expect("1", "OK")
	}
}

func TestRecordedTimingOfCalls(t *testing.T) {
	x := load(t, Options{Timing: Recorded}, recorded(t, "auto",
		recordedCall(t, callURL, "> hi", "< hello", "> bye", "< goodbye", ".", "0"),
		recordedCall(t, callURL, "> list", ".", "< a", "< b", "0"),
	))
	c := dialCall(t.Context(), t, x, callURL)
	c.say("list")
	c.end()
	began := time.Now()
	for i, want := range []string{"a", "b", "OK"} {
		c.expect(want)
		if took := time.Since(began); took < time.Duration(i+1)*10*time.Millisecond {
			t.Errorf("%s came after %v", want, took)
		}
	}
	c = dialCall(t.Context(), t, x, callURL)
	c.say("hi")
	c.expect("hello")
	time.Sleep(20 * time.Millisecond) // what the client takes does not count
	began = time.Now()
	c.say("bye")
	c.expect("goodbye")
	if took := time.Since(began); took < 10*time.Millisecond {
		t.Errorf("the second answer came after %v", took)
	}
	c.end()
	c.expect("OK")
}

func TestGRPCWebIsReplayed(t *testing.T) {
	call := recordedCall(t, callURL, "> one", ".", "< uno", "0")
	web := fields{{"content-type", "application/grpc-web+proto"}}
	call.Request.Header, call.Response.Header, call.Response.Trailer = web.traffic(), web.traffic(), nil
	x := load(t, Options{}, recorded(t, "auto", call))
	resp, body := ask(t, x, newRequest(t, "POST", callURL, web, string(wire(t, "one"))))
	if resp.Status != 200 || body != string(wire(t, "uno")) {
		t.Errorf("status %d, %q", resp.Status, body)
	}
	resp, _ = ask(t, x, newRequest(t, "POST", callURL, web, string(wire(t, "two"))))
	if status, ok := grpcwire.StatusIn(resp.Header); resp.Status != 200 || !ok || status.Code != grpcwire.CodeNotFound {
		t.Errorf("a miss: %d, %v", resp.Status, resp.Header)
	}
}

func BenchmarkUnaryCall(b *testing.B) {
	x := load(b, Options{}, recorded(b, "auto", recordedCall(b, callURL, "> one", ".", "< uno", "0")))
	req := newRequest(b, "POST", callURL, fields{{"content-type", "application/grpc"}}, "")
	said := wire(b, "one")
	b.ReportAllocs()
	for b.Loop() {
		req.Body, req.Length = io.NopCloser(bytes.NewReader(said)), -1
		resp, err := x.RoundTrip(b.Context(), req)
		if err != nil || resp.Source != traffic.SourceReplay || len(resp.Trailer) == 0 {
			b.Fatal(resp, err)
		}
	}
}
