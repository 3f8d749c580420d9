package proxy_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// block encodes fields, given in pairs.
func block(pairs ...string) []byte {
	var out bytes.Buffer
	encoder := hpack.NewEncoder(&out)
	for i := 0; i < len(pairs); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return out.Bytes()
}

// getBlock is the head of a request.
func getBlock(more ...string) []byte {
	return block(append([]string{":method", "GET", ":scheme", "http", ":authority", "127.0.0.1:1", ":path", "/"}, more...)...)
}

// TestHTTP2BadClients ends connections that break the rules or are floods, and
// tells of each once.
func TestHTTP2BadClients(t *testing.T) {
	for name, c := range map[string]struct {
		send func(*http2.Framer)
		text string // of the event
	}{
		"frame too long": {func(f *http2.Framer) {
			_ = f.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 1<<20))
		}, "FRAME_SIZE_ERROR"},
		"even stream": {func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2, BlockFragment: getBlock(), EndHeaders: true, EndStream: true})
		}, "PROTOCOL_ERROR"},
		"bad compression": {func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff}, EndHeaders: true})
		}, "COMPRESSION_ERROR"},
		"window overflow": {func(f *http2.Framer) {
			_ = f.WriteWindowUpdate(0, 1<<31-1)
		}, "FLOW_CONTROL_ERROR"},
		"rapid reset": {func(f *http2.Framer) {
			for id := uint32(1); id < 100_000; id += 2 {
				if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: getBlock(), EndHeaders: true, EndStream: true}) != nil ||
					f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
					return
				}
			}
		}, "ENHANCE_YOUR_CALM"},
		"pings": {func(f *http2.Framer) {
			for range 1_000_000 {
				if f.WritePing(false, [8]byte{}) != nil {
					return
				}
			}
		}, "ENHANCE_YOUR_CALM"},
		"endless head": {func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: getBlock()})
			for range 1_000_000 {
				if f.WriteContinuation(1, false, block("a", strings.Repeat("b", 1000))) != nil {
					return
				}
			}
		}, "ENHANCE_YOUR_CALM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, proxy.Options{}, proxy.Listener{})
			conn := nectest.Dial(t, p.addr)
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			conn.Send(http2.ClientPreface)
			framer := http2.NewFramer(conn, nil)
			framer.AllowIllegalWrites = true
			_ = framer.WriteSettings()
			c.send(framer)
			if e := waitEvent[traffic.ClientError](t, p); !strings.Contains(e.Failure.Text, c.text) || e.Failure.Kind != traffic.FailProtocol {
				t.Errorf("event %+v: %s", e, e.Failure.Text)
			}
			conn.Close()
			_ = p.stop()
			if n := countEvents[traffic.ClientError](p); n != 1 {
				t.Errorf("%d events", n)
			}
		})
	}
}

func countEvents[E traffic.Event](p *running) int {
	n := 0
	for _, e := range p.Events() {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

// TestHTTP2BadPreface has a connection begin as HTTP/2 does and go on otherwise.
func TestHTTP2BadPreface(t *testing.T) {
	p := start(t, proxy.Options{}, proxy.Listener{})
	conn := nectest.Dial(t, p.addr)
	conn.Send("PRI * HTTP/2.0\r\n\r\nNO\r\n\r\n" + strings.Repeat("x", 100))
	conn.ReadAll()
	if e := waitEvent[traffic.ClientError](t, p); e.Failure.Kind != traffic.FailProtocol {
		t.Errorf("event %+v", e)
	}
}

// TestHTTP2BadRequests refuses requests that could mean something else in HTTP/1
// and lets the connection live.
func TestHTTP2BadRequests(t *testing.T) {
	p := start(t, proxy.Options{}, proxy.Listener{})
	conn := nectest.Dial(t, p.addr)
	conn.Send(http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	_ = framer.WriteSettings()
	for i, fields := range [][]string{
		{"transfer-encoding", "chunked"},
		{"connection", "close"},
		{"x", "a\r\nb: c"},
		{"x", "a\x00"},
		{"X", "a"},
		{"x y", "a"},
		{"content-length", "1"},
		{":late", "1"},
		{"te", "gzip"},
	} {
		id := uint32(2*i + 1)
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: getBlock(fields...), EndHeaders: true, EndStream: true})
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				t.Fatalf("%q: %v", fields, err)
			}
			if reset, ok := frame.(*http2.RSTStreamFrame); ok && reset.StreamID == id {
				if reset.ErrCode != http2.ErrCodeProtocol {
					t.Errorf("%q: %v", fields, reset.ErrCode)
				}
				break
			}
		}
	}
	conn.Close()
	_ = p.stop()
	if n := len(p.Exchanges()); n != 0 {
		t.Errorf("%d exchanges", n)
	}
	if n := countEvents[traffic.ClientError](p); n != 9 {
		t.Errorf("%d events", n)
	}
}

// TestHTTP2BadOrigins has origins that fail in the middle of things.
func TestHTTP2BadOrigins(t *testing.T) {
	for name, c := range map[string]struct {
		script func(*nectest.Conn)
		kind   traffic.FailureKind
	}{
		"leaves":         {func(*nectest.Conn) {}, traffic.FailEOF},
		"is no HTTP/2":   {func(c *nectest.Conn) { c.Send("HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat("x", 20)) }, traffic.FailProtocol},
		"leaves angrily": {goAway, traffic.FailReset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := c.script
			origin, pool := secureServerWith(t, onlyHTTP2, func(c *nectest.Conn) {
				c.ReadN(len(http2.ClientPreface))
				script(c)
			})
			p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}})
			client := engineClient(t, p, config, origin.Addr)
			head, text := receive(t, send(t, client, get2(origin.Addr, "/")))
			if head.Status() != 502 || !strings.HasPrefix(text, "necto: ") {
				t.Errorf("%d %q", head.Status(), text)
			}
			if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Kind != c.kind || x.Failure.Side != traffic.SideUpstream {
				t.Errorf("failure %+v", x.Failure)
			}
		})
	}
}

// goAway ends a connection with an error that is about no stream.
func goAway(c *nectest.Conn) {
	framer := http2.NewFramer(c, c)
	_ = framer.WriteSettings()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		if frame, ok := frame.(*http2.HeadersFrame); ok {
			_ = framer.WriteGoAway(frame.StreamID, http2.ErrCodeInternal, []byte("no more"))
			return
		}
	}
}

// TestHTTP2SlowClient has a client that reads nothing slow its origin, which has
// sent no more than what fits between the two.
func TestHTTP2SlowClient(t *testing.T) {
	const window = 64 << 10
	sent := make(chan int, 1<<16)
	addr, network := engineOrigin(t, h2.Config{}, func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(200, nil))
		for piece := make([]byte, 16<<10); ; {
			if _, err := st.Write(piece); err != nil {
				return
			}
			sent <- len(piece)
		}
	})
	p, config := intercepting(t, proxy.Options{Network: network, MaxBody: window})
	config = withName(config, "127.0.0.1")
	config.NextProtos = []string{"h2"}
	tunnelled := tunnel(t, p, addr, "").StartTLS(config)
	_ = tunnelled.SetDeadline(time.Time{})
	client := h2.Client(tunnelled, h2.Config{StreamWindow: window})
	ended := make(chan struct{})
	go func() { defer close(ended); _ = client.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() { client.Close(); <-ended })
	st := send(t, client, get2(addr, "/"))
	total, quiet := 0, time.NewTimer(300*time.Millisecond)
	for waiting := true; waiting; {
		select {
		case n := <-sent:
			total += n
			quiet.Reset(300 * time.Millisecond)
		case <-quiet.C:
			waiting = false
		}
	}
	if total > 6<<20 {
		t.Errorf("the origin has sent %d bytes to a client that reads none", total)
	}
	if n, err := io.CopyN(io.Discard, st, int64(total)); n != int64(total) {
		t.Errorf("read %d bytes of %d: %v", n, total, err)
	}
}
