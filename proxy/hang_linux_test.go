package proxy_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// hangingAddr returns an address that takes no connection and refuses none: a
// listener whose queue is full.
func hangingAddr(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*unix.SockaddrInet4).Port))
	for range 8 {
		dialer := net.Dialer{Timeout: 100 * time.Millisecond}
		conn, err := dialer.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Skip("this system's queues do not fill")
	return ""
}

// TestClientLeavesDuringDial must not wait for the dial to time out.
func TestClientLeavesDuringDial(t *testing.T) {
	for name, request := range map[string]string{
		"GET":     "GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n",
		"CONNECT": "CONNECT ADDR HTTP/1.1\r\nHost: ADDR\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			full := hangingAddr(t)
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(strings.ReplaceAll(request, "ADDR", full))
			time.Sleep(50 * time.Millisecond)
			client.Close()
			began := time.Now()
			x := p.WaitExchanges(t, 1)[0]
			if took := time.Since(began); took > atOnce || x.Failure.Side != traffic.SideClient {
				t.Errorf("failure %+v after %v", x.Failure, took)
			}
		})
	}
}
