package replay

import (
	"sync"

	"github.com/necto-dev/necto/internal/wsframe"
)

// clients are those whose conversations are open. The zero value has none.
type clients struct {
	mu    sync.Mutex // guards what follows
	open  map[*client]struct{}
	ended bool // there are to be no more
}

func (c *clients) add(one *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		one.goAway()
		return
	}
	if c.open == nil {
		c.open = make(map[*client]struct{})
	}
	c.open[one] = struct{}{}
}

func (c *clients) remove(one *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, one)
}

// end ends all conversations, and from now on those that begin.
func (c *clients) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for one := range c.open {
		one.goAway()
	}
}

func (c *client) goAway() { c.refuse(wsframe.CloseGoingAway, "necto is stopping") }
