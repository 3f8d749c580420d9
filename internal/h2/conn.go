package h2

import (
	"context"
	"net"
)

// Conn is one side of an HTTP/2 connection. Its methods may be called
// concurrently, Run once.
type Conn struct {
	conn   net.Conn
	cfg    Config
	handle func(*Stream)
}

// Server returns the server's side of conn, on which nothing was read or
// written: the client's preface is the first thing that Run reads. handle is
// called on a goroutine of its own for each stream, with its head read; what is
// not finished when it returns is reset. Run closes conn.
func Server(conn net.Conn, cfg Config, handle func(*Stream)) *Conn {
	return &Conn{conn: conn, cfg: cfg, handle: handle}
}

// Client returns the client's side of conn, which Run closes.
func Client(conn net.Conn, cfg Config) *Conn { return &Conn{conn: conn, cfg: cfg} }

// Run serves the connection until it ends, closes it, and waits for the handlers.
// The end of ctx is a Close. It returns nil if the connection ended in good order:
// by the peer between streams, or by Close, Abort or Shutdown. Otherwise the
// error is a *ConnError, a *GoAwayError, or says what failed.
func (c *Conn) Run(ctx context.Context) error { return ErrClosed }

// Open sends the head of a request on a new stream. While the peer has as many
// streams as it takes, Open waits for one to end, or for ctx. An error is a
// *StreamError that is Unprocessed, unless the head itself is wrong or ctx has
// ended. The caller closes the stream.
func (c *Conn) Open(ctx context.Context, head Head) (*Stream, error) { return nil, ErrClosed }

// CanOpen reports whether Open may succeed: the connection has not ended, and
// the peer sent no GOAWAY.
func (c *Conn) CanOpen() bool { return false }

// PeerSettings waits for the first SETTINGS frame of the peer and returns what
// holds now. It returns the context's error, or why the connection has ended.
func (c *Conn) PeerSettings(ctx context.Context) (Settings, error) { return Settings{}, ErrClosed }

// Ping asks the peer for an answer and waits for it.
func (c *Conn) Ping(ctx context.Context) error { return ErrClosed }

// Streams returns how many streams are open.
func (c *Conn) Streams() int { return 0 }

// Shutdown ends the connection in good order: the peer is asked for no more
// streams (RFC 9113 section 6.8), and the connection is closed when those that are
// open have ended. If ctx ends before that, Shutdown closes it and returns the
// context's error. Run must be running.
func (c *Conn) Shutdown(ctx context.Context) error { return nil }

// Abort sends a GOAWAY frame with code and debug, if that can be done without
// waiting long, and closes the connection. Streams end with ErrClosed.
func (c *Conn) Abort(code Code, debug string) {}

// Close is Abort with CodeNo.
func (c *Conn) Close() { c.Abort(CodeNo, "") }

// Done is closed when the connection has ended; streams still open have ended
// then, handlers perhaps not.
func (c *Conn) Done() <-chan struct{} { return nil }
