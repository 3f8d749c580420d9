package h2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// lingerTimeout and lingerLimit bound what is read after the end, in bytes.
const (
	lingerTimeout = 250 * time.Millisecond
	lingerLimit   = 1 << 20
)

// Why connections end.
var (
	errLeft   = errors.New("the peer has closed the connection") // between streams
	errSilent = errors.New("the peer does not answer")
)

// Conn is one side of an HTTP/2 connection. Its methods may be called
// concurrently, Run once.
type Conn struct {
	conn   net.Conn
	cfg    Config
	handle func(*Stream) // nil for a client
	in     connInflow
	// ctx ends with the connection; all contexts of streams are its children.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// settled is closed when the first SETTINGS frame of the peer has come.
	settled  chan struct{}
	handlers sync.WaitGroup

	mu       sync.Mutex // guards what follows, and what Stream says it does
	err      error      // why the connection has ended, nil while it has not
	abort    *ConnError // what to say in a GOAWAY when it ends by Abort
	streams  map[uint32]*Stream
	running  int            // handlers
	lastPeer uint32         // highest stream that the peer has opened
	nextOwn  uint32         // the next one that we open
	forgot   recent         // streams that we have reset
	goAway   *GoAwayError   // what the peer has sent, nil for nothing
	draining bool           // we take no more streams
	idle     time.Time      // when the last stream has ended
	peer     Settings       // of the peer
	window   int            // what we may send
	paid     int            // WINDOW_UPDATE frames we expect for what we have sent
	enc      *hpack.Encoder // writes to block
	block    bytes.Buffer
	out      output
	room     line // for room in out
	credit   line // for window
	slots    line // for a stream less than peer.MaxStreams
	pings    map[uint64]chan struct{}
	lastPing uint64
}

// Server returns the server's side of conn, on which nothing was read or
// written: the client's preface is the first thing that Run reads. handle is
// called on a goroutine of its own for each stream, with its head read; what is
// not finished when it returns is reset. Run closes conn.
func Server(conn net.Conn, cfg Config, handle func(*Stream)) *Conn {
	c := newConn(conn, cfg)
	c.handle = handle
	settings := c.cfg.settings()
	settings = append(settings, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: c.cfg.MaxStreams})
	if cfg.ExtendedConnect {
		settings = append(settings, http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	}
	c.greet("", settings)
	return c
}

// Client returns the client's side of conn, which Run closes.
func Client(conn net.Conn, cfg Config) *Conn {
	c := newConn(conn, cfg)
	c.nextOwn = 1
	c.greet(preface, append(c.cfg.settings(), http2.Setting{ID: http2.SettingEnablePush, Val: 0}))
	return c
}

func newConn(conn net.Conn, cfg Config) *Conn {
	cfg = cfg.withDefaults()
	c := &Conn{
		conn: conn, cfg: cfg,
		settled: make(chan struct{}),
		streams: map[uint32]*Stream{},
		peer:    defaultSettings(),
		window:  defaultWindow,
		out:     output{wake: make(gate, 1), round: 1},
		pings:   map[uint64]chan struct{}{},
		idle:    time.Now(),
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.in.inflow = inflow{window: cfg.ConnWindow, size: cfg.ConnWindow, limit: cfg.MaxBuffered}
	c.enc = hpack.NewEncoder(&c.block)
	return c
}

// greet writes what a connection begins with (RFC 9113 section 3.4), and the
// window of the connection, for which there is no setting.
func (c *Conn) greet(preface string, settings []http2.Setting) {
	frames := appendSettings(append(c.out.begin(), preface...), settings)
	if more := c.cfg.ConnWindow - defaultWindow; more > 0 {
		frames = appendWindowUpdate(frames, 0, uint32(more))
	}
	c.out.put(frames)
}

// Run serves the connection until it ends, closes it, and waits for the handlers.
// The end of ctx is a Close. It returns nil if the connection ended in good order:
// by the peer between streams, or by Close, Abort or Shutdown. Otherwise the
// error is a *ConnError, a *GoAwayError, or says what failed.
func (c *Conn) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, c.Close)
	defer stop()
	var writer sync.WaitGroup
	writer.Go(func() {
		c.write()
		_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // the end of what read waits for
	})
	c.end(newReader(c).read())
	writer.Wait()
	c.linger()
	_ = c.conn.Close() // it has ended, whatever this says
	c.handlers.Wait()
	if errors.Is(c.err, ErrClosed) || errors.Is(c.err, errLeft) {
		return nil
	}
	return c.err
}

// linger lets the peer read why the connection ends, or that it does after a GOAWAY
// of the peer's: a close with something of the peer's unread would make its system
// forget what it has not read.
func (c *Conn) linger() {
	aborted := c.abort != nil && c.abort.Code != CodeNo
	if !aborted && c.goAway == nil {
		return
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // where it fails, reading does as well
	}
	if c.conn.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
		_, _ = io.CopyN(io.Discard, c.conn, lingerLimit) // until it ends in whatever way
	}
}

// end ends the connection and all its streams because of err; if it has ended
// already nothing happens.
func (c *Conn) end(err error) {
	c.mu.Lock()
	streams := c.endLocked(err)
	c.mu.Unlock()
	for _, s := range streams {
		s.lost(err)
	}
}

// endLocked is end with c.mu held. The caller tells the streams that it returns.
func (c *Conn) endLocked(err error) map[uint32]*Stream {
	if c.err != nil {
		return nil
	}
	c.err = err
	c.cancel(err)
	if e, ok := errors.AsType[*ConnError](err); ok {
		c.abort = e
	}
	if c.abort != nil {
		c.out.put(appendGoAway(c.out.begin(), c.lastPeer, c.abort.Code, c.abort.Reason))
	}
	c.out.closing = true
	c.out.flush()
	c.limitWrites()
	streams := c.streams
	c.streams = nil
	for _, s := range streams {
		s.closed, s.err = true, err
		s.writable.open()
	}
	for _, l := range [...]*line{&c.room, &c.credit, &c.slots} {
		l.wakeAll()
	}
	return streams
}

// failed returns err of an operation as the end of a connection.
func failed(op string, err error) error { return fmt.Errorf("%s: %w", op, err) }

// left returns why a connection has ended that the peer has closed, or where
// reading has failed with err: io.EOF for between two frames.
func (c *Conn) left(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leftErr(err)
}

// leftErr is left with c.mu held.
func (c *Conn) leftErr(err error) error {
	switch {
	case c.goAway != nil && c.goAway.Code != CodeNo:
		return c.goAway
	case !errors.Is(err, io.EOF):
		return failed("read", err)
	case len(c.streams) > 0:
		return failed("read", io.ErrUnexpectedEOF)
	}
	return errLeft
}

// Abort sends a GOAWAY frame with code and debug, if that can be done without
// waiting long, and closes the connection. Streams end with ErrClosed.
func (c *Conn) Abort(code Code, debug string) {
	c.mu.Lock()
	if c.err == nil {
		c.abort = &ConnError{Code: code, Reason: debug}
	}
	streams := c.endLocked(ErrClosed)
	c.mu.Unlock()
	for _, s := range streams {
		s.lost(ErrClosed)
	}
}

// Close is Abort with CodeNo.
func (c *Conn) Close() { c.Abort(CodeNo, "") }

// Done is closed when the connection has ended; streams still open have ended
// then, handlers perhaps not.
func (c *Conn) Done() <-chan struct{} { return c.ctx.Done() }

// Streams returns how many streams are open.
func (c *Conn) Streams() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.streams)
}

// PeerSettings waits for the first SETTINGS frame of the peer and returns what
// holds now. It returns the context's error, or why the connection has ended
// before.
func (c *Conn) PeerSettings(ctx context.Context) (Settings, error) {
	select {
	case <-c.settled:
	case <-c.ctx.Done():
	case <-ctx.Done():
		return Settings{}, context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.settled: // perhaps also before the end
		return c.peer, nil
	default:
		return Settings{}, c.err
	}
}
