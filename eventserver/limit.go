package eventserver

import (
	"net/http"

	"golang.org/x/time/rate"
)

// The bounds for clients. Those who are over them may come again.
const (
	maxClients          = 5_000
	handshakesPerSecond = 500
	handshakesAtOnce    = 2_000
)

// limit lets a bounded number of clients connect to h, not too many at once. What
// comes from those who are connected passes.
func (s *Server) limit(h http.Handler) http.Handler {
	handshakes := rate.NewLimiter(handshakesPerSecond, handshakesAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("sid") == "" && (s.io.Engine().ClientsCount() >= maxClients || !handshakes.Allow()) {
			refuseForNow(w)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// refuseForNow answers a client that may come again.
func refuseForNow(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "necto: too many connections", http.StatusServiceUnavailable)
}
