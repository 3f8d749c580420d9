package eventserver

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/necto-dev/necto/internal/loopback"
)

// Access says who may connect. A request of this user whose Host is this machine's
// loopback, from a program or from a web page of this machine, needs no token; all
// others do. A wrong token is refused wherever it comes from. The zero value lets
// nobody else in.
type Access struct {
	// Token lets its bearer in: as auth.token of Socket.IO, as Authorization:
	// Bearer, or as the query parameter token. "" lets nobody in by token.
	Token string
	// RequireToken asks everyone for it.
	RequireToken bool
	// Origins are those of web pages that may read answers beside those of
	// loopback, "*" for all; they need the token.
	Origins []string
	// Relays reports whether necto answers, or has answered, at a port of this machine
	// with what others have written: a page from there is of another site. nil is no
	// port. It may be called concurrently.
	Relays func(port int) bool
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
			h.ServeHTTP(w, judged(r, admitted))
		case refusal.lacksToken && isSocketIO(r) && !isSecretive(r) && a.allowsOrigin(originOf(r)):
			h.ServeHTTP(w, judged(r, new(admission)))
		default:
			if refusal.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			writeProblem(w, refusal.status, refusal.text)
		}
	})
}

// judged returns a request as handlers get it. It has no Origin any more: what there is to
// say about that has been said, and the library would say something else.
func judged(r *http.Request, a *admission) *http.Request {
	r = withAdmission(r, a)
	r.Header = r.Header.Clone()
	r.Header.Del("Origin")
	return r
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
	switch {
	case a.RequireToken:
		return &refusal{http.StatusUnauthorized, "the token is needed", true}
	case !loopback.IsHost(r.Host):
		return &refusal{http.StatusForbidden, "Host is not of this machine: the token is needed", true}
	case isStranger(r):
		return &refusal{http.StatusForbidden, "another user of this machine asks: the token is needed", true}
	case !a.isOwnOrigin(originOf(r)):
		return &refusal{http.StatusForbidden, "Origin is not of this machine: the token is needed", true}
	case isSecretive(r):
		return &refusal{http.StatusForbidden, "a web page of another site asks: the token is needed", true}
	}
	return nil
}

// originOf returns the origin of the page that a request is of, "" for none that is
// told. Browsers send no Origin with what a page cannot read, such as images, but
// mostly a Referer.
func originOf(r *http.Request) string {
	if origin := r.Header.Get("Origin"); origin != "" {
		return origin
	}
	referer := r.Referer()
	if u, err := url.Parse(referer); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	return referer // no origin that could be of this machine
}

// isSecretive reports whether a request is of a page that does not tell its origin and
// may be of another site, or of another port of this machine.
func isSecretive(r *http.Request) bool {
	if r.Header.Get("Origin") != "" {
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site" && r.Referer() == ""
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
func (a *Access) isOwnOrigin(origin string) bool { return loopback.IsPage(origin, a.Relays) }

// allowsOrigin reports whether pages of an origin may read answers.
func (a *Access) allowsOrigin(origin string) bool {
	return a.isOwnOrigin(origin) || slices.Contains(a.Origins, origin) || slices.Contains(a.Origins, "*")
}
