package nectest

import (
	"net"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Nobody is a user that no test runs as.
const Nobody = 65534

// DialAs connects to a listener of TCP as a user, from an address of this machine or ""
// for any. It skips the test if this user cannot do that. The connection is closed with
// the test.
func DialAs(t testing.TB, user int, to net.Addr, from string) *net.TCPConn {
	t.Helper()
	if user != os.Geteuid() && os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	var d net.Dialer
	if from != "" {
		addr, err := net.ResolveTCPAddr("tcp", from)
		if err != nil {
			t.Fatal(err)
		}
		d.LocalAddr = addr
	}
	if tcp := to.(*net.TCPAddr); tcp.IP.IsUnspecified() { // of which the dialer would try several at once
		to = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}
	}
	var conn net.Conn
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with this goroutine
		if err = unix.Setfsuid(user); err == nil {
			conn, err = d.DialContext(t.Context(), "tcp", to.String())
		}
	}()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}
