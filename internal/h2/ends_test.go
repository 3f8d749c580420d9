package h2_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/necto-dev/necto/internal/h2"
)

// open opens a stream, which is closed when the test ends.
func (r *running) open(t testing.TB, head h2.Head) *h2.Stream {
	t.Helper()
	s, err := r.Open(t.Context(), head)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// checkReset fails the test if err is not that of a stream reset with code.
func checkReset(t testing.TB, err error, code h2.Code, remote bool) {
	t.Helper()
	e, ok := errors.AsType[*h2.StreamError](err)
	if !ok || e.Code != code || e.Remote != remote {
		t.Errorf("got %v, want a reset with %v, remote %v", err, code, remote)
	}
}

func TestCodesOfResetsPassBothWays(t *testing.T) {
	streams := make(chan *h2.Stream, 1)
	client, _ := pair(t, h2.Config{}, h2.Config{}, upload(streams))
	for _, code := range []h2.Code{h2.CodeNo, h2.CodeCancel, h2.CodeHTTP11Required, 0xdead} {
		ours := client.open(t, post("/"))
		theirs := <-streams
		ours.Reset(code)
		<-theirs.Context().Done()
		_, err := theirs.Read(make([]byte, 1))
		checkReset(t, err, code, true)
		checkReset(t, context.Cause(theirs.Context()), code, true)
		checkReset(t, theirs.WriteHead(h2.ResponseHead(200, nil)), code, true)
		_, err = ours.ReadHead(t.Context())
		checkReset(t, err, code, false)

		ours = client.open(t, post("/"))
		(<-streams).Reset(code)
		_, err = ours.ReadHead(t.Context())
		checkReset(t, err, code, true)
		<-ours.Context().Done()
		_, err = ours.Write([]byte("x"))
		checkReset(t, err, code, true)
		if h2.IsUnprocessed(err) {
			t.Error("a stream that had a handler may be sent again")
		}
	}
}

func TestHandlersThatReturnEndTheirStream(t *testing.T) {
	client, _ := pair(t, h2.Config{}, h2.Config{}, func(s *h2.Stream) {
		switch s.Head().Pseudo.Get(":path") {
		case "/early":
			_ = s.WriteHead(h2.ResponseHead(413, nil))
			_, _ = s.WriteLast([]byte("enough"))
		case "/half":
			_ = s.WriteHead(h2.ResponseHead(200, nil))
			_, _ = s.Write([]byte("half"))
		}
	})
	s := client.open(t, post("/early"))
	if head, err := s.ReadHead(t.Context()); err != nil || head.Status() != 413 {
		t.Errorf("head %v, %v", head, err)
	}
	<-s.Context().Done() // by RST_STREAM
	if content, err := io.ReadAll(s); err != nil || string(content) != "enough" {
		t.Errorf("read %q, %v", content, err)
	}
	_, err := s.Write([]byte("x"))
	checkReset(t, err, h2.CodeNo, true)

	s = client.open(t, get("/half"))
	content, err := io.ReadAll(s)
	checkReset(t, err, h2.CodeInternal, true)
	if string(content) != "half" {
		t.Errorf("read %q", content)
	}
	_, err = client.open(t, get("/none")).ReadHead(t.Context())
	checkReset(t, err, h2.CodeInternal, true)
}

func TestRequestsThatMayBeSentAgain(t *testing.T) {
	p, c := origin(t, h2.Config{})
	first, second, third := c.open(t, get("/1")), c.open(t, get("/2")), c.open(t, get("/3"))
	for range 3 {
		p.await(http2.FrameHeaders)
	}
	p.must(p.framer.WriteRSTStream(3, h2.CodeRefusedStream))
	if _, err := second.ReadHead(t.Context()); !h2.IsUnprocessed(err) {
		t.Errorf("a stream that was refused: %v", err)
	}
	p.must(p.framer.WriteGoAway(1<<31-1, h2.CodeNo, nil)) // the first of two
	p.sync()
	if _, err := c.Open(t.Context(), get("/4")); !h2.IsUnprocessed(err) || c.CanOpen() {
		t.Errorf("a stream behind a GOAWAY: %v", err)
	}
	p.must(p.framer.WriteGoAway(1, h2.CodeNo, nil))
	if _, err := third.ReadHead(t.Context()); !h2.IsUnprocessed(err) {
		t.Errorf("a stream above the last: %v", err)
	}
	p.headers(1, true, ":status", "200")
	if head, err := first.ReadHead(t.Context()); err != nil || head.Status() != 200 {
		t.Errorf("head %v, %v", head, err)
	}
	if err := c.result(t); err != nil {
		t.Errorf("the connection was drained, and Run returned %v", err)
	}
}

func TestWhyConnectionsEnd(t *testing.T) {
	tests := []struct {
		name string
		end  func(*peer, *running)
		want string // "" for no error
	}{
		{"by the peer between streams", func(p *peer, _ *running) {
			p.must(p.framer.WriteRSTStream(1, h2.CodeCancel))
			p.conn.Close()
		}, ""},
		{"by the peer inside one", func(p *peer, _ *running) { p.conn.Close() }, "read: unexpected EOF"},
		{"by the peer inside a frame", func(p *peer, _ *running) {
			p.send([]byte{0, 0, 8})
			p.conn.Close()
		}, "read: unexpected EOF"},
		{"by a GOAWAY", func(p *peer, _ *running) {
			p.must(p.framer.WriteGoAway(1, h2.CodeInternal, []byte("tired")))
			p.conn.Close()
		}, `the peer has ended the connection (GOAWAY): INTERNAL_ERROR: "tired"`},
		{"by a GOAWAY that is content", func(p *peer, _ *running) {
			p.must(p.framer.WriteGoAway(1, h2.CodeNo, nil))
			p.must(p.framer.WriteRSTStream(1, h2.CodeCancel))
		}, ""},
		{
			"by a rule that was broken", func(p *peer, _ *running) { p.send(raw(http2.FrameHeaders, 5, 2)) },
			"PROTOCOL_ERROR: HEADERS on stream 2, which we have not opened",
		},
		{"by Close", func(_ *peer, c *running) { c.Close() }, ""},
		{"by Abort", func(_ *peer, c *running) { c.Abort(h2.CodeInternal, "bye") }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			streams := make(chan *h2.Stream, 1)
			p, c := against(t, h2.Config{}, upload(streams))
			p.headers(1, false, request...)
			<-streams
			p.sync() // a close with something unread would be a reset
			test.end(p, c)
			got := ""
			if err := c.result(t); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("Run returned %q, want %q", got, test.want)
			}
		})
	}
}

func TestAbortTellsThePeerWhy(t *testing.T) {
	streams := make(chan *h2.Stream, 1)
	p, c := against(t, h2.Config{}, upload(streams))
	p.headers(1, false, request...)
	s := <-streams
	c.Abort(h2.CodeInadequateSecurity, "a reason")
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, h2.ErrClosed) {
		t.Errorf("the stream ended with %v", err)
	}
	if f := p.awaitGoAway(h2.CodeInadequateSecurity); f.text != "a reason" || f.value != 1 {
		t.Errorf("got %v", f)
	}
	<-c.Done()
	if err := c.Ping(t.Context()); !errors.Is(err, h2.ErrClosed) {
		t.Errorf("Ping: %v", err)
	}
	if _, err := c.PeerSettings(t.Context()); err != nil {
		t.Errorf("PeerSettings: %v", err)
	}
}

func TestShutdownWaitsForStreams(t *testing.T) {
	streams := make(chan *h2.Stream, 2)
	p, c := against(t, h2.Config{}, upload(streams))
	p.headers(1, true, request...)
	s := <-streams
	done := make(chan error, 1)
	go func() { done <- c.Shutdown(t.Context()) }()
	if f := p.await(http2.FrameGoAway); f.value != 1<<31-1 || f.code != h2.CodeNo {
		t.Errorf("first GOAWAY: %v", f)
	}
	p.await(http2.FramePing)
	p.headers(3, true, request...) // sent before the peer knew
	late := <-streams
	p.must(p.framer.WritePing(true, [8]byte{7: 1}))
	if f := p.await(http2.FrameGoAway); f.value != 3 || f.code != h2.CodeNo {
		t.Errorf("second GOAWAY: %v", f)
	}
	p.headers(5, true, request...)
	p.awaitReset(5, h2.CodeRefusedStream)
	for _, s := range []*h2.Stream{s, late} {
		if err := s.WriteHead(h2.ResponseHead(200, nil).Ended()); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := c.result(t); err != nil {
		t.Error(err)
	}
}

func TestShutdownWithoutStreamsIsQuick(t *testing.T) {
	client, server := pair(t, h2.Config{}, h2.Config{}, echo)
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := client.result(t); err != nil {
		t.Errorf("the client ended with %v", err)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
	client, server = pair(t, h2.Config{}, h2.Config{}, echo)
	if err := client.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := server.result(t); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	client, server := pair(t, h2.Config{}, h2.Config{}, wait)
	s := client.open(t, get("/"))
	if err := client.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := s.ReadHead(t.Context()); err == nil {
		t.Error("the stream is still open")
	}
}

func TestOpenWaitsForAStream(t *testing.T) {
	p, c := origin(t, h2.Config{}, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
	if s, err := c.PeerSettings(t.Context()); err != nil || s.MaxStreams != 1 {
		t.Fatalf("settings %v, %v", s, err)
	}
	first := c.open(t, get("/"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Open(ctx, get("/")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	opened := make(chan *h2.Stream)
	for range 3 {
		go func() {
			s, err := c.Open(context.Background(), get("/"))
			if err != nil {
				t.Error(err)
			}
			opened <- s
		}()
	}
	time.Sleep(10 * time.Millisecond)
	if n := c.Streams(); n != 1 {
		t.Errorf("%d streams are open", n)
	}
	first.Close()
	(<-opened).Close()
	s := <-opened
	p.must(p.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2}))
	(<-opened).Close()
	s.Close()
}

func TestServersThatSayNoLimitHaveNone(t *testing.T) {
	p, c := origin(t, h2.Config{})
	if s, err := c.PeerSettings(t.Context()); err != nil || s.MaxStreams != math.MaxUint32 {
		t.Fatalf("settings %v, %v", s, err)
	}
	for range 150 {
		c.open(t, get("/"))
		p.await(http2.FrameHeaders)
	}
}

func TestPreface(t *testing.T) {
	tests := map[string]string{
		"HTTP/1.1":          "GET / HTTP/1.1\r\n\r\n",
		"not all of it":     "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
		"no SETTINGS":       http2.ClientPreface + string(raw(http2.FramePing, 0, 0, make([]byte, 8)...)),
		"acknowledged only": http2.ClientPreface + string(raw(http2.FrameSettings, 1, 0)),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			ours, theirs := connect(t)
			c := run(t, h2.Server(ours, h2.Config{}, echo))
			if _, err := io.WriteString(theirs, text); err != nil {
				t.Fatal(err)
			}
			err := c.result(t)
			if e, ok := errors.AsType[*h2.ConnError](err); !ok || e.Code != h2.CodeProtocol {
				t.Errorf("Run returned %v", err)
			}
			answer, _ := io.ReadAll(theirs)
			if !strings.Contains(string(answer), "\x07\x00\x00\x00\x00\x00") { // GOAWAY
				t.Errorf("the client got %q", answer)
			}
		})
	}
}

// bare is a connection that cannot be closed in one direction.
type bare struct{ net.Conn }

// TestReasonsArriveWhateverIsUnread has a peer told why it is sent away while more
// of it is under way than was read.
func TestReasonsArriveWhateverIsUnread(t *testing.T) {
	ours, theirs := connect(t)
	run(t, h2.Server(bare{ours}, h2.Config{}, wait))
	p := newPeer(t, theirs, true)
	p.hostile = true
	p.headers(2, true, request...)
	p.send(make([]byte, 200_000))
	p.awaitGoAway(h2.CodeProtocol)
}

// TestWhatFollowsAGoAwayIsNoReset has a peer send on behind its GOAWAY, which must
// not be answered with a reset.
func TestWhatFollowsAGoAwayIsNoReset(t *testing.T) {
	for range 50 {
		p, _ := against(t, h2.Config{}, func(*h2.Stream) {})
		p.hostile = true
		p.must(p.framer.WriteGoAway(0, h2.CodeNo, nil))
		for range 20 {
			p.must(p.framer.WritePing(false, [8]byte{}))
		}
		if _, err := io.Copy(io.Discard, p.conn); err != nil {
			t.Fatalf("the connection ended with %v", err)
		}
	}
}
