package replay

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Limits of the cache, in bytes.
const (
	maxCached      = 32 << 20
	maxCachedEntry = 256 << 10
)

// cache holds answers that were served lately, by the number of their line. An
// answer larger than maxCachedEntry is not kept.
type cache struct {
	mu   sync.Mutex
	lru  *simplelru.LRU[uint32, *answer] // guarded by mu
	size int64                           // of what lru holds; guarded by mu
}

func newCache() *cache {
	c := &cache{}
	var err error
	c.lru, err = simplelru.NewLRU(math.MaxInt, func(_ uint32, a *answer) { c.size -= a.size })
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return c
}

func (c *cache) get(number uint32) (*answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(number)
}

func (c *cache) add(number uint32, a *answer) {
	if a.size > maxCachedEntry {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lru.Contains(number) { // two clients asked at once
		return
	}
	c.lru.Add(number, a)
	c.size += a.size
	for c.size > maxCached {
		c.lru.RemoveOldest()
	}
}
