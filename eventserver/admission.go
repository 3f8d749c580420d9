package eventserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/zishang520/socket.io/servers/socket/v3"
)

// maxUnadmitted is how much is read of each connection and each request of a client of
// Socket.IO that may have the token but has not shown it, in bytes.
const maxUnadmitted = 64 << 10

// admission is whether a client of Socket.IO may do all. Its requests have it in their
// contexts.
type admission struct {
	granted atomic.Bool
	// waits says that it is one of maxWaiting, and begun that there is a session.
	// waiting.mu guards them.
	waits, begun bool
}

// admitted is the admission of those who need no token or have it in their requests.
var admitted = func() *admission {
	a := new(admission)
	a.granted.Store(true)
	return a
}()

// admissionKey is that of admissions in contexts.
type admissionKey struct{}

func withAdmission(r *http.Request, a *admission) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), admissionKey{}, a))
}

// admissionOf returns the admission of a request that guard has judged.
func admissionOf(r *http.Request) *admission {
	a, _ := r.Context().Value(admissionKey{}).(*admission)
	return a
}

// admit decides about a client of Socket.IO that has sent its auth.
func (s *Server) admit(sock *socket.Socket, next func(*socket.ExtendedError)) {
	if a := admissionOf(sock.Request().Request()); !a.granted.Load() {
		token, _ := sock.Handshake().Auth["token"].(string)
		if !s.opts.Access.isToken(token) {
			next(socket.NewExtendedError("not allowed: no token, or a wrong one", nil))
			return
		}
		a.granted.Store(true)
		s.waiting.leave(a)
	}
	next(nil)
}

// restrain bounds what clients may send to h until they are admitted, and how many of
// them there are.
func (s *Server) restrain(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := admissionOf(r)
		if a == admitted {
			h.ServeHTTP(w, r)
			return
		}
		if sid := r.URL.Query().Get("sid"); sid == "" {
			if !s.waiting.enter(a) {
				refuseForNow(w)
				return
			}
			defer s.waiting.giveUp(a)
		} else if session := s.sessionAdmission(sid); session != nil {
			// Browsers send no Authorization with the WebSocket of a session that they
			// have begun with it.
			a = session
			r = withAdmission(r, a)
		}
		if !a.granted.Load() && !readShort(w, r) {
			return
		}
		h.ServeHTTP(w, r)
	})
}

// readShort reads the content of a request of a client that is not admitted. It
// returns false, and has answered, if that is long.
func readShort(w http.ResponseWriter, r *http.Request) bool {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUnadmitted))
	if err != nil {
		http.Error(w, "necto: the token is needed before so much", http.StatusRequestEntityTooLarge)
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	return true
}

var errUnadmitted = errors.New("the client says too much before it shows the token")

// restraint bounds what is read of a connection until its client is admitted. The
// methods of a nil one do nothing.
type restraint struct {
	admission *admission
	left      int // bytes
}

// newRestraint returns that of the connection of a request, nil for none.
func newRestraint(r *http.Request) *restraint {
	if a := admissionOf(r); !a.granted.Load() {
		return &restraint{a, maxUnadmitted}
	}
	return nil
}

// read notes that n bytes were read. It fails if that is too much.
func (r *restraint) read(n int) error {
	if r == nil || r.admission.granted.Load() {
		return nil
	}
	if r.left -= n; r.left < 0 {
		return errUnadmitted
	}
	return nil
}
