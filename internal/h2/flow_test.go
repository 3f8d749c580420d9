package h2_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/necto-dev/necto/internal/h2"
)

// upload is a handler that gives the test its stream and waits for its end.
func upload(streams chan *h2.Stream) func(*h2.Stream) {
	return func(s *h2.Stream) {
		streams <- s
		wait(s)
	}
}

// data sends n bytes of content in frames as large as may be.
func (p *peer) data(stream uint32, n int) {
	p.t.Helper()
	for n > 0 {
		size := min(n, 16<<10)
		p.must(p.framer.WriteData(stream, false, make([]byte, size)))
		n -= size
	}
}

// credit sums up what frames give to a stream, 0 for the connection.
func credit(frames []frame, stream uint32) int {
	sum := 0
	for _, f := range frames {
		if f.kind == http2.FrameWindowUpdate && f.stream == stream {
			sum += int(f.value)
		}
	}
	return sum
}

// discard reads n bytes.
func discard(t *testing.T, r io.Reader, n int64) {
	t.Helper()
	if _, err := io.CopyN(io.Discard, r, n); err != nil {
		t.Fatal(err)
	}
}

func TestSendersGetCreditForWhatWasRead(t *testing.T) {
	const window = 80_000
	streams := make(chan *h2.Stream, 1)
	p, _ := against(t, h2.Config{StreamWindow: window}, upload(streams))
	p.headers(1, false, request...)
	s := <-streams
	p.data(1, window)
	if got := credit(p.sync(), 1); got != 0 {
		t.Errorf("credit of %d for content that nobody has read", got)
	}
	for read := window / 8; read <= window; read += window / 8 {
		discard(t, s, window/8)
		p.sync()
		// Credit comes in pieces of a quarter of the window.
		if got := credit(p.got, 1); got > read || got <= read-window/4 {
			t.Errorf("credit of %d for %d bytes read", got, read)
		}
	}
	p.data(1, credit(p.got, 1))
	p.must(p.framer.WriteData(1, false, []byte("x")))
	p.awaitReset(1, h2.CodeFlowControl)
}

func TestPaddingIsPaidBack(t *testing.T) {
	streams := make(chan *h2.Stream, 1)
	p, _ := against(t, h2.Config{StreamWindow: 1000, ConnWindow: 65_535}, upload(streams))
	p.headers(1, false, request...)
	s := <-streams
	p.sync() // our settings are acknowledged
	for range 1000 {
		p.must(p.framer.WriteDataPadded(1, false, []byte("x"), make([]byte, 255)))
		discard(t, s, 1)
		p.sync()
	}
	if got := credit(p.got, 1); got < 1000*257-1000 {
		t.Errorf("credit of %d for %d bytes on the stream", got, 1000*257)
	}
	if got := credit(p.got, 0); got < 1000*257-65_535 {
		t.Errorf("credit of %d for %d bytes on the connection", got, 1000*257)
	}
}

func TestStreamsThatNobodyReadsDoNotStopOthers(t *testing.T) {
	const window, size = 65_535, 1 << 20
	cfg := h2.Config{StreamWindow: window, ConnWindow: window, MaxBuffered: 4 * window}
	client, _ := pair(t, h2.Config{}, cfg, func(s *h2.Stream) {
		if s.Head().Pseudo.Get(":path") == "/moving" {
			_, _ = io.CopyN(io.Discard, s, size)
			return
		}
		wait(s)
	})
	for range 2 {
		if _, err := client.open(t, post("/stalled")).Write(make([]byte, window)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := client.open(t, post("/moving")).Write(make([]byte, size)); n != size {
		t.Errorf("sent %d bytes beside two streams that stall, %v", n, err)
	}
}

func TestUnreadContentIsBounded(t *testing.T) {
	const window, limit = 65_535, 3 * 65_535
	streams := make(chan *h2.Stream, 8)
	p, _ := against(t, h2.Config{StreamWindow: window, ConnWindow: window, MaxBuffered: limit}, upload(streams))
	sent := 0
	for id := uint32(1); id <= 5; id += 2 {
		p.headers(id, false, request...)
		p.data(id, window)
		sent += window
		p.sync()
		if left := window + credit(p.got, 0) - sent; left < 0 || sent+left > limit {
			t.Fatalf("after %d bytes the peer may send %d more", sent, left)
		}
	}
	if left := window + credit(p.got, 0) - sent; left != 0 {
		t.Errorf("%d bytes lie unread, and the peer may send %d", sent, left)
	}
	discard(t, <-streams, window) // whichever it is
	p.sync()
	if left := window + credit(p.got, 0) - sent; left != window {
		t.Errorf("the peer may send %d after as much was read as the window has", left)
	}
	(<-streams).Reset(h2.CodeCancel)
	p.sync()
	p.must(p.framer.WriteRSTStream((<-streams).ID(), h2.CodeCancel))
	p.sync()
	if left := window + credit(p.got, 0) - sent; left != window {
		t.Errorf("the peer may send %d with nothing unread", left)
	}
}

func TestWindowsBeforeTheyAreKnown(t *testing.T) {
	ours, theirs := connect(t)
	streams := make(chan *h2.Stream, 1)
	run(t, h2.Server(ours, h2.Config{StreamWindow: 1000}, upload(streams)))
	p := newPeer(t, theirs, true)
	p.headers(1, false, request...)
	p.data(1, 65_535) // all that a stream begins with
	s := <-streams
	p.must(p.framer.WriteSettingsAck()) // from here on it is 1000 - 65535
	discard(t, s, 65_535)
	p.sync()
	left := 1000 - 65_535 + credit(p.got, 1)
	if left <= 1000-1000/4 || left > 1000 {
		t.Errorf("the peer may send %d when all is read, want about 1000", left)
	}
	p.data(1, left)
	p.data(1, 1)
	p.awaitReset(1, h2.CodeFlowControl)
}

func TestWindowsMayShrinkBelowZero(t *testing.T) {
	p, c := origin(t, h2.Config{})
	s, err := c.Open(t.Context(), post("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := s.Write(make([]byte, 70_000))
		sent <- err
	}()
	got := 0
	for got < 65_535 {
		got += len(p.await(http2.FrameData).text)
	}
	p.must(p.framer.WriteWindowUpdate(0, 1<<20))
	p.must(p.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	p.must(p.framer.WriteWindowUpdate(1, 65_535)) // 0 now
	for _, f := range p.sync() {
		if f.kind == http2.FrameData {
			t.Errorf("%d bytes came without a window", len(f.text))
		}
	}
	p.must(p.framer.WriteWindowUpdate(1, 1))
	if f := p.await(http2.FrameData); len(f.text) != 1 {
		t.Errorf("%d bytes came for a window of 1", len(f.text))
	}
	p.must(p.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100_000}))
	for got++; got < 70_000; {
		got += len(p.await(http2.FrameData).text)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestFramesAreAsLongAsThePeerTakes(t *testing.T) {
	p, _ := against(t, h2.Config{}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, nil))
		_, _ = s.Write(nil)
		_, _ = s.WriteLast(make([]byte, 40_000))
	})
	p.headers(1, true, request...)
	var sizes []int
	for {
		f := p.await(http2.FrameData)
		sizes = append(sizes, len(f.text))
		if f.flags.Has(http2.FlagDataEndStream) {
			break
		}
	}
	if want := []int{16_384, 16_384, 7_232}; !slices.Equal(sizes, want) {
		t.Errorf("frames of %v, want %v", sizes, want)
	}
}

func TestTheEndTakesNoFrameOfItsOwn(t *testing.T) {
	held := make(chan struct{})
	p, _ := against(t, h2.Config{}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, nil))
		_, _ = s.Write([]byte("first"))
		<-held // until that is on its way
		_, _ = s.Write([]byte("second"))
		_ = s.CloseWrite(nil)
	})
	alone := 0
	for id := uint32(1); id < 100; id += 2 {
		p.headers(id, true, request...)
		if f := p.await(http2.FrameData); f.text != "first" || f.flags.Has(http2.FlagDataEndStream) {
			t.Errorf("got %v", f)
		}
		held <- struct{}{}
		f := p.await(http2.FrameData)
		if f.text != "second" {
			t.Errorf("got %v", f)
		}
		if !f.flags.Has(http2.FlagDataEndStream) {
			alone++
			p.await(http2.FrameData)
		}
	}
	if alone > 40 { // where the writer was quicker than the handler
		t.Errorf("%d of 50 ends came in a frame of their own", alone)
	}
}

func TestStreamsTakeTurns(t *testing.T) {
	const streams, each = 8, 1 << 20
	client, _ := pair(t, h2.Config{StreamWindow: each}, h2.Config{}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, nil))
		_, _ = s.WriteLast(make([]byte, each))
	})
	var mu sync.Mutex
	got := map[int]int{}
	least := each
	var wait sync.WaitGroup
	for i := range streams {
		s, err := client.Open(t.Context(), get("/"))
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			defer s.Close()
			buf := make([]byte, 16<<10)
			for {
				n, err := s.Read(buf)
				mu.Lock()
				if got[i] += n; got[i] == each && len(got) == streams {
					for _, other := range got {
						least = min(least, other)
					}
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	if least < each/8 {
		t.Errorf("one stream was done when another had %d of %d bytes", least, each)
	}
}

func TestWritesThatWaitEndWithTheirStream(t *testing.T) {
	ends := map[string]func(*peer, *h2.Stream, *running){
		"reset by us":        func(_ *peer, s *h2.Stream, _ *running) { s.Reset(h2.CodeInternal) },
		"closed":             func(_ *peer, s *h2.Stream, _ *running) { s.Close() },
		"reset by the peer":  func(p *peer, s *h2.Stream, _ *running) { p.must(p.framer.WriteRSTStream(s.ID(), h2.CodeCancel)) },
		"connection aborted": func(_ *peer, _ *h2.Stream, c *running) { c.Abort(h2.CodeInternal, "") },
		"peer gone":          func(p *peer, _ *h2.Stream, _ *running) { p.conn.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			p, c := origin(t, h2.Config{}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			if _, err := c.PeerSettings(t.Context()); err != nil {
				t.Fatal(err)
			}
			s, err := c.Open(t.Context(), post("/"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p.await(http2.FrameHeaders)
			time.AfterFunc(20*time.Millisecond, func() { end(p, s, c) })
			if n, err := s.Write([]byte("x")); err == nil || n > 0 {
				t.Errorf("wrote %d bytes, %v", n, err)
			}
			if _, err := s.ReadHead(t.Context()); err == nil {
				t.Error("a head was read")
			}
		})
	}
}

func TestContentBeforeAResetIsStillRead(t *testing.T) {
	p, c := origin(t, h2.Config{})
	s, err := c.Open(t.Context(), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p.await(http2.FrameHeaders)
	p.headers(1, false, ":status", "200")
	p.must(p.framer.WriteData(1, false, []byte("hello")))
	p.must(p.framer.WriteRSTStream(1, h2.CodeInternal))
	<-s.Context().Done()
	if head, err := s.ReadHead(t.Context()); err != nil || head.Status() != 200 {
		t.Errorf("head %v, %v", head, err)
	}
	content, err := io.ReadAll(s)
	if e, ok := errors.AsType[*h2.StreamError](err); !ok || e.Code != h2.CodeInternal || !e.Remote || !bytes.Equal(content, []byte("hello")) {
		t.Errorf("read %q, %v", content, err)
	}
}

func TestReadHeadLeavesTheStreamWhenItsContextEnds(t *testing.T) {
	p, c := origin(t, h2.Config{})
	s, err := c.Open(t.Context(), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p.await(http2.FrameHeaders)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.ReadHead(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	p.headers(1, true, ":status", "200")
	if head, err := s.ReadHead(t.Context()); err != nil || head.Status() != 200 {
		t.Errorf("head %v, %v", head, err)
	}
}
