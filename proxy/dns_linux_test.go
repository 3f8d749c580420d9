package proxy_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
)

// TestHappyEyeballs has a host whose IPv6 address does not answer: the other one is
// tried before that is sure (RFC 8305).
func TestHappyEyeballs(t *testing.T) {
	resolver, _ := newNameServer(t, map[string][]string{"both.test": {"::1", "127.0.0.1"}})
	port := unanswered(t)
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Skipf("the port is taken: %v", err)
	}
	serveOnce(t, l)
	p := start(t, proxy.Options{Network: &proxy.Network{Resolver: resolver}}, proxy.Listener{})
	began := time.Now()
	client := nectest.Dial(t, p.addr)
	client.Send(get("both.test:"+port, "/"))
	if got := client.ReadN(len(ok)); got != ok {
		t.Errorf("received %q", got)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

// unanswered returns a port of ::1 where connections are not refused, and not
// accepted either: the queue for them is full.
func unanswered(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	loopback := [16]byte{15: 1}
	if err := unix.Bind(fd, &unix.SockaddrInet6{Addr: loopback}); err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	addr, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(addr.(*unix.SockaddrInet6).Port)
	for range 3 { // more than the queue takes
		dialer := net.Dialer{Timeout: 100 * time.Millisecond}
		conn, err := dialer.DialContext(t.Context(), "tcp", "[::1]:"+port)
		if err != nil {
			return port
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Skip("connections to a full queue are accepted here")
	return ""
}
