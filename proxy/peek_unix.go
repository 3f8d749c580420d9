//go:build unix

package proxy

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// tlsAlert is the first byte of a TLS alert record, such as the close_notify
// before an end.
const tlsAlert = 21

// quiet reports whether an idle connection is open with nothing unexpected in
// it: the origin has neither closed it nor sent what nobody asked for. By TLS
// session tickets may have come.
func (oc *originConn) quiet() bool {
	under := netConn(oc.conn)
	isTLS := under != oc.conn
	sc, ok := under.(syscall.Conn)
	if !ok {
		return true
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = rc.Read(func(fd uintptr) bool {
		var first [1]byte
		n, _, err := unix.Recvfrom(int(fd), first[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		quiet = err == unix.EAGAIN || n == 1 && isTLS && first[0] != tlsAlert
		return true
	})
	return err == nil && quiet
}
