package proxy_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
)

// plainRelay is a relay that copies through a buffer and looks at nothing: what
// the others are compared with.
func plainRelay(t testing.TB, origin string) *nectest.RawServer {
	return nectest.NewRawServer(t, func(c *nectest.Conn) {
		_ = c.SetDeadline(time.Time{})
		far := dialRaw(origin)
		if far == nil {
			return
		}
		defer far.Close()
		go copyPlain(c, far)
		copyPlain(far, c)
	})
}

// copyPlain copies until one side ends, and ends the other.
func copyPlain(dst, src net.Conn) {
	_, _ = io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, make([]byte, 64<<10))
	dst.Close()
}

// wsAccepting is an origin that accepts connections, behind which then goes on.
func wsAccepting(t testing.TB, then func(*nectest.Conn)) *nectest.RawServer {
	return nectest.NewRawServer(t, func(c *nectest.Conn) {
		_ = c.SetDeadline(time.Time{})
		c.ReadHead()
		c.Send(wsAcceptFields + "\r\n")
		then(c)
	})
}

// wsConn opens a WebSocket connection to origin by way of addr, nil if that
// fails.
func wsConn(addr, origin string) net.Conn {
	conn := dialRaw(addr)
	if conn == nil {
		return nil
	}
	answer := make([]byte, len(wsAcceptFields)+2)
	if _, err := io.WriteString(conn, wsGet(origin, "")); err != nil {
		return nil
	}
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil
	}
	return conn
}

// wsRound is a text frame of a size from a client, and the same from a server.
type wsRound struct{ frame, reply []byte }

func newWSRound(size int) wsRound {
	content := strings.Repeat("x", size)
	return wsRound{[]byte(fromClient(1, content)), []byte(fromServer(1, content))}
}

// serve replies to each frame.
func (r wsRound) serve(c *nectest.Conn) {
	for buf := make([]byte, len(r.frame)); ; {
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		if _, err := c.Write(r.reply); err != nil {
			return
		}
	}
}

// do sends a frame and waits for the reply, through buf.
func (r wsRound) do(conn net.Conn, buf []byte) error {
	if _, err := conn.Write(r.frame); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, buf[:len(r.reply)])
	return err
}

// BenchmarkWebSocketEcho sends text frames of 128 bytes back and forth over 32
// connections: directly, through a plain relay, and through the proxy with an
// observer that ignores the frames.
func BenchmarkWebSocketEcho(b *testing.B) {
	round := newWSRound(128)
	origin := wsAccepting(b, round.serve)
	ways := map[string]string{
		"direct": origin.Addr,
		"copy":   plainRelay(b, origin.Addr).Addr,
		"relay":  start(b, proxy.Options{Observer: ignore{}}, proxy.Listener{}).addr,
	}
	for _, way := range []string{"direct", "copy", "relay"} {
		b.Run(way, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				conn := wsConn(ways[way], origin.Addr)
				if conn == nil {
					b.Error("no connection")
					return
				}
				defer conn.Close()
				for buf := make([]byte, len(round.reply)); pb.Next(); {
					if err := round.do(conn, buf); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkWebSocketStream sends frames in one direction as fast as they go:
// what a copy costs, and what the tap adds to it.
func BenchmarkWebSocketStream(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"128B", 128}, {"64KiB", 64 << 10}} {
		sent := []byte(fromClient(2, strings.Repeat("x", size.bytes)))
		for _, way := range []string{"copy", "relay"} {
			b.Run(size.name+"/"+way, func(b *testing.B) { benchStream(b, way, sent) })
		}
	}
}

func benchStream(b *testing.B, way string, frame []byte) {
	received := make(chan int64, 1)
	origin := wsAccepting(b, func(c *nectest.Conn) {
		n, _ := io.CopyBuffer(io.Discard, struct{ io.Reader }{c}, make([]byte, 256<<10))
		received <- n
	})
	addr := ""
	if way == "copy" {
		addr = plainRelay(b, origin.Addr).Addr
	} else {
		addr = start(b, proxy.Options{Observer: ignore{}}, proxy.Listener{}).addr
	}
	conn := wsConn(addr, origin.Addr)
	if conn == nil {
		b.Fatal("no connection")
	}
	burst := []byte(strings.Repeat(string(frame), max(1, (64<<10)/len(frame))))
	b.SetBytes(int64(len(burst)))
	b.ReportAllocs()
	var sent int64
	for b.Loop() {
		if _, err := conn.Write(burst); err != nil {
			b.Fatal(err)
		}
		sent += int64(len(burst))
	}
	conn.Close()
	if got := <-received; got != sent {
		b.Errorf("%d bytes of %d arrived", got, sent)
	}
}

// TestWebSocketAllocations has frames pass without any.
func TestWebSocketAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("pools forget what they hold under the race detector")
	}
	p := start(t, proxy.Options{Observer: ignore{}}, proxy.Listener{})
	for name, size := range map[string]int{"128B": 128, "64KiB": 64 << 10} {
		round := newWSRound(size)
		conn := wsConn(p.addr, wsAccepting(t, round.serve).Addr)
		if conn == nil {
			t.Fatal("no connection")
		}
		defer conn.Close()
		buf := make([]byte, len(round.reply))
		const limit = 0.5 // the pools may be emptied once or twice
		if n := testing.AllocsPerRun(500, func() {
			if err := round.do(conn, buf); err != nil {
				t.Fatal(err)
			}
		}); n > limit {
			t.Errorf("%s: %v allocations for a frame there and back", name, n)
		}
	}
}
