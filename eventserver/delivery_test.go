package eventserver

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// deliveryServer in the environment makes this program the server that
// BenchmarkDelivery measures.
const deliveryServer = "NECTO_TEST_DELIVERY"

// benchExchange returns an exchange with eight header fields.
func benchExchange(id traffic.ExchangeID) *traffic.Exchange {
	x := newExchange(id, "https://api.example.com/v1/users?page=2")
	for i := range 7 {
		x.Request.Header.Add(fmt.Sprintf("X-Field-%d", i), "a value of thirty-two characters")
	}
	return x
}

// serveDelivery publishes batches of entries to all who have subscribed, as fast as
// they take them, and prints its URL.
func serveDelivery() error {
	s := New(Options{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go publishBatches(s)
	return (&http.Server{Handler: s.Handler(), ReadHeaderTimeout: patience}).Serve(listener)
}

// publishBatches publishes for ever, so that nobody is more than four batches
// behind.
func publishBatches(s *Server) {
	const ids = 1000 // which begin again and again
	exchanges := make([]*traffic.Exchange, ids)
	for i := range exchanges {
		exchanges[i] = benchExchange(traffic.ExchangeID(i + 1))
	}
	for n := 0; ; n++ {
		for stats := s.Stats(); stats.Clients == 0 || stats.Behind > 4*segmentEntries; stats = s.Stats() {
			time.Sleep(20 * time.Microsecond)
		}
		for i := range segmentEntries {
			s.Observe(traffic.RequestStarted{Exchange: exchanges[(n*segmentEntries+i)%ids]})
		}
	}
}

// BenchmarkDelivery measures how many entries a second get to all subscribers
// together, beside the reference server of Node.js: each in a process of its own,
// on the same processors as the subscribers.
func BenchmarkDelivery(b *testing.B) {
	entry := inline(&item{kind: itemEntry, session: newSession(testSession, ""), x: benchExchange(1)}, (*jsonWriter).entry)
	servers := []struct {
		name    string
		command []string
	}{
		{"necto", []string{os.Args[0]}},
		{"node", []string{"node", clientFile("events-server.mjs"), string(entry)}},
	}
	for _, n := range []int{1, 50, 500} {
		for _, server := range servers {
			b.Run(fmt.Sprintf("subscribers=%d/%s", n, server.name), func(b *testing.B) {
				address := startDelivery(b, server.command)
				measureDelivery(b, address, n)
			})
		}
	}
}

// startDelivery starts a server and returns its address.
func startDelivery(b *testing.B, command []string) string {
	b.Helper()
	if _, err := os.Stat(clientFile("node_modules/socket.io")); err != nil && command[0] == "node" {
		b.Skip("needs socket.io (npm ci in testdata/clients)")
	}
	cmd := exec.CommandContext(b.Context(), command[0], command[1:]...)
	cmd.Env = append(os.Environ(), deliveryServer+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// measureDelivery reports how many entries a second come to n subscribers.
func measureDelivery(b *testing.B, address string, n int) {
	var entries, payload atomic.Int64
	conns := make([]net.Conn, n)
	var readers sync.WaitGroup
	for i := range conns {
		conns[i] = leanSubscriber(b, address)
		readers.Go(func() { countEntries(conns[i], &entries, &payload) })
	}
	time.Sleep(200 * time.Millisecond) // warm up
	before, began := entries.Load(), time.Now()
	payload.Store(0)
	const window = 3 * time.Second
	for b.Loop() {
		time.Sleep(window)
	}
	took := time.Since(began).Seconds()
	b.ReportMetric(float64(entries.Load()-before)/took, "entries/s")
	b.ReportMetric(float64(payload.Load())/took/(1<<20), "MiB/s")
	b.ReportMetric(0, "ns/op")
	for _, c := range conns {
		_ = c.Close()
	}
	readers.Wait()
}

// leanSubscriber subscribes to all traffic on a bare connection.
func leanSubscriber(b *testing.B, address string) net.Conn {
	b.Helper()
	c := bareSocket(b, address)
	c.write(textFrame("40"))
	c.expect("40{") // Node.js ends connections that do not wait for it
	c.write(textFrame(`420["traffic:subscribe",{}]`))
	// Up to the answer, and nothing of what follows: whoever counts begins at a frame.
	for answered := false; !answered; {
		length, err := frameLength(c)
		if err != nil {
			b.Fatal(err)
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(c, message); err != nil {
			b.Fatal(err)
		}
		answered = bytes.Contains(message, []byte(`{"ok":true`))
	}
	return c
}

// countEntries counts the entries of batches, of which each has segmentEntries,
// and the bytes of them.
func countEntries(c net.Conn, entries, payload *atomic.Int64) {
	r := bufio.NewReaderSize(c, 64<<10)
	batch := []byte(`42["traffic:batch"`)
	for {
		length, err := frameLength(r)
		if err != nil {
			return
		}
		if start, err := r.Peek(min(length, len(batch))); err == nil && bytes.Equal(start, batch) {
			entries.Add(segmentEntries)
			payload.Add(int64(length))
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
	}
}

// frameLength reads the head of an unmasked frame.
func frameLength(r io.Reader) (int, error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, err
	}
	switch head[1] {
	case 126:
		_, err := io.ReadFull(r, head[2:4])
		return int(binary.BigEndian.Uint16(head[2:])), err
	case 127:
		_, err := io.ReadFull(r, head[2:10])
		return int(binary.BigEndian.Uint64(head[2:])), err
	default:
		return int(head[1]), nil
	}
}

// BenchmarkObserve measures what an exchange costs the proxy.
func BenchmarkObserve(b *testing.B) {
	for _, subscribers := range []int{0, 1} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			s, address := start(b, Options{})
			for range subscribers {
				p := subscribed(b, address, nil)
				go func() {
					for {
						if _, err := p.Next(); err != nil {
							return
						}
					}
				}()
			}
			x := benchExchange(1)
			done := answered(x, 200, strings.Repeat("x", 1024))
			b.ReportAllocs()
			for b.Loop() {
				s.Observe(traffic.RequestStarted{Exchange: x})
				s.Observe(traffic.ExchangeDone{Exchange: done})
			}
		})
	}
}
