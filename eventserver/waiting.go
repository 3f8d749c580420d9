package eventserver

import (
	"sync"

	"github.com/zishang520/socket.io/servers/engine/v3"
)

// maxWaiting is how many clients of Socket.IO there are at once that are to show the
// token. Who does not is disconnected after connectTimeout.
const maxWaiting = 100

// waiting counts the clients that are to show the token.
type waiting struct {
	mu    sync.Mutex // guards count
	count int
}

// enter counts a client. It returns false if there are too many.
func (w *waiting) enter(a *admission) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= maxWaiting {
		return false
	}
	w.count++
	a.waits = true
	return true
}

// begin notes that a client has a session.
func (w *waiting) begin(a *admission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.begun = true
}

// leave makes room for another client, if that one has not left already.
func (w *waiting) leave(a *admission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uncount(a)
}

// giveUp makes room for another client if that one has got no session.
func (w *waiting) giveUp(a *admission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !a.begun {
		w.uncount(a)
	}
}

// uncount is leave with w.mu held.
func (w *waiting) uncount(a *admission) {
	if a.waits {
		a.waits = false
		w.count--
	}
}

// await notes sessions as they begin and end.
func (s *Server) await() {
	_ = s.io.Engine().On("connection", func(args ...any) {
		conn, ok := args[0].(engine.Socket)
		if !ok {
			return
		}
		a := admissionOf(conn.Request().Request())
		if a == admitted {
			return
		}
		s.waiting.begin(a)
		_ = conn.Once("close", func(...any) { s.waiting.leave(a) })
		if conn.ReadyState() == "closed" { // before anybody listened
			s.waiting.leave(a)
		}
	})
}

// sessionAdmission returns the admission of a session, that of the request which it
// began with; nil if there is no such session.
func (s *Server) sessionAdmission(id string) *admission {
	conn, ok := s.io.Engine().Clients().Load(id)
	if !ok {
		return nil
	}
	return admissionOf(conn.Request().Request())
}
