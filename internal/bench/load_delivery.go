//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A deliveryLoad is Socket.IO clients that read what a server publishes. Its
// operations are entries, of which one counts once for each client that got it.
type deliveryLoad struct {
	subscribers int
	of          *batches
}

// open subscribes all.
func (l deliveryLoad) open(ctx context.Context, addr string) (session, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	s := &deliverySession{ep: ep, readers: map[int32]*batchReader{}}
	for range l.subscribers {
		if err := s.add(ctx, addr, &batchReader{of: l.of}); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// A deliverySession reads all connections in one thread, with one epoll set.
type deliverySession struct {
	ep      int
	readers map[int32]*batchReader // by descriptor
	entries int                    // delivered by now
	buf     [128 << 10]byte
}

// add connects one more client.
func (s *deliverySession) add(ctx context.Context, addr string, r *batchReader) error {
	client, err := subscribe(ctx, addr)
	if err != nil {
		return err
	}
	early, err := client.r.Peek(client.r.Buffered())
	if err != nil {
		return err
	}
	n, err := r.take(early)
	if err != nil {
		return errors.Join(err, client.conn.Close())
	}
	s.entries += n
	fd, err := detach(client.conn.(*net.TCPConn))
	if err != nil {
		return err
	}
	s.readers[int32(fd)] = r
	return watch(s.ep, fd)
}

// detach takes the socket from c, which is closed, so that Go's scheduler is not
// told of all that comes.
func detach(c *net.TCPConn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, errors.Join(err, c.Close())
	}
	var failed error
	err = raw.Control(func(of uintptr) { fd, failed = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(err, failed, c.Close()); err != nil {
		return -1, err
	}
	return fd, nil
}

func (s *deliverySession) close() {
	for fd := range s.readers {
		_ = unix.Close(int(fd))
	}
	_ = unix.Close(s.ep)
}

// run reads for d, and until there was an entry.
func (s *deliverySession) run(ctx context.Context, d time.Duration) (tally, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s.entries = 0
	began := time.Now()
	var events [64]unix.EpollEvent
	for took := time.Duration(0); took < d || s.entries == 0; took = time.Since(began) {
		n, err := wait(s.ep, events[:], int(ioLimit.Milliseconds()))
		if err != nil {
			return tally{}, fmt.Errorf("epoll: %w", err)
		}
		if n == 0 {
			return tally{}, fmt.Errorf("nothing was published for %v", ioLimit)
		}
		if err := ctx.Err(); err != nil {
			return tally{}, err
		}
		for _, ev := range events[:n] {
			if err := s.read(ev.Fd); err != nil {
				return tally{}, err
			}
		}
	}
	return tally{ops: float64(s.entries), took: time.Since(began)}, nil
}

// read takes what a client has received.
func (s *deliverySession) read(fd int32) error {
	n, err := readNow(int(fd), s.buf[:])
	if n == 0 || err != nil {
		return err
	}
	entries, err := s.readers[fd].take(s.buf[:n])
	s.entries += entries
	return err
}
