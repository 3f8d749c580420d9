package proxy

import (
	"net"
	"testing"

	"github.com/necto-dev/necto/internal/h1"
)

// TestUpgradedConnForgotten lets a client of HTTP/2, whose connection lives on, open
// one WebSocket connection after the other.
func TestUpgradedConnForgotten(t *testing.T) {
	o := newOrigins(t.Context(), nil)
	conn, far := net.Pipe()
	defer far.Close()
	oc := &originConn{conn: conn, r: h1.NewReader(conn, h1.Limits{}), busy: true}
	if !o.add(oc) {
		t.Fatal("the connection was not taken")
	}
	if err := (&upgradedConn{o: o, oc: oc}).Close(); err != nil {
		t.Fatal(err)
	}
	if len(o.conns) != 0 {
		t.Errorf("%d connections are kept, want none", len(o.conns))
	}
}
