package eventserver

import (
	"context"
	"net"
	"net/http"

	"github.com/necto-dev/necto/internal/peeruser"
)

// strangerKey is that of the mark of connections of other users of this machine.
type strangerKey struct{}

// ConnContext is for the http.Server that serves the Handler, so that other users of
// this machine need the token: that a connection is from loopback says nothing about
// them. Without it, and where the system does not tell whose a connection is, they are
// let in as this user is.
func (s *Server) ConnContext(ctx context.Context, conn net.Conn) context.Context {
	if s.opts.Access.RequireToken || !peeruser.IsOther(conn) {
		return ctx
	}
	return context.WithValue(ctx, strangerKey{}, true)
}

// isStranger reports whether a request is of another user of this machine.
func isStranger(r *http.Request) bool { return r.Context().Value(strangerKey{}) != nil }
