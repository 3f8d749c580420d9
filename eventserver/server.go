package eventserver

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/zishang520/socket.io/servers/socket/v3"
)

// Server publishes what it observes. Create it with New. Its methods may be
// called concurrently.
type Server struct {
	opts Options
	log  *slog.Logger
	ring *ring
	io   *socket.Server
	mux  *http.ServeMux

	// began is when the Server was made.
	began    time.Time
	sessions sessions

	mu      sync.Mutex // guards clients and closing
	clients sync.WaitGroup
	closing bool
}

// New returns a Server that has heard of nothing yet.
func New(o Options) *Server {
	if o.RingItems == 0 {
		o.RingItems = 20_000
	}
	if o.RingBytes == 0 {
		o.RingBytes = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	active := newSession(o.SessionID, o.SessionName)
	s := &Server{
		opts: o, log: o.Log, mux: http.NewServeMux(), began: time.Now(),
		ring:     newRing(o.RingItems, o.RingBytes, active),
		sessions: sessions{all: []*session{active}, active: active},
	}
	s.io = newSocketIO(s)
	s.mux.Handle(socketPath, s.limit(gate(s.io.ServeHandler(nil))))
	return s
}

// Handler returns the handler of all that the Server serves, for an http.Server
// with a ReadHeaderTimeout and neither ReadTimeout nor WriteTimeout, which would
// end connections that wait for events.
func (s *Server) Handler() http.Handler { return s.opts.Access.guard(s.mux) }

// serve runs the goroutine of a client, unless the Server is being closed.
func (s *Server) serve(run func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.clients.Go(run)
	}
	return !s.closing
}

// drainTime is how long clients get to read that they are disconnected.
const drainTime = 100 * time.Millisecond

// Close ends the publishing: what was observed goes out, as far as clients take
// it until ctx is done; then they are disconnected. The http.Server can be shut
// down after that.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.ring.close()
	done := make(chan struct{})
	go func() {
		s.clients.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	if s.io.Engine().ClientsCount() > 0 {
		s.io.DisconnectSockets(false)
		time.Sleep(drainTime)
	}
	s.io.Close(nil)
	<-done
}
