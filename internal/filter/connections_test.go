package filter_test

import (
	"testing"

	"github.com/necto-dev/necto/internal/filter"
)

func TestConnectionsRememberHandshakes(t *testing.T) {
	c, x := filter.NewConnections(), socket()
	c.Open(5, x)
	if c.Get(5) != x || c.Get(6) != nil {
		t.Error("the handshake of 5 and no other is known")
	}
	if c.Close(5) != x || c.Get(5) != nil || c.Close(5) != nil {
		t.Error("a connection is forgotten when it ends")
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	const limit = 16384
	c, x := filter.NewConnections(), socket()
	for id := range uint64(limit) {
		c.Open(id, x)
	}
	c.Get(0) // no longer the one that was silent longest
	c.Open(limit, x)
	if c.Get(0) == nil || c.Get(1) != nil || c.Get(limit) == nil {
		t.Error("the connection that was silent longest is forgotten")
	}
}
