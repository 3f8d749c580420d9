//go:build linux

package main

import (
	"bytes"
	"runtime"

	"golang.org/x/sys/unix"
)

// An originConn is a connection to an origin.
type originConn struct {
	fd int
	// part holds what came in one read and needs more to be understood.
	part []byte
	// opened says that frames follow, no more heads.
	opened bool
}

// A service answers what it finds in b, and returns what it needs more for.
// After an error the connection is dropped.
type service func(c *originConn, b []byte) (rest []byte, err error)

// serveLoop is an origin on one thread with one epoll set. It is the leanest
// there can be: what it does not spend is left to the server being measured.
func serveLoop(o helperOptions, s service) error {
	runtime.LockOSThread()
	ln, addr, err := listenFd()
	if err != nil {
		return err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := watch(ep, ln); err != nil {
		return err
	}
	if err := o.announce(addr); err != nil {
		return err
	}
	loop := originLoop{ep: ep, service: s, conns: map[int32]*originConn{}}
	var events [4 * connections]unix.EpollEvent
	for {
		n, err := wait(ep, events[:], -1)
		if err != nil {
			return err
		}
		for _, ev := range events[:n] {
			if int(ev.Fd) == ln {
				loop.accept(ln)
			} else {
				loop.serve(loop.conns[ev.Fd])
			}
		}
	}
}

type originLoop struct {
	ep      int
	service service
	conns   map[int32]*originConn // by descriptor
	buf     [64 << 10]byte
}

func (l *originLoop) accept(ln int) {
	fd, _, err := unix.Accept4(ln, unix.SOCK_CLOEXEC)
	if err != nil {
		return // the client has gone again
	}
	if prepareFd(fd) != nil || watch(l.ep, fd) != nil {
		_ = unix.Close(fd)
		return
	}
	l.conns[int32(fd)] = &originConn{fd: fd}
}

// serve answers what c has received. A connection that fails is dropped: its
// client notices and fails the run.
func (l *originLoop) serve(c *originConn) {
	n, err := readNow(c.fd, l.buf[:])
	if err != nil {
		l.drop(c)
		return
	}
	if n == 0 {
		return
	}
	b := l.buf[:n]
	if len(c.part) > 0 {
		b = append(c.part, b...)
	}
	rest, err := l.service(c, b)
	if err != nil {
		l.drop(c)
		return
	}
	c.part = bytes.Clone(rest)
}

func (l *originLoop) drop(c *originConn) {
	delete(l.conns, int32(c.fd))
	_ = unix.Close(c.fd)
}
