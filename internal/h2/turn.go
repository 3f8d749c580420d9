package h2

import (
	"errors"
	"os"
	"time"
)

// errStalled is the end of a stream that has waited too long for a window.
var errStalled = errors.New("the peer gave no window")

// reserve waits until some of n bytes may be sent on s, and takes their room in
// the windows. It is called with c.mu held; what it returns is to be sent before
// that is given back.
func (s *Stream) reserve(n int, cancel <-chan struct{}) (size int, err error) {
	c := s.c
	if n == 0 {
		return 0, nil // the end of a message, which a full buffer has room for
	}
	if err := s.awaitWindow(cancel); err != nil {
		return 0, err
	}
	size = min(n, s.window, c.window, c.frameSize())
	s.window -= size
	c.window -= size
	if c.window > 0 {
		c.credit.wake()
	}
	if !s.awaitRoom(cancel) {
		err = os.ErrDeadlineExceeded
	} else {
		err = s.mayWrite()
	}
	if err != nil {
		s.window += size
		c.window += size
		c.credit.wake()
		return 0, err
	}
	return size, nil
}

// frameSize returns the largest payload we send: what the peer takes, and no
// more than lets other streams have their turn.
func (c *Conn) frameSize() int { return min(int(c.peer.MaxFrameSize), defaultFrameSize) }

// awaitWindow waits until the windows of the stream and of the connection have
// room, the latter in turn with other streams.
func (s *Stream) awaitWindow(cancel <-chan struct{}) error {
	c := s.c
	if s.window > 0 && c.window > 0 && c.credit.free(s.writable) && s.err == nil {
		return nil
	}
	timeout, g := s.startStall(), s.writable.made()
	defer s.stopStall()
	defer c.credit.leave(g)
	for {
		if err := s.mayWrite(); err != nil {
			c.pass(s)
			return err
		}
		switch {
		case s.window <= 0:
			c.pass(s)
		case c.window > 0 && c.credit.free(g):
			return nil
		default:
			c.credit.join(g)
		}
		if err := c.waitLimited(g, cancel, timeout); err != nil {
			c.pass(s)
			return err
		}
	}
}

// pass lets the streams behind s have the window of the connection first.
func (c *Conn) pass(s *Stream) {
	c.credit.leave(s.writable)
	if c.window > 0 {
		c.credit.wake()
	}
}

// startStall starts the time that the stream may wait for a window, nil for
// ever.
func (s *Stream) startStall() <-chan time.Time {
	limit := s.c.cfg.StallTimeout
	if limit < 0 {
		return nil
	}
	if s.stall == nil {
		s.stall = time.NewTimer(limit)
	} else {
		s.stall.Reset(limit)
	}
	return s.stall.C
}

func (s *Stream) stopStall() {
	if s.stall != nil {
		s.stall.Stop()
	}
}

// waitLimited waits at g until timeout. It is called with c.mu held.
func (c *Conn) waitLimited(g gate, cancel <-chan struct{}, timeout <-chan time.Time) error {
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-g:
		return nil
	case <-cancel:
		return os.ErrDeadlineExceeded
	case <-timeout:
		return errStalled
	}
}

// wait waits at g. It is called with c.mu held, and reports false if cancel was
// closed.
func (c *Conn) wait(g gate, cancel <-chan struct{}) bool {
	return c.waitLimited(g, cancel, nil) == nil
}

// awaitRoom waits, in turn with others, until what waits to be written has room
// for more, or the stream or the connection has ended. It is called with c.mu held,
// and reports false if cancel was closed.
func (s *Stream) awaitRoom(cancel <-chan struct{}) bool {
	c := s.c
	if c.room.free(s.writable) && !c.out.full() {
		return true
	}
	g := s.writable.made()
	defer c.leaveRoom(g)
	for c.err == nil && s.mayWrite() == nil && (!c.room.free(g) || c.out.full()) {
		c.room.join(g)
		if !c.wait(g, cancel) {
			return false
		}
	}
	return true
}

// leaveRoom takes g out of the line of those who wait for room, and lets the next
// one look: g may have nothing to write any more.
func (c *Conn) leaveRoom(g gate) {
	c.room.leave(g)
	if !c.out.full() {
		c.room.wake()
	}
}

// expectUpdates notes that the peer will give credit for n bytes that we send:
// some clients do so for each kilobyte, twice.
func (c *Conn) expectUpdates(n int) {
	c.paid = min(c.paid+4+n/256, maxPaid)
}

// maxPaid bounds how many WINDOW_UPDATE frames may come for nothing.
const maxPaid = 10_000
