//go:build unix

package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// connections returns how many client connections fit into this process, which
// holds perConn descriptors for each: at most want.
func connections(t testing.TB, want, perConn int) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // what there is will do
	}
	const spare = 200
	return min(want, max(1, int(min(limit.Cur, 1<<20)-spare)/perConn))
}

// connectAll opens n connections to addr, a hundred at a time.
func connectAll(t testing.TB, addr string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	errs := make(chan error, n)
	each(n, func(i int) {
		dialer := net.Dialer{Timeout: patience}
		var err error
		conns[i], err = dialer.DialContext(t.Context(), "tcp", addr)
		errs <- err
	})
	t.Cleanup(func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	})
	for range n {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	return conns
}

// each calls f with 0 to n-1 from a hundred goroutines.
func each(n int, f func(int)) {
	var working sync.WaitGroup
	next := make(chan int)
	for range 100 {
		working.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	working.Wait()
}

// TestManyConnections opens as many connections as there may be, up to 10,000,
// and has all of them wait for an answer at once.
func TestManyConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("opens 10,000 connections")
	}
	n := connections(t, maxConnections, 2)
	var arrived sync.WaitGroup
	arrived.Add(n)
	p := start(t, proxy.Options{Observer: ignore{}, Layers: []proxy.Layer{waitFor(&arrived)}}, proxy.Listener{})
	conns := connectAll(t, p.addr, n)
	began := time.Now()
	for _, c := range conns { // none is answered before the last has asked
		if _, err := io.WriteString(c, get("a.invalid", "/")); err != nil {
			t.Fatal(err)
		}
	}
	answer := make([]byte, len("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"))
	for i, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(c, answer); err != nil || string(answer[9:12]) != "200" {
			t.Fatalf("answer %d of %d is %q, %v", i, n, answer, err)
		}
	}
	t.Logf("%d connections answered within %v, %s", n, time.Since(began), perConnection(n))
}

// TestManyForwarded is TestManyConnections with as many origin connections.
func TestManyForwarded(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	n := connections(t, maxConnections/5, 4)
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{Observer: ignore{}}, proxy.Listener{})
	conns := connectAll(t, p.addr, n)
	failed := make(chan error, n)
	each(n, func(i int) {
		_ = conns[i].SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conns[i], get(origin.Addr, "/")); err != nil {
			failed <- err
			return
		}
		_, err := io.ReadFull(conns[i], make([]byte, len(ok)))
		failed <- err
	})
	for range n {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d connections, %s", n, perConnection(n))
}

// waitFor is a layer that answers once all of arrived have come.
func waitFor(arrived *sync.WaitGroup) proxy.Layer {
	return layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		arrived.Done()
		arrived.Wait()
		return &traffic.Response{Status: 200, Proto: "HTTP/1.1"}, nil
	})
}

// perConnection says what memory is held for n connections, both ends and the
// test's share included.
func perConnection(n int) string {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprintf("%d bytes of heap and %d of stack for each", m.HeapInuse/uint64(n), m.StackInuse/uint64(n))
}
