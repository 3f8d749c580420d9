//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A plainLoad repeats one request over HTTP/1.1 on all connections, from one
// thread with one epoll set.
type plainLoad struct {
	request []byte
	body    []byte
}

func (l plainLoad) open(_ context.Context, addr string) (session, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	s := &plainSession{request: l.request, check: checker{body: l.body}, ep: ep, conns: map[int32]*plainConn{}}
	for range connections {
		fd, err := dialFd(addr)
		if err == nil {
			s.conns[int32(fd)] = &plainConn{fd: fd}
			err = watch(ep, fd)
		}
		if err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// A plainConn is one keep-alive connection.
type plainConn struct {
	fd   int
	sent time.Time
	// part holds the start of an answer that came in more than one read.
	part []byte
}

type plainSession struct {
	request []byte
	check   checker
	ep      int
	conns   map[int32]*plainConn
	buf     [64 << 10]byte

	pending   int // requests under way
	deadline  time.Time
	latencies []time.Duration
}

func (s *plainSession) close() {
	for _, c := range s.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(s.ep)
}

func (s *plainSession) run(ctx context.Context, d time.Duration) (tally, error) {
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
	return tally{ops: float64(n), requests: n, took: time.Since(began), latencies: s.latencies}, nil
}

func (s *plainSession) send(c *plainConn, now time.Time) error {
	c.sent = now
	s.pending++
	return writeNow(c.fd, s.request)
}

// serve takes what c has received and, if that ends an answer and time is
// left, sends the next request.
func (s *plainSession) serve(c *plainConn) error {
	n, errno := readNow(c.fd, s.buf[:])
	switch {
	case errno == unix.EAGAIN:
		return nil
	case errno != 0:
		return fmt.Errorf("read: %w", errno)
	case n == 0:
		return fmt.Errorf("connection closed by the server: %w", io.ErrUnexpectedEOF)
	}
	answer := s.buf[:n]
	if len(c.part) > 0 {
		c.part = append(c.part, answer...)
		answer = c.part
	}
	size, err := s.check.size(answer)
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

func (s *plainSession) answered(c *plainConn) error {
	now := time.Now()
	s.pending--
	s.latencies = append(s.latencies, now.Sub(c.sent))
	if now.After(s.deadline) {
		return nil
	}
	return s.send(c, now)
}
