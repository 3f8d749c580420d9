//go:build linux

package main

import (
	"bytes"
	"runtime"

	"golang.org/x/sys/unix"
)

// serveOrigin answers every request head with the same bytes, from one thread
// with one epoll set. It is the leanest origin there can be: what it does not
// spend is left to the server being measured.
func serveOrigin(o helperOptions) error {
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
	og := origin{ep: ep, answer: itemAnswer(), parts: map[int][]byte{}}
	var events [4 * connections]unix.EpollEvent
	for {
		n, err := wait(ep, events[:], -1)
		if err != nil {
			return err
		}
		for _, ev := range events[:n] {
			if int(ev.Fd) == ln {
				og.accept(ln)
			} else {
				og.serve(int(ev.Fd))
			}
		}
	}
}

type origin struct {
	ep     int
	answer []byte
	// parts holds, by descriptor, the start of a head that came in more than
	// one read.
	parts map[int][]byte
	buf   [64 << 10]byte
}

func (o *origin) accept(ln int) {
	fd, _, err := unix.Accept4(ln, unix.SOCK_CLOEXEC)
	if err != nil {
		return // the client has gone again
	}
	if prepareFd(fd) != nil || watch(o.ep, fd) != nil {
		_ = unix.Close(fd)
	}
}

// serve answers the heads that fd has received. A connection that fails is
// dropped: its client notices and fails the run.
func (o *origin) serve(fd int) {
	n, errno := readNow(fd, o.buf[:])
	if errno == unix.EAGAIN {
		return
	}
	if n == 0 || errno != 0 {
		o.drop(fd)
		return
	}
	b := o.buf[:n]
	if part, ok := o.parts[fd]; ok {
		b = append(part, b...)
		delete(o.parts, fd)
	}
	for len(b) > 0 {
		end := bytes.Index(b, headEnd)
		if end < 0 {
			o.parts[fd] = bytes.Clone(b)
			return
		}
		b = b[end+len(headEnd):]
		if writeNow(fd, o.answer) != nil {
			o.drop(fd)
			return
		}
	}
}

func (o *origin) drop(fd int) {
	delete(o.parts, fd)
	_ = unix.Close(fd)
}
