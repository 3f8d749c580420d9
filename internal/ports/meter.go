package ports

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// meter counts the connections of a port and what passes on them. Its methods may be
// called concurrently.
type meter struct {
	up, down atomic.Int64 // bytes from clients and to them

	mu    sync.Mutex // guards the fields below
	conns map[*meteredConn]struct{}
	// empty is called when the last connection ends; nil while more may come.
	empty func()
	over  bool // no more come
}

// accept returns conn as it is to be used. One that was accepted while the listener
// was being closed is closed.
func (m *meter) accept(conn net.Conn) net.Conn {
	c := &meteredConn{Conn: conn, m: m}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		_ = conn.Close() // whoever is given it finds out
		return conn
	}
	if m.conns == nil {
		m.conns = make(map[*meteredConn]struct{})
	}
	m.conns[c] = struct{}{}
	return c
}

// streams returns how many connections are open.
func (m *meter) streams() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.conns)
}

// drain calls done once, when the last connection has ended. No more are taken.
func (m *meter) drain(done func()) {
	m.mu.Lock()
	m.over = true
	if len(m.conns) > 0 {
		m.empty = done
		done = nil
	}
	m.mu.Unlock()
	if done != nil {
		done()
	}
}

// cut resets all connections.
func (m *meter) cut() {
	m.mu.Lock()
	open := make([]*meteredConn, 0, len(m.conns))
	for c := range m.conns {
		open = append(open, c)
	}
	m.mu.Unlock()
	for _, c := range open {
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // it may be closed already
		}
		// Whoever uses the connection closes it: reading fails from now on.
		_ = c.SetDeadline(time.Now())
		_ = c.Close()
	}
}

// ended forgets a connection.
func (m *meter) ended(c *meteredConn) {
	m.mu.Lock()
	delete(m.conns, c)
	var done func()
	if len(m.conns) == 0 {
		done, m.empty = m.empty, nil
	}
	m.mu.Unlock()
	if done != nil {
		done()
	}
}

// meteredConn is a connection that is counted.
type meteredConn struct {
	net.Conn
	m      *meter
	closed sync.Once
}

// Read counts what comes from the client.
func (c *meteredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.m.up.Add(int64(n))
	return n, err
}

// Write counts what goes to the client.
func (c *meteredConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.m.down.Add(int64(n))
	return n, err
}

// errNoHalfClose is the error of CloseWrite where the connection has none.
var errNoHalfClose = errors.New("the connection cannot be closed in one direction")

// CloseWrite tells the client that nothing more will come.
func (c *meteredConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errNoHalfClose
	}
	return half.CloseWrite()
}

// NetConn returns the connection itself.
func (c *meteredConn) NetConn() net.Conn { return c.Conn }

// Close closes the connection.
func (c *meteredConn) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() { c.m.ended(c) })
	return err
}
