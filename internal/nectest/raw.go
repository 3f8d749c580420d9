package nectest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Conn is a connection on which a test says and expects exact bytes. What goes
// wrong fails the test and ends the goroutine.
type Conn struct {
	net.Conn

	t      testing.TB
	reader *bufio.Reader
	fatalf func(format string, args ...any)
}

// Dial connects to addr; the connection is closed when the test ends. It must be
// used in the test's own goroutine.
func Dial(t testing.TB, addr string) *Conn {
	t.Helper()
	var dialer net.Dialer
	nc, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return newConn(t, nc, t.Fatalf)
}

// Converse is Dial for a connection that there is already.
func Converse(t testing.TB, nc net.Conn) *Conn { return newConn(t, nc, t.Fatalf) }

func newConn(t testing.TB, nc net.Conn, fatalf func(string, ...any)) *Conn {
	_ = nc.SetDeadline(time.Now().Add(patience)) // a closed socket shows at the next read
	return &Conn{Conn: nc, t: t, reader: bufio.NewReader(nc), fatalf: fatalf}
}

// Send writes s.
func (c *Conn) Send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.fatalf("write %.80q: %v", s, err)
	}
}

// Read reads what comes next, buffered bytes first.
func (c *Conn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// ReadUntil returns everything up to and including end.
func (c *Conn) ReadUntil(end string) string {
	c.t.Helper()
	var got bytes.Buffer
	for !bytes.HasSuffix(got.Bytes(), []byte(end)) {
		b, err := c.reader.ReadByte()
		if err != nil {
			c.fatalf("read until %q: %v after %q", end, err, got.String())
		}
		got.WriteByte(b)
	}
	return got.String()
}

// ReadN returns the next n bytes.
func (c *Conn) ReadN(n int) string {
	c.t.Helper()
	p := make([]byte, n)
	if got, err := io.ReadFull(c.reader, p); err != nil {
		c.fatalf("read %d bytes: %v after %q", n, err, p[:got])
	}
	return string(p)
}

// ReadHead returns the head of a message, the empty line included.
func (c *Conn) ReadHead() string {
	c.t.Helper()
	return c.ReadUntil("\r\n\r\n")
}

// ReadAll returns everything up to the end of the connection, which may be a
// reset.
func (c *Conn) ReadAll() string {
	c.t.Helper()
	p, err := io.ReadAll(c.reader)
	if isTimeout(err) {
		c.fatalf("read to the end: %v after %q", err, p)
	}
	return string(p)
}

// Ended reports whether the peer closes or resets the connection before it
// sends anything and before the time is over.
func (c *Conn) Ended(within time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(within))
	defer func() { _ = c.SetReadDeadline(time.Now().Add(patience)) }()
	_, err := c.reader.Peek(1)
	return err != nil && !isTimeout(err)
}

// Reset closes the connection so that the peer sees a reset.
func (c *Conn) Reset() {
	if tc, ok := c.Conn.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	c.Close()
}

// CloseWrite ends the sending half of the connection.
func (c *Conn) CloseWrite() {
	c.t.Helper()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		c.fatalf("%T has no halves to close", c.Conn)
	}
	if err := half.CloseWrite(); err != nil {
		c.fatalf("close the sending half: %v", err)
	}
}

// StartTLS returns a connection that speaks TLS over this one, as the client.
func (c *Conn) StartTLS(config *tls.Config) *Conn {
	c.t.Helper()
	inner := tls.Client(c.Conn, config)
	if err := inner.HandshakeContext(c.t.Context()); err != nil {
		c.fatalf("TLS handshake: %v", err)
	}
	return &Conn{Conn: inner, t: c.t, reader: bufio.NewReader(inner), fatalf: c.fatalf}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// RawServer answers connections with a script.
type RawServer struct {
	// Addr is the server's address, host:port.
	Addr string

	t        testing.TB
	listener net.Listener
	script   func(*Conn)
	running  sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]bool // guarded by mu
	closed   bool              // guarded by mu
}

// NewRawServer starts a server that runs script for each connection, in a
// goroutine of its own, and closes the connection when script returns. When the
// test ends, connections still open are closed and scripts waited for.
func NewRawServer(t testing.TB, script func(*Conn)) *RawServer {
	t.Helper()
	return newRawServer(t, listen(t), script)
}

// NewRawTLSServer is NewRawServer behind TLS.
func NewRawTLSServer(t testing.TB, config *tls.Config, script func(*Conn)) *RawServer {
	t.Helper()
	return newRawServer(t, tls.NewListener(listen(t), config), script)
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newRawServer(t testing.TB, l net.Listener, script func(*Conn)) *RawServer {
	s := &RawServer{
		Addr: l.Addr().String(), t: t, listener: l, script: script,
		conns: make(map[net.Conn]bool),
	}
	s.running.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

// Close stops the server. It may be called before the test ends.
func (s *RawServer) Close() {
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for nc := range s.conns {
		nc.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *RawServer) accept() {
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.track(nc) {
			nc.Close()
			return
		}
		s.running.Go(func() { s.serve(nc) })
	}
}

// track notes a connection for Close; it returns false if that came first.
func (s *RawServer) track(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[nc] = true
	return !s.closed
}

func (s *RawServer) serve(nc net.Conn) {
	defer func() {
		nc.Close()
		s.mu.Lock()
		delete(s.conns, nc)
		s.mu.Unlock()
	}()
	s.script(newConn(s.t, nc, s.fatalf))
}

// fatalf fails the test from a goroutine that is not the test's. Trouble that
// Close caused is none.
func (s *RawServer) fatalf(format string, args ...any) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if !closed {
		s.t.Errorf(format, args...)
	}
	runtime.Goexit()
}
