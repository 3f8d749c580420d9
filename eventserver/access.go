package eventserver

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zishang520/socket.io/servers/socket/v3"
)

// Access says who may connect. A request whose Host and Origin are of this
// machine's loopback, or that has no Origin, needs no token; all others do. A
// wrong token is refused wherever it comes from. The zero value lets nobody else
// in.
type Access struct {
	// Token lets its bearer in: as auth.token of Socket.IO, as Authorization:
	// Bearer, or as the query parameter token. "" lets nobody in by token.
	Token string
	// RequireToken asks everyone for it.
	RequireToken bool
	// Origins are those of web pages that may read answers beside those of
	// loopback, "*" for all; they need the token.
	Origins []string
}

// NewToken returns a random token of 128 bits.
func NewToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// guard answers requests of those who may not connect, and preflights, and lets h
// answer others. What a client of Socket.IO may do is decided when it has sent its
// auth: see admit.
func (a *Access) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.share(w, r) {
			return
		}
		refusal := a.refusal(r)
		switch {
		case refusal == nil:
			h.ServeHTTP(w, judged(r, true))
		case refusal.lacksToken && isSocketIO(r) && a.allowsOrigin(r.Header.Get("Origin")):
			h.ServeHTTP(w, judged(r, false))
		default:
			if refusal.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			writeProblem(w, refusal.status, refusal.text)
		}
	})
}

// admittedKey is that of what guard notes about requests that may do all.
type admittedKey struct{}

// judged returns r as handlers get it. It has no Origin any more: what there is to
// say about that has been said, and the library would say something else.
func judged(r *http.Request, admitted bool) *http.Request {
	r = r.WithContext(context.WithValue(r.Context(), admittedKey{}, admitted))
	r.Header = r.Header.Clone()
	r.Header.Del("Origin")
	return r
}

// admit decides about a client of Socket.IO that has sent its auth.
func (a *Access) admit(sock *socket.Socket, next func(*socket.ExtendedError)) {
	if admitted, _ := sock.Request().Request().Context().Value(admittedKey{}).(bool); admitted {
		next(nil)
		return
	}
	if token, ok := sock.Handshake().Auth["token"].(string); ok && a.isToken(token) {
		next(nil)
		return
	}
	next(socket.NewExtendedError("not allowed: no token, or a wrong one", nil))
}

// refusal is why a request is not answered.
type refusal struct {
	status int
	text   string
	// lacksToken says that the token would help.
	lacksToken bool
}

// refusal returns why r is to be refused, nil if it is not.
func (a *Access) refusal(r *http.Request) *refusal {
	if token, given := tokenOf(r); given {
		if a.isToken(token) {
			return nil
		}
		return &refusal{status: http.StatusUnauthorized, text: "wrong token"}
	}
	origin := r.Header.Get("Origin")
	switch {
	case a.RequireToken:
		return &refusal{http.StatusUnauthorized, "the token is needed", true}
	case !isLoopback(r.Host):
		return &refusal{http.StatusForbidden, "Host is not of this machine: the token is needed", true}
	case !isOwnOrigin(origin):
		return &refusal{http.StatusForbidden, "Origin is not of this machine: the token is needed", true}
	case origin == "" && r.Header.Get("Sec-Fetch-Site") == "cross-site":
		// Browsers send no Origin with what a page cannot read, such as images.
		return &refusal{http.StatusForbidden, "a web page of another site asks: the token is needed", true}
	}
	return nil
}

// tokenOf returns the token that a request has, and whether it has one.
func tokenOf(r *http.Request) (token string, given bool) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token, true
	}
	query := r.URL.Query()
	return query.Get("token"), query.Has("token")
}

func (a *Access) isToken(s string) bool {
	return a.Token != "" && subtle.ConstantTimeCompare([]byte(s), []byte(a.Token)) == 1
}

// isSocketIO reports whether a request is for Socket.IO.
func isSocketIO(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, socketPath) }

// share lets pages of origins that may read answers do so (CORS), and answers
// their preflights, which never have a token.
func (a *Access) share(w http.ResponseWriter, r *http.Request) (answered bool) {
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !a.allowsOrigin(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// isOwnOrigin reports whether a page of that origin is of this machine, as what is
// no page is ("").
func isOwnOrigin(origin string) bool {
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && isLoopback(u.Host)
}

// isLoopback reports whether a host, with or without port, is this machine.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// allowsOrigin reports whether pages of an origin may read answers.
func (a *Access) allowsOrigin(origin string) bool {
	return isOwnOrigin(origin) || slices.Contains(a.Origins, origin) || slices.Contains(a.Origins, "*")
}
