package eventserver

import (
	"cmp"
	"slices"
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// hits are those that events have told of and that are held still, with their
// content. The zero value has none.
type hits struct {
	mu   sync.Mutex // guards byID
	byID map[traffic.HitID]*traffic.Hit
}

func (hs *hits) begin(h *traffic.Hit) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.byID == nil {
		hs.byID = map[traffic.HitID]*traffic.Hit{}
	}
	keepHit(h)
	hs.byID[h.ID] = h
}

func (hs *hits) end(h *traffic.Hit) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.byID[h.ID] != nil {
		delete(hs.byID, h.ID)
		releaseHit(h)
	}
}

// all returns what is held now, the oldest first. Each is to be released with
// releaseHit.
func (hs *hits) all() []*traffic.Hit {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	all := make([]*traffic.Hit, 0, len(hs.byID))
	for _, h := range hs.byID {
		keepHit(h)
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *traffic.Hit) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// get returns a hit, to be released with releaseHit, nil if it is not held.
func (hs *hits) get(id traffic.HitID) *traffic.Hit {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h := hs.byID[id]
	if h != nil {
		keepHit(h)
	}
	return h
}

func (hs *hits) count() int {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return len(hs.byID)
}

// keepHit keeps the content of a hit readable.
func keepHit(h *traffic.Hit) {
	for _, b := range [...]*traffic.Body{h.RequestBody, h.ResponseBody} {
		if b != nil {
			b.Keep()
		}
	}
}

func releaseHit(h *traffic.Hit) {
	h.RequestBody.Release()
	h.ResponseBody.Release()
}
