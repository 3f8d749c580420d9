package eventserver

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
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

	pumps sync.WaitGroup

	mu       sync.Mutex // guards sessions
	sessions []Session
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
	if o.Session.ID == "" {
		o.Session.ID = ulid.Make().String()
	}
	s := &Server{opts: o, log: o.Log, sessions: []Session{o.Session}, mux: http.NewServeMux()}
	s.ring = newRing(o.RingItems, o.RingBytes, o.Session.ID)
	s.io = newSocketIO(s)
	s.mux.Handle("/socket.io/", gate(s.io.ServeHandler(nil)))
	return s
}

// Handler returns the handler of all that the Server serves, for an http.Server
// with a ReadHeaderTimeout and neither ReadTimeout nor WriteTimeout, which would
// end connections that wait for events.
func (s *Server) Handler() http.Handler { return s.opts.Access.guard(s.mux) }

// sessionID returns the id of the session that traffic belongs to now.
func (s *Server) sessionID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[len(s.sessions)-1].ID
}

// drainTime is how long clients get to read that they are disconnected.
const drainTime = 100 * time.Millisecond

// Close ends the publishing: what was observed goes out, as far as clients take
// it until ctx is done; then they are disconnected. The http.Server can be shut
// down after that.
func (s *Server) Close(ctx context.Context) {
	s.ring.close()
	done := make(chan struct{})
	go func() {
		s.pumps.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.io.DisconnectSockets(false)
	time.Sleep(drainTime)
	s.io.Close(nil)
	<-done
}
