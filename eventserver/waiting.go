package eventserver

import (
	"sync"

	"github.com/zishang520/socket.io/servers/engine/v3"
)

// maxWaiting is how many clients of Socket.IO there are at once that are to show the
// token. Who does not is disconnected after connectTimeout.
const maxWaiting = 100

// waiting are the sessions of clients that came without the token.
type waiting struct {
	mu sync.Mutex // guards the fields below
	// sessions have the admission of each, also once it is granted, by their ids.
	sessions map[string]*admission
	count    int // of those that are to show the token
}

// enter notes a client that is to show the token. It returns false if there are too
// many of them.
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

// begin notes the session of a client.
func (w *waiting) begin(id string, a *admission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.begun = true
	w.sessions[id] = a
}

// end forgets the session of a client.
func (w *waiting) end(id string, a *admission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sessions, id)
	w.leave(a)
}

// giveUp forgets a client that has got no session.
func (w *waiting) giveUp(a *admission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !a.begun {
		w.leave(a)
	}
}

// grant lets a client do all.
func (w *waiting) grant(a *admission) {
	a.granted.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave(a)
}

// leave makes room for another client. w.mu is held.
func (w *waiting) leave(a *admission) {
	if a.waits {
		a.waits = false
		w.count--
	}
}

// of returns the admission of a session, nil if it is none of a client that came
// without the token.
func (w *waiting) of(id string) *admission {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sessions[id]
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
		s.waiting.begin(conn.Id(), a)
		_ = conn.Once("close", func(...any) { s.waiting.end(conn.Id(), a) })
		if conn.ReadyState() == "closed" { // before anybody listened
			s.waiting.end(conn.Id(), a)
		}
	})
}
