package eventserver

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/servers/socket/v3"

	"github.com/necto-dev/necto/eventserver/mockttp"
)

// Server publishes what it observes. Create it with New. Its methods may be
// called concurrently.
type Server struct {
	opts Options
	log  *slog.Logger
	ring *ring
	// What is observed goes through intake, from which it is digested: see catchUp.
	intake    *intake
	digestion digestion
	// history is what REST answers from, and hits are what is held.
	history *history
	hits    hits
	metrics *metrics
	io      *socket.Server
	waiting waiting // clients of io
	// namespaces are those beside "/", and mockttp is the feed of one of them.
	namespaces []*namespace
	mockttp    *mockttp.Mapper
	mux        *http.ServeMux

	// began is when the Server was made.
	began    time.Time
	sessions sessions

	arrivals *settler // of clients

	mu          sync.Mutex // guards subscribers and closing
	subscribers map[*subscriber]struct{}
	clients     sync.WaitGroup // those that are sent something still
	closing     bool
	ending      chan struct{} // closed when closing is set
	dropped     atomic.Uint64
}

// New returns a Server that has heard of nothing yet.
func New(o Options) *Server {
	o.complete()
	active := newSession(o.SessionID, o.SessionName)
	s := &Server{
		opts: o, log: o.Log, mux: http.NewServeMux(), began: time.Now(),
		subscribers: map[*subscriber]struct{}{}, ending: make(chan struct{}), arrivals: newSettler(),
		history:  newHistory(o, active),
		ring:     newRing("", o.most(), o.backlog()),
		sessions: sessions{all: []*session{active}, active: active},
	}
	s.intake = newIntake(s.catchUp)
	s.io = newSocketIO()
	s.host("/", s.ring, func() interest { return new(subscriptions) }, clientEvents)
	s.addMockttp()
	s.mux.Handle(socketPath, s.limit(s.restrain(gate(s.io.ServeHandler(nil)))))
	s.await()
	s.metrics = newMetrics(s)
	s.handleREST()
	for pattern, h := range o.Handlers {
		s.mux.Handle(pattern, h)
	}
	return s
}

// Handler returns the handler of all that the Server serves, for an http.Server
// with a ReadHeaderTimeout and neither ReadTimeout nor WriteTimeout, which would
// end connections that wait for events.
func (s *Server) Handler() http.Handler { return s.opts.Access.guard(problems(s.mux)) }

// serve begins to send to a client, unless the Server is being closed.
func (s *Server) serve(sub *subscriber) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.subscribers[sub] = struct{}{}
	s.clients.Add(1)
	go sub.run()
	s.arrivals.add()
	return true
}

// leave says that nothing is sent to a client any more.
func (s *Server) leave(sub *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subscribers, sub)
	s.clients.Done()
}

// Stats says how a Server is doing.
type Stats struct {
	// Clients are connected to the namespace "/".
	Clients int
	// Items are in memory for them, of Bytes, about; Behind is how many of them
	// the slowest client has not been sent.
	Items  int
	Bytes  int64
	Behind uint64
	// Dropped counts the events that clients missed, each for itself, since the
	// Server began.
	Dropped uint64
}

// Stats returns how the Server is doing.
func (s *Server) Stats() Stats {
	stats := Stats{Dropped: s.dropped.Load()}
	stats.Items, stats.Bytes, stats.Behind = s.ring.size()
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subscribers {
		if sub.ring == s.ring {
			stats.Clients++
		}
	}
	return stats
}

// drainTime is how long clients get to read that they are disconnected.
const drainTime = 100 * time.Millisecond

// Close ends the publishing: what was observed goes out, as far as clients take
// it until ctx is done; then they are disconnected. The http.Server can be shut
// down after that.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		close(s.ending)
	}
	s.mu.Unlock()
	s.arrivals.stop()
	s.intake.close()
	s.catchUp()
	s.ring.close()
	for _, n := range s.namespaces {
		n.ring.close()
	}
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
	s.history.close()
}
