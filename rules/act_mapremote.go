package rules

import (
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// apply returns the request on its way to the other origin.
func (m *MapRemote) apply(req *traffic.Request) (*traffic.Request, error) {
	to, err := traffic.ParseURL(m.URL)
	if err != nil {
		return nil, err
	}
	query, hasQuery := to.Query()
	target := to.Path()
	if m.KeepPath == nil || *m.KeepPath {
		target = joinPath(target, req.URL.Path())
	}
	if own, ok := req.URL.Query(); ok && (m.KeepQuery == nil || *m.KeepQuery) {
		query, hasQuery = joinQuery(query, own), true
	}
	if hasQuery {
		target += "?" + query
	}
	to.Scheme, to.Target = sameKind(to.Scheme, req.URL.Scheme), target
	return withURL(req, to, m.KeepHost), nil
}

// joinPath appends the path of a request, which for OPTIONS may be "*", that is
// the origin as a whole.
func joinPath(base, path string) string {
	if path == "*" {
		return path
	}
	return strings.TrimSuffix(base, "/") + path
}

func joinQuery(a, b string) string {
	if a == "" {
		return b
	}
	return a + "&" + b
}

// sameKind returns the scheme of a new URL as the request has it: a WebSocket
// handshake may say http or ws, and so may the rule that sends it elsewhere.
func sameKind(scheme, was string) string {
	secure := scheme == "https" || scheme == "wss"
	switch {
	case was == "ws" || was == "wss":
		if secure {
			return "wss"
		}
		return "ws"
	case secure:
		return "https"
	}
	return "http"
}

// withURL returns a request to another URL, with the Host field that fits it.
func withURL(req *traffic.Request, u traffic.URL, keepHost bool) *traffic.Request {
	out := req.Clone()
	out.URL, out.Target = u, u.Target
	if !keepHost && u.Authority != req.URL.Authority {
		out.Header.Set("Host", u.Authority)
	}
	return out
}
