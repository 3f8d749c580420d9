//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A dialogue is what a client says on a connection, and what it wants to hear.
type dialogue interface {
	// next returns what begins the next operation, valid until the next call.
	next() []byte
	// size returns the length of the complete answer at the start of b, or 0 if
	// more bytes are needed. A wrong answer is an error.
	size(b []byte) (int, error)
}

// An epollConn is one connection, with one operation under way at most.
type epollConn struct {
	dialogue
	fd   int
	sent time.Time
	// part holds the start of an answer that came in more than one read.
	part []byte
}

// An epollSession repeats the operation of each connection's dialogue, from one
// thread with one epoll set.
type epollSession struct {
	ep    int
	conns map[int32]*epollConn // by descriptor
	buf   [64 << 10]byte

	pending   int // operations under way
	deadline  time.Time
	latencies []time.Duration
}

// openSession connects to addr. say gives the dialogue of each connection by its
// number.
func openSession(addr string, say func(conn int) dialogue) (*epollSession, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	s := &epollSession{ep: ep, conns: map[int32]*epollConn{}}
	for i := range connections {
		fd, err := dialFd(addr)
		if err == nil {
			s.conns[int32(fd)] = &epollConn{dialogue: say(i), fd: fd}
			err = watch(ep, fd)
		}
		if err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *epollSession) close() {
	for _, c := range s.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(s.ep)
}

func (s *epollSession) run(ctx context.Context, d time.Duration) (tally, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	s.deadline = began.Add(d)
	s.latencies = make([]time.Duration, 0, len(s.latencies)+1<<16)
	for _, c := range s.conns {
		if err := s.send(c, time.Now()); err != nil {
			return tally{}, err
		}
	}
	var events [connections]unix.EpollEvent
	for s.pending > 0 {
		n, err := wait(s.ep, events[:], int(ioLimit.Milliseconds()))
		if err != nil {
			return tally{}, fmt.Errorf("epoll: %w", err)
		}
		if n == 0 {
			return tally{}, fmt.Errorf("%d answers are missing after %v", s.pending, ioLimit)
		}
		if err := ctx.Err(); err != nil {
			return tally{}, err
		}
		for _, ev := range events[:n] {
			if err := s.serve(s.conns[ev.Fd]); err != nil {
				return tally{}, err
			}
		}
	}
	n := len(s.latencies)
	return tally{ops: float64(n), counts: counts{requests: n}, took: time.Since(began), latencies: s.latencies}, nil
}

func (s *epollSession) send(c *epollConn, now time.Time) error {
	c.sent = now
	s.pending++
	return writeNow(c.fd, c.next())
}

// serve takes what c has received and, if that ends an answer and time is
// left, begins the next operation.
func (s *epollSession) serve(c *epollConn) error {
	n, err := readNow(c.fd, s.buf[:])
	if n == 0 || err != nil {
		return err
	}
	answer := s.buf[:n]
	if len(c.part) > 0 {
		c.part = append(c.part, answer...)
		answer = c.part
	}
	size, err := c.size(answer)
	if err != nil {
		return err
	}
	if size == 0 {
		if len(c.part) == 0 {
			c.part = append(c.part, answer...)
		}
		return nil
	}
	if size != len(answer) {
		return errors.New("bytes after the answer")
	}
	c.part = c.part[:0]
	return s.answered(c)
}

func (s *epollSession) answered(c *epollConn) error {
	now := time.Now()
	s.pending--
	s.latencies = append(s.latencies, now.Sub(c.sent))
	if now.After(s.deadline) {
		return nil
	}
	return s.send(c, now)
}
