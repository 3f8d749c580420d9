package h2

import (
	"net"
	"os"
	"sync"
	"time"
)

// tunnel is a stream as a connection.
type tunnel struct {
	s           *Stream
	read, write *deadline
}

// NetConn returns the stream as a connection, for a tunnel (RFC 9113 section 8.5):
// CloseWrite ends the message, Close the stream, and deadlines work. The addresses
// are those of the connection below.
func (s *Stream) NetConn() net.Conn {
	return &tunnel{s: s, read: newDeadline(), write: newDeadline()}
}

var _ interface{ CloseWrite() error } = (*tunnel)(nil)

func (t *tunnel) CloseWrite() error    { return t.s.CloseWrite(nil) }
func (t *tunnel) LocalAddr() net.Addr  { return t.s.c.conn.LocalAddr() }
func (t *tunnel) RemoteAddr() net.Addr { return t.s.c.conn.RemoteAddr() }

// Read reads what came, unless its deadline has passed, as for other connections.
func (t *tunnel) Read(p []byte) (int, error) {
	over := t.read.passed()
	if isClosed(over) {
		return 0, os.ErrDeadlineExceeded
	}
	return t.s.read(p, over)
}

// Write sends p, unless its deadline has passed.
func (t *tunnel) Write(p []byte) (int, error) {
	over := t.write.passed()
	if isClosed(over) {
		return 0, os.ErrDeadlineExceeded
	}
	return t.s.write(p, false, over)
}

// Close ends both directions: what was written arrives before the end.
func (t *tunnel) Close() error {
	_ = t.s.CloseWrite(nil) // a stream that has ended has nothing to close
	return t.s.Close()
}

func (t *tunnel) SetDeadline(at time.Time) error {
	t.read.set(at)
	t.write.set(at)
	return nil
}

func (t *tunnel) SetReadDeadline(at time.Time) error {
	t.read.set(at)
	return nil
}

func (t *tunnel) SetWriteDeadline(at time.Time) error {
	t.write.set(at)
	return nil
}

// deadline is a time that can be moved while somebody waits for it.
type deadline struct {
	mu    sync.Mutex // guards what follows
	over  chan struct{}
	timer *time.Timer // nil if there is none to come
	moved int         // how often
}

func newDeadline() *deadline { return &deadline{over: make(chan struct{})} }

// passed returns what is closed when the deadline has passed.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// set moves the deadline; the zero time is none.
func (d *deadline) set(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moved++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if isClosed(d.over) {
		d.over = make(chan struct{})
	}
	if at.IsZero() {
		return
	}
	if wait := time.Until(at); wait > 0 {
		moved := d.moved
		d.timer = time.AfterFunc(wait, func() { d.pass(moved) })
		return
	}
	close(d.over)
}

// pass lets the deadline pass unless it was moved since.
func (d *deadline) pass(moved int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.moved == moved {
		close(d.over)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
