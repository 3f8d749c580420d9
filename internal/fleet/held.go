package fleet

import (
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// heldHits are the hits of this node that are held, with their content: who joins the
// space later wants to know of them. The zero value has none.
type heldHits struct {
	mu     sync.Mutex // guards what follows
	byID   map[traffic.HitID]*traffic.Hit
	closed bool
}

// begin keeps a hit.
func (hs *heldHits) begin(h *traffic.Hit) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.closed {
		return
	}
	if hs.byID == nil {
		hs.byID = map[traffic.HitID]*traffic.Hit{}
	}
	for _, b := range bodiesOfHit(h) {
		if b != nil {
			b.Keep()
		}
	}
	hs.byID[h.ID] = h
}

// end forgets a hit.
func (hs *heldHits) end(h *traffic.Hit) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.byID[h.ID] != nil {
		delete(hs.byID, h.ID)
		releaseHit(h)
	}
}

// each calls tell for each hit, before any of them can end.
func (hs *heldHits) each(tell func(*traffic.Hit)) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, h := range hs.byID {
		tell(h)
	}
}

// close forgets all hits, also those to come.
func (hs *heldHits) close() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.closed = true
	for id, h := range hs.byID {
		delete(hs.byID, id)
		releaseHit(h)
	}
}

func bodiesOfHit(h *traffic.Hit) []*traffic.Body {
	return []*traffic.Body{h.RequestBody, h.ResponseBody}
}

func releaseHit(h *traffic.Hit) {
	for _, b := range bodiesOfHit(h) {
		b.Release()
	}
}
