package eventserver

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Access says who may connect. A request whose Host and Origin are of this
// machine's loopback, or that has no Origin, needs no token; all others do.
// The zero value lets nobody else in.
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

// guard answers requests of those who may not connect, and lets h answer others.
func (a *Access) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.allowed(r) {
			http.Error(w, "necto: not allowed: wrong Host or Origin, or no token", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (a *Access) allowed(r *http.Request) bool {
	if a.tokenIn(r) {
		return true
	}
	return !a.RequireToken && isLoopback(r.Host) && a.isOwnOrigin(r.Header.Get("Origin"))
}

// tokenIn reports whether a request has the token.
func (a *Access) tokenIn(r *http.Request) bool {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return a.isToken(token)
	}
	return a.isToken(r.URL.Query().Get("token"))
}

func (a *Access) isToken(s string) bool {
	return a.Token != "" && subtle.ConstantTimeCompare([]byte(s), []byte(a.Token)) == 1
}

// isOwnOrigin reports whether a page of that origin is of this machine.
func (a *Access) isOwnOrigin(origin string) bool {
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
	return a.isOwnOrigin(origin) || slices.Contains(a.Origins, origin) || slices.Contains(a.Origins, "*")
}
