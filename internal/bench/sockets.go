//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Reads and writes of the epoll loops go straight to the kernel: they never
// block, so telling the Go scheduler about each would only cost time.

// readNow reads what is there, 0 bytes if nothing is. The end of the connection is an
// error that wraps io.ErrUnexpectedEOF; only clients tell anybody of it.
func readNow(fd int, b []byte) (int, error) {
	n, errno := rawIO(unix.SYS_READ, fd, b)
	switch {
	case errno == unix.EAGAIN:
		return 0, nil
	case errno != 0:
		return 0, fmt.Errorf("read: %w", errno)
	case n == 0:
		return 0, fmt.Errorf("connection closed by the server: %w", io.ErrUnexpectedEOF)
	}
	return n, nil
}

// writeNow writes all of b or fails: messages of the request rows fit into
// the buffer of an idle socket, so that a short write is a fault of the peer.
func writeNow(fd int, b []byte) error {
	n, errno := rawIO(unix.SYS_WRITE, fd, b)
	if errno != 0 {
		return fmt.Errorf("write: %w", errno)
	}
	if n != len(b) {
		return fmt.Errorf("write: the peer takes no more after %d of %d bytes", n, len(b))
	}
	return nil
}

// rawIO is read(2) or write(2) on a socket that does not block. b must not be
// empty.
func rawIO(call uintptr, fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// dialFd connects to addr and returns the bare, non-blocking socket.
func dialFd(addr string) (int, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()})
	if err == nil {
		err = prepareFd(fd)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return fd, nil
}

// listenFd listens on a free loopback port.
func listenFd() (fd int, addr string, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, "", err
	}
	err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, "", fmt.Errorf("listen: %w", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		_ = unix.Close(fd)
		return -1, "", err
	}
	port := sa.(*unix.SockaddrInet4).Port
	return fd, (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String(), nil
}

// prepareFd makes a connected socket non-blocking and turns Nagle's delay off.
func prepareFd(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	return unix.SetNonblock(fd, true)
}

// watch adds fd to the epoll set ep, to report when it can be read.
func watch(ep, fd int) error {
	return unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// wait is epoll_wait that a signal does not end. ms -1 waits for ever.
func wait(ep int, events []unix.EpollEvent, ms int) (int, error) {
	for {
		n, err := unix.EpollWait(ep, events, ms)
		if err != unix.EINTR {
			return n, err
		}
	}
}
