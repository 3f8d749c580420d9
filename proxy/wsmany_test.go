//go:build unix

package proxy_test

import (
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// How many bytes an idle connection may cost, both of its sides and what is told
// of it included.
const (
	maxIdleWebSocket = 40 << 10
	// Each side has a buffer of package crypto/tls besides, for records as large
	// as the largest that came.
	maxIdleSecure = 100 << 10
	// Each direction remembers 32 KiB, which later messages may refer to.
	maxIdleTakeover = 110 << 10
)

// idleKind is a kind of connection that may be idle.
type idleKind struct {
	name   string
	round  wsRound
	accept string // fields of the origin's answer
	secure bool
	count  int   // how many to open
	limit  int64 // of what one may cost
}

// idleKinds have had more pass than an idle direction holds.
func idleKinds() []idleKind {
	content := strings.Repeat("x", 10<<10)
	compressed := wsRound{[]byte(deflated(traffic.ClientToServer)), []byte(deflated(traffic.ServerToClient))}
	return []idleKind{
		{name: "ws", round: newWSRound(len(content)), count: maxConnections, limit: maxIdleWebSocket},
		{name: "wss", round: newWSRound(len(content)), secure: true, count: 1000, limit: maxIdleSecure},
		{name: "takeover", round: compressed, accept: "Sec-WebSocket-Extensions: permessage-deflate\r\n", count: 1000, limit: maxIdleTakeover},
	}
}

// deflated is a compressed message of 64 KiB, which fills the window of its
// direction.
func deflated(dir traffic.Direction) string {
	content := make([]byte, 64<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	for i := range content {
		content[i] = "abcd"[content[i]&3]
	}
	payload, _ := wsframe.AppendDeflate(nil, content, wsframe.Compression{WindowBits: 15})
	h := wsframe.Header{Fin: true, RSV: wsframe.RSV1, Opcode: wsframe.OpText, Masked: dir == traffic.ClientToServer}
	return string(wsframe.AppendFrame(nil, h, payload))
}

// idleWebSockets opens n connections by way of connect, has a frame pass each and
// returns what memory each costs, both ends included.
func (k idleKind) idleWebSockets(t *testing.T, n int, request string, connect func() net.Conn) int64 {
	t.Helper()
	goroutines, before := runtime.NumGoroutine(), memoryInUse()
	conns := make([]net.Conn, n)
	failed := make(chan error, n)
	each(n, func(i int) {
		if conns[i] = connect(); conns[i] == nil {
			failed <- errors.New("no connection")
			return
		}
		failed <- k.shakeAndIdle(conns[i], request)
	})
	for range n {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	cost := (memoryAtRest() - before) / int64(n)
	for _, c := range conns {
		c.Close()
	}
	// Nothing of it is to be counted with what follows. Servers may have begun some
	// goroutines of their own.
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines+10; {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return cost
}

// memoryAtRest is memoryInUse when the last goroutines have come to rest: it does
// not change any more then, or for long enough.
func memoryAtRest() int64 {
	last := memoryInUse()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
		now := memoryInUse()
		if diff := now - last; max(diff, -diff) < last/200 {
			return now
		}
		last = now
	}
	return last
}

// shakeAndIdle does a handshake and one round.
func (k idleKind) shakeAndIdle(conn net.Conn, request string) error {
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // many at once do, perhaps on a machine that is busy
	defer conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	answer := len(wsAcceptFields) + len(k.accept) + 2
	buf := make([]byte, max(answer, len(k.round.reply)))
	if _, err := io.ReadFull(conn, buf[:answer]); err != nil {
		return err
	}
	return k.round.do(conn, buf)
}

// serve is the origin.
func (k idleKind) serve(c *nectest.Conn) {
	_ = c.SetDeadline(time.Time{})
	c.ReadHead()
	c.Send(wsAcceptFields + k.accept + "\r\n")
	k.round.serve(c)
}

// TestWebSocketIdle holds what idle connections cost, counted apart from their
// two ends, which are in the same process.
func TestWebSocketIdle(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("measures memory")
	}
	for _, k := range idleKinds() {
		t.Run(k.name, func(t *testing.T) {
			n := connections(t, k.count, 4)
			origin, pool := secureServer(t, k.serve)
			opts := proxy.Options{Observer: ignore{}, Network: &proxy.Network{RootCAs: pool}}
			direct := &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
			if !k.secure {
				origin = nectest.NewRawServer(t, k.serve)
			}
			request := wsGet(origin.Addr, "")
			if k.secure {
				request = strings.Replace(request, "http://"+origin.Addr, "", 1)
			}
			ends := k.idleWebSockets(t, n, request, func() net.Conn {
				conn := dialRaw(origin.Addr)
				if k.secure && conn != nil {
					return tls.Client(conn, direct)
				}
				return conn
			})
			p, config := intercepting(t, opts)
			all := k.idleWebSockets(t, n, request, func() net.Conn {
				if k.secure {
					return dialSecure(p.addr, origin.Addr, withName(config, "127.0.0.1"))
				}
				return dialRaw(p.addr)
			})
			t.Logf("%d connections: %d bytes for each, and %d for its two ends", n, all-ends, ends)
			if all-ends > k.limit {
				t.Errorf("an idle connection costs %d bytes", all-ends)
			}
		})
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
