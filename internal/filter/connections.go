package filter

import (
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/necto-dev/necto/traffic"
)

// maxConnections is how many open WebSocket connections are remembered.
const maxConnections = 16384

// Connections remembers the handshakes of a recording's open WebSocket
// connections, from which frames have their URL and header. When there are more
// than 16,384 at once it forgets the one that was silent longest. One goroutine
// uses it; NewConnections makes one.
type Connections struct {
	open *simplelru.LRU[uint64, *traffic.Exchange]
}

// NewConnections returns an empty Connections.
func NewConnections() *Connections {
	open, err := simplelru.NewLRU[uint64, *traffic.Exchange](maxConnections, nil)
	if err != nil {
		panic(err) // it refuses only sizes below 1
	}
	return &Connections{open: open}
}

// Open remembers the exchange that opened the connection with that id, in place
// of one that had the id before.
func (c *Connections) Open(id uint64, x *traffic.Exchange) { c.open.Add(id, x) }

// Get returns the exchange that opened a connection, nil if its handshake was
// not seen or is forgotten.
func (c *Connections) Get(id uint64) *traffic.Exchange {
	x, _ := c.open.Get(id)
	return x
}

// Close forgets a connection that has ended, and returns what Get would have.
func (c *Connections) Close(id uint64) *traffic.Exchange {
	x, _ := c.open.Peek(id)
	c.open.Remove(id)
	return x
}
