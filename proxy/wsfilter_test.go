package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// filterFunc is what decides about the messages of every connection.
type filterFunc func(context.Context, *traffic.Frame, traffic.FrameWriter) (traffic.FrameVerdict, error)

// filter is a filterFunc for one connection.
type filter struct {
	decide filterFunc
	w      traffic.FrameWriter
}

func (f filter) Filter(ctx context.Context, m *traffic.Frame) (traffic.FrameVerdict, error) {
	return f.decide(ctx, m, f.w)
}

func filtering(f filterFunc) proxy.Options {
	return proxy.Options{Frames: func(_ context.Context, _ *traffic.Exchange, w traffic.FrameWriter) traffic.FrameFilter {
		return filter{f, w}
	}}
}

// marks says how describe's frames were treated.
func marks(events []traffic.Event) []string {
	var frames []string
	for _, e := range events {
		if f, ok := e.(traffic.FrameSeen); ok {
			s := describe(f.Frame)
			for _, m := range []struct {
				set  bool
				name string
			}{{f.Injected, " injected"}, {f.Dropped, " dropped"}, {f.Edited, fmt.Sprintf(" edited from %q", f.Original)}} {
				if m.set {
					s += m.name
				}
			}
			frames = append(frames, s)
		}
	}
	return frames
}

// byContent drops, replaces, injects around and closes as a message asks for.
func byContent(_ context.Context, m *traffic.Frame, w traffic.FrameWriter) (traffic.FrameVerdict, error) {
	back := traffic.Injection{Dir: 1 - m.Dir, Opcode: traffic.OpText, Payload: []byte("back")}
	same := traffic.Injection{Dir: m.Dir, Opcode: traffic.OpText, Payload: []byte("before")}
	switch string(m.Payload) {
	case "drop":
		return traffic.FrameVerdict{Drop: true}, nil
	case "edit":
		return traffic.FrameVerdict{Replace: true, Payload: []byte("edited")}, nil
	case "same":
		return traffic.FrameVerdict{Replace: true, Payload: []byte("SAME")}, nil
	case "around":
		after := same
		after.Payload = []byte("after")
		return traffic.FrameVerdict{After: []traffic.Injection{after}}, w.Inject(same)
	case "back":
		return traffic.FrameVerdict{Drop: true, After: []traffic.Injection{back}}, nil
	case "close":
		w.Close(3001, "rule")
	case "fail":
		return traffic.FrameVerdict{}, errors.New("broken rule")
	}
	return traffic.FrameVerdict{}, nil
}

// unmasked returns the frames that come with conn up to a text "end".
func readMessages(t *testing.T, c *nectest.Conn) []string {
	t.Helper()
	var got []string
	for {
		head := c.ReadN(2)
		n := int(head[1] & 0x7f)
		var key string
		if head[1]&0x80 != 0 {
			key = c.ReadN(4)
		}
		payload := []byte(c.ReadN(n))
		for i := range payload {
			if key != "" {
				payload[i] ^= key[i&3]
			}
		}
		got = append(got, fmt.Sprintf("%02x %s", head[0], payload))
		if string(payload) == "end" || head[0] == 0x88 {
			return got
		}
	}
}

// TestWebSocketFilter edits the messages of a client that does not compress.
func TestWebSocketFilter(t *testing.T) {
	got := make(chan []string, 1)
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.ReadHead()
		c.Send(wsAcceptFields + "\r\n")
		got <- readMessages(t, c)
		finish(c)
	})
	p := start(t, filtering(byContent), proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	fragments := "\x01\x82\x00\x00\x00\x00sa" + "\x80\x82\x00\x00\x00\x00me"
	client.Send(fromClient(1, "pass") + fromClient(1, "drop") + fromClient(1, "edit") + fragments +
		fromClient(1, "around") + fromClient(1, "back") + fromClient(2, "end"))
	want := []string{"81 pass", "81 edited", "01 SA", "80 ME", "81 before", "81 around", "81 after", "82 end"}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Errorf("the origin received (-want +got):\n%s", diff)
	}
	if got := client.ReadAll(); got != fromServer(1, "back") {
		t.Errorf("the client received %q", got)
	}
	client.Close()
	closedWS(t, p)
	wantFrames := []string{
		`up 1 "pass"`, `up 1 "drop" dropped`, `up 1 "edited" edited from "edit"`,
		`up 1 "SA" more edited from "sa"`, `up 0 "ME" edited from "me"`,
		`up 1 "before" injected`, `up 1 "around"`, `up 1 "after" injected`,
		`up 1 "back" dropped`, `down 1 "back" injected`, `up 2 "end"`,
	}
	if diff := cmp.Diff(wantFrames, marks(p.Events())); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}

// endsEarly is a connection of a layer whose other side ends it as soon as something
// is written to it, long before that write returns.
type endsEarly struct {
	ended chan struct{}
	once  *sync.Once
}

func (e endsEarly) Read([]byte) (int, error) {
	<-e.ended
	return 0, io.EOF
}

func (e endsEarly) Write(p []byte) (int, error) {
	_ = e.Close()
	time.Sleep(50 * time.Millisecond)
	return len(p), nil
}

func (e endsEarly) CloseWrite() error { return e.Close() }

func (e endsEarly) Close() error {
	e.once.Do(func() { close(e.ended) })
	return nil
}

// TestWebSocketFilterClosesBoth has the origin end the connection on necto's close
// frame before the client is sent its own.
func TestWebSocketFilterClosesBoth(t *testing.T) {
	opts := filtering(byContent)
	opts.Layers = []proxy.Layer{layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		accept := traffic.Fields{{Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"}, {Name: "Sec-WebSocket-Accept", Value: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}}
		return &traffic.Response{Status: 101, Proto: "HTTP/1.1", Header: accept, Body: endsEarly{make(chan struct{}), new(sync.Once)}}, nil
	})}
	p := start(t, opts, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(wsGet("a.test", "") + fromClient(1, "close"))
	client.ReadHead()
	if got, want := client.ReadAll(), fromServer(8, closeWith(3001, "rule")); got != want {
		t.Errorf("the client received %q, want %q", got, want)
	}
}

// TestWebSocketFilterCloses has a rule, and one that fails, close a connection.
func TestWebSocketFilterCloses(t *testing.T) {
	for content, want := range map[string]string{"close": closeWith(3001, "rule"), "fail": closeWith(1011, "")} {
		t.Run(content, func(t *testing.T) {
			got := make(chan []string, 1)
			origin := wsOrigin(t, "", "", "", func(c *nectest.Conn) {
				got <- readMessages(t, c)
				c.Send(fromServer(1, "late") + fromServer(8, want))
				c.ReadAll()
			})
			p := start(t, filtering(byContent), proxy.Listener{})
			client := wsDial(t, p, origin.Addr, fromClient(1, content))
			if got := client.ReadN(2 + len(want)); got != fromServer(8, want) {
				t.Errorf("the client received %q", got)
			}
			client.Send(fromClient(8, want))
			if got := client.ReadAll(); got != "" {
				t.Errorf("and then %q", got)
			}
			client.Close()
			if diff := cmp.Diff([]string{"88 " + want}, <-got); diff != "" {
				t.Errorf("the origin received (-want +got):\n%s", diff)
			}
			if closed := closedWS(t, p); closed.By != traffic.SideNecto || closed.Cause != "" {
				t.Errorf("closed %+v", closed)
			}
			dropped := 0
			for _, f := range marks(p.Events()) {
				if strings.HasSuffix(f, "dropped") {
					dropped++
				}
			}
			if dropped != 4 { // what the client said, "late" and two answers
				t.Errorf("frames %q", marks(p.Events()))
			}
		})
	}
}

// TestWebSocketFilterHolds lets pings and the other direction pass a message.
func TestWebSocketFilterHolds(t *testing.T) {
	resume := make(chan struct{})
	hold := func(ctx context.Context, m *traffic.Frame, _ traffic.FrameWriter) (traffic.FrameVerdict, error) {
		if m.Dir == traffic.ClientToServer {
			select {
			case <-resume:
			case <-ctx.Done():
			}
		}
		return traffic.FrameVerdict{}, nil
	}
	ping, held := fromClient(9, "p"), fromClient(1, "held")
	origin := wsOrigin(t, "", ping, fromServer(10, "p")+fromServer(1, "down"), func(c *nectest.Conn) {
		if got := c.ReadN(len(held)); got != held {
			t.Errorf("the origin received %q", got)
		}
		finish(c)
	})
	p := start(t, filtering(hold), proxy.Listener{})
	client := wsDial(t, p, origin.Addr, held+ping)
	if got, want := client.ReadN(9), fromServer(10, "p")+fromServer(1, "down"); got != want {
		t.Errorf("the client received %q", got)
	}
	close(resume)
	client.ReadAll()
	client.Close()
	closedWS(t, p)
	want := []string{`up 9 "p"`, `down 10 "p"`, `down 1 "down"`, `up 1 "held"`}
	if diff := cmp.Diff(want, framesOf(p.Events())); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}

// TestWebSocketFilterHoldEnds has a client leave while its message is held.
func TestWebSocketFilterHoldEnds(t *testing.T) {
	held := make(chan traffic.FrameWriter, 1)
	p := start(t, filtering(func(ctx context.Context, _ *traffic.Frame, w traffic.FrameWriter) (traffic.FrameVerdict, error) {
		held <- w
		<-ctx.Done()
		return traffic.FrameVerdict{}, ctx.Err()
	}), proxy.Listener{})
	origin := wsOrigin(t, "", "", "", func(c *nectest.Conn) { c.Ended(patience) })
	client := wsDial(t, p, origin.Addr, fromClient(1, "held"))
	w := <-held
	client.Reset()
	if closed := closedWS(t, p); closed.Code != 1006 || closed.By != traffic.SideClient {
		t.Errorf("closed %+v", closed)
	}
	if err := w.Inject(traffic.Injection{Opcode: traffic.OpText}); !errors.Is(err, traffic.ErrFramesClosed) {
		t.Errorf("injected: %v", err)
	}
	if err := w.Inject(traffic.Injection{Opcode: traffic.OpContinuation}); err == nil {
		t.Error("injected a continuation")
	}
	w.Close(1000, "")
}

// TestWebSocketFilterPassesBytes asks a filter that changes nothing, of frames
// that are right, wrong, cut and too large.
func TestWebSocketFilterPassesBytes(t *testing.T) {
	large := fromClient(2, strings.Repeat("x", 5<<20))
	for name, sent := range map[string]string{
		"large":           fromClient(1, "a") + large + fromClient(1, "b"),
		"large fragments": "\x01\x84aaaaabcd" + strings.Replace(large, "\x82", "\x80", 1) + fromClient(1, "b"),
		"cut":             fromClient(1, "a") + large[:100],
		"cut header":      fromClient(1, "a") + large[:5],
		"cut message":     "\x01\x84aaaaabcd" + fromClient(9, "ping") + "\x00\x84aaaaab",
		"wrong":           "\x80\x01x\x01\x01y\xf2\x01z\x83\x01z\x80\x7e\x00\x01x",
		"lost":            fromClient(1, "a") + "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff anything",
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 1)
			origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
				c.ReadHead()
				c.Send(wsAcceptFields + "\r\n")
				got <- c.ReadAll()
			})
			p := start(t, filtering(byContent), proxy.Listener{})
			client := wsDial(t, p, origin.Addr, "")
			client.Send(sent)
			client.CloseWrite()
			ordered := sent
			if name == "cut message" { // the ping does not wait
				ordered = fromClient(9, "ping") + "\x01\x84aaaaabcd\x00\x84aaaaab"
			}
			if got := <-got; got != ordered {
				t.Errorf("the origin received %d bytes, %.60q, want %d", len(got), got, len(ordered))
			}
			client.ReadAll()
			client.Close()
			closedWS(t, p)
		})
	}
}

// TestWebSocketFilterPeers edits compressed conversations, which go on.
func TestWebSocketFilterPeers(t *testing.T) {
	for _, names := range [][2]string{{"gorilla", "coder"}, {"coder", "gorilla"}, {"coder", "coder"}} {
		for _, dir := range []traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
			t.Run(fmt.Sprintf("%s to %s, %v", names[0], names[1], dir), func(t *testing.T) {
				testFilterPeers(t, libraries[names[0]], libraries[names[1]], dir)
			})
		}
	}
}

// editing returns a filter that drops each tenth message of a direction, replaces
// others, and injects one behind others, and what is then to come of sent.
func editing(sent []message, dir traffic.Direction) ([]message, proxy.Options) {
	injected := message{traffic.OpText, []byte("injected")}
	long := bytes.Repeat([]byte("replaced "), 300)
	sent[50] = message{traffic.OpText, bytes.Repeat([]byte("too large "), 500_000)}
	var want []message
	for i, m := range sent {
		switch i % 10 {
		case 1:
		case 2:
			want = append(want, message{m.opcode, long})
		case 3:
			want = append(want, m, injected)
		default:
			want = append(want, m)
		}
	}
	n := 0
	return want, filtering(func(_ context.Context, m *traffic.Frame, _ traffic.FrameWriter) (traffic.FrameVerdict, error) {
		if m.Dir != dir {
			return traffic.FrameVerdict{}, nil
		}
		if n++; n == 51 {
			n++ // it was not asked about
		}
		switch (n - 1) % 10 {
		case 1:
			return traffic.FrameVerdict{Drop: true}, nil
		case 2:
			return traffic.FrameVerdict{Replace: true, Payload: long}, nil
		case 3:
			return traffic.FrameVerdict{After: []traffic.Injection{{Dir: dir, Opcode: injected.opcode, Payload: injected.data}}}, nil
		}
		return traffic.FrameVerdict{}, nil
	})
}

// testFilterPeers edits a conversation.
func testFilterPeers(t *testing.T, client, server library, dir traffic.Direction) {
	sent := messages(1000)
	want, opts := editing(sent, dir)
	origin := httptest.NewServer(echo(server.serve, true))
	t.Cleanup(origin.Close)
	p, _ := intercepting(t, opts)
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr})}
	conn, err := client.dial(t.Context(), strings.Replace(origin.URL, "http", "ws", 1), &http.Client{Transport: transport}, true)
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		for _, m := range sent {
			if err := conn.write(m); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for i, want := range want {
		if got, err := conn.read(); err != nil || got.opcode != want.opcode || !bytes.Equal(got.data, want.data) {
			t.Fatalf("message %d is %d %.60q, %v, want %d %.60q", i, got.opcode, got.data, err, want.opcode, want.data)
		}
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if err := conn.close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if closed := closedWS(t, p); closed.Code != 1000 || closed.By != traffic.SideClient {
		t.Errorf("closed %+v", closed)
	}
}
