//go:build unix

package proxy_test

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// maxIdleWebSocket is how many bytes an idle connection may cost, both of its
// sides and what is told of it included.
const maxIdleWebSocket = 40 << 10

// memoryInUse is what heap and stacks hold.
func memoryInUse() int64 {
	runtime.GC()
	runtime.GC() // what was in pools goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// idleWebSockets opens n connections to origin by way of addr, has a frame pass
// each and returns what memory each costs, both ends included.
func idleWebSockets(t *testing.T, n int, addr, origin string, round wsRound) int64 {
	t.Helper()
	before := memoryInUse()
	conns := connectAll(t, addr, n)
	failed := make(chan error, n)
	each(n, func(i int) { failed <- shakeAndIdle(conns[i], origin, round) })
	for range n {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(50 * time.Millisecond) // the last goroutines come to rest
	cost := (memoryInUse() - before) / int64(n)
	for _, c := range conns {
		c.Close()
	}
	return cost
}

// shakeAndIdle does a handshake and one round.
func shakeAndIdle(conn net.Conn, origin string, round wsRound) error {
	_ = conn.SetDeadline(time.Now().Add(patience))
	defer conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, wsGet(origin, "")); err != nil {
		return err
	}
	buf := make([]byte, max(len(wsAcceptFields)+2, len(round.reply)))
	if _, err := io.ReadFull(conn, buf[:len(wsAcceptFields)+2]); err != nil {
		return err
	}
	return round.do(conn, buf)
}

// TestWebSocketIdle holds what idle connections cost, counted apart from their
// two ends, which are in the same process.
func TestWebSocketIdle(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("measures memory")
	}
	round := newWSRound(10 << 10) // more than an idle direction holds
	for _, want := range []int{1000, maxConnections} {
		n := connections(t, want, 4)
		origin := wsAccepting(t, round.serve)
		ends := idleWebSockets(t, n, origin.Addr, origin.Addr, round)
		p := start(t, proxy.Options{Observer: ignore{}}, proxy.Listener{})
		all := idleWebSockets(t, n, p.addr, origin.Addr, round)
		t.Logf("%d connections: %d bytes for each, and %d for its two ends", n, all-ends, ends)
		if all-ends > maxIdleWebSocket {
			t.Errorf("an idle connection costs %d bytes", all-ends)
		}
	}
}

// TestWebSocketHugeFrame has a frame pass that is larger than what may be held.
func TestWebSocketHugeFrame(t *testing.T) {
	if testing.Short() {
		t.Skip("sends a frame of 1 GiB")
	}
	const size = 1 << 30
	head := "\x82\x7f\x00\x00\x00\x00\x40\x00\x00\x00"
	origin := wsOrigin(t, "", "", head, func(c *nectest.Conn) {
		piece := make([]byte, 1<<20)
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		for range size / len(piece) {
			if _, err := c.Write(piece); err != nil {
				t.Error(err)
				return
			}
		}
		finish(c)
	})
	before := memoryInUse()
	p := start(t, proxy.Options{MaxBody: 1 << 20}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	_ = client.SetDeadline(time.Now().Add(time.Minute))
	n, peak := int64(0), int64(0)
	for piece := make([]byte, 1<<20); ; {
		k, err := client.Read(piece)
		n += int64(k)
		if n%(64<<20) < int64(k) {
			peak = max(peak, memoryInUse()-before)
		}
		if err != nil {
			break
		}
	}
	client.Close()
	closedWS(t, p)
	f := waitEvent[traffic.FrameSeen](t, p).Frame
	if n != size+int64(len(head)) || f.Size != size || len(f.Payload) != 1<<20 || len(f.SHA256) == 0 {
		t.Errorf("%d bytes arrived; frame of %d, %d kept", n, f.Size, len(f.Payload))
	}
	const limit = 32 << 20
	if peak > limit {
		t.Errorf("%d MiB were held", peak>>20)
	}
}
