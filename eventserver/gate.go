package eventserver

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// writeTimeout is how long a client may take to read what it is sent before it
// is given up.
const writeTimeout = 10 * time.Second

// gate wraps the library's handler. A connection that is taken over from net/http
// is read from only when the library has finished setting it up, so that no early
// frame gets lost; each write to it has a deadline; and it is closed when reading
// fails, which the library leaves to the garbage collector.
//
// The library keeps the request and the response of a connection as long as that
// lives, so they are left with as little as it needs.
func gate(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := &gateWriter{ResponseWriter: w, ready: make(chan struct{}), restraint: newRestraint(r)}
		defer g.open()
		if websocket.IsWebSocketUpgrade(r) {
			r = r.WithContext(r.Context()) // a copy
			r.Header = onlyHandshake(r.Header)
		}
		h.ServeHTTP(g, r)
	})
}

// handshakeFields are those of a request to upgrade (RFC 6455 section 4.1).
var handshakeFields = []string{
	"Connection", "Upgrade", "Sec-Websocket-Version", "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions",
}

// onlyHandshake returns those of the header that there are.
func onlyHandshake(h http.Header) http.Header {
	only := make(http.Header, len(handshakeFields))
	for _, name := range handshakeFields {
		if values, ok := h[name]; ok {
			only[name] = values
		}
	}
	return only
}

// gateWriter lets a connection be taken over as a gateConn.
type gateWriter struct {
	http.ResponseWriter
	ready chan struct{}
	taken bool // the connection was taken over
	// restraint is that of the connection, nil for none.
	restraint *restraint
}

// open lets a connection that was taken over be read from. The handler has returned:
// nobody needs the response any more, which has the buffers of net/http.
func (g *gateWriter) open() {
	if g.taken {
		g.ResponseWriter = spent{}
	}
	close(g.ready)
}

// spent is a response whose connection was taken over.
type spent struct{}

func (spent) Header() http.Header { return http.Header{} }

func (spent) Write([]byte) (int, error) { return 0, http.ErrHijacked }

func (spent) WriteHeader(int) {}

// Unwrap lets http.ResponseController find the writer inside.
func (g *gateWriter) Unwrap() http.ResponseWriter { return g.ResponseWriter }

// Hijack implements http.Hijacker.
func (g *gateWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	g.taken = true
	return &gateConn{Conn: conn, ready: g.ready, restraint: g.restraint}, rw, nil
}

// gateConn is a connection that was taken over.
type gateConn struct {
	net.Conn
	ready   <-chan struct{}
	once    sync.Once
	writing sync.Mutex // held while a piece of data is written
	// restraint is for Read, nil for none.
	restraint *restraint
}

// Read waits until the connection is set up, and fails when its client says too much
// before it is admitted.
func (c *gateConn) Read(p []byte) (int, error) {
	c.once.Do(func() { <-c.ready })
	n, err := c.Conn.Read(p)
	if err == nil {
		err = c.restraint.read(n)
	}
	if err != nil {
		_ = c.Close() // the library's own close comes too late
	}
	return n, err
}

// writeChunk is how much a client has writeTimeout for, in bytes.
const writeChunk = 256 << 10

// Write gives up on a client that does not read. What others write at the same
// time comes before or behind p.
func (c *gateConn) Write(p []byte) (n int, _ error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for n < len(p) {
		if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return n, err
		}
		written, err := c.Conn.Write(p[n:min(n+writeChunk, len(p))])
		if n += written; err != nil {
			return n, err
		}
	}
	return n, nil
}

// writeAll is Write for several pieces, of no more than writeChunk together, in one
// system call.
func (c *gateConn) writeAll(pieces net.Buffers) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := pieces.WriteTo(c.Conn)
	return err
}
