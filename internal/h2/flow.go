package h2

import "sync"

// inflow is what a peer may send, on a stream or on the connection.
type inflow struct {
	window int // bytes the peer may send now
	unread int // bytes that came and lie unread
	size   int // window the peer is to have
	limit  int // of window and unread together
}

// take notes that n bytes came. It reports whether the peer was allowed to send
// them; slack bytes more than the window has are.
func (f *inflow) take(n, slack int) bool {
	if n > f.window+slack {
		return false
	}
	f.window -= n
	return true
}

// credit returns what the peer is to be given now, 0 for nothing: as long as it
// has most of its window, it is not told each time that something was read.
func (f *inflow) credit() uint32 {
	increment := min(f.size, f.limit-f.unread) - f.window
	if increment < max(1, f.size/4) {
		return 0
	}
	f.window += increment
	return uint32(increment)
}

// connInflow is the inflow of a connection, which the goroutine that reads from
// it and all that read streams use.
type connInflow struct {
	mu sync.Mutex // guards inflow
	inflow
}

// arrived notes a DATA frame of n bytes. It reports whether the peer was allowed
// to send it.
func (f *connInflow) arrived(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.take(n, 0)
}

// unreadBy notes that n bytes more lie unread, or fewer if n is negative, and
// returns the credit for the peer.
func (f *connInflow) unreadBy(n int) uint32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unread += n
	return f.credit()
}

// give appends the credit for the connection, and for a stream unless it is nil
// or has ended, to what waits to be written.
func (c *Conn) give(s *Stream, stream, conn uint32) {
	if stream == 0 && conn == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	frames := c.out.begin()
	if conn > 0 {
		frames = appendWindowUpdate(frames, 0, conn)
	}
	if stream > 0 && !s.readEnd && !s.closed {
		frames = appendWindowUpdate(frames, s.id, stream)
	}
	c.out.put(frames)
}
