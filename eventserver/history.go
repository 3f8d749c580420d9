package eventserver

import (
	"container/list"
	"slices"
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// The bounds of the frames of each connection: the latest are kept.
const (
	frameItems = 1_000
	frameBytes = 8 << 20
)

// history keeps the exchanges in which something happened last.
type history struct {
	maxItems int
	maxBytes int64

	mu    sync.Mutex // guards the fields below, and what is in them
	byID  map[traffic.ExchangeID]*list.Element
	queue list.List // of *kept; something happened in the last one last
	bytes int64
}

// kept is an exchange as far as it is known.
type kept struct {
	session *session
	x       *traffic.Exchange
	// kind is that of the last item about the exchange itself: itemEntry, itemHead,
	// itemDone or itemOpen.
	kind itemKind
	// request and response are the content that is known of, nil for none.
	request, response *traffic.Body
	// held is how many hits hold it, or messages of its connection.
	held int
	// closed is the item of the end of its connection, nil before.
	closed *item
	// frames are the latest of its connection, and lost is how many there were
	// before them.
	frames []*item
	lost   int
	// frameCost is what frames take in bytes, cost what all of it takes.
	frameCost, cost int64
}

func newHistory(maxItems int, maxBytes int64) *history {
	return &history{maxItems: maxItems, maxBytes: maxBytes, byID: map[traffic.ExchangeID]*list.Element{}}
}

// begin keeps an exchange that has begun in a session.
func (h *history) begin(x *traffic.Exchange, one *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := &kept{session: one, x: x, kind: itemEntry}
	h.byID[x.ID] = h.queue.PushBack(k)
	h.charge(k, itemCost+fieldsCost(x.Request.Header)+int64(len(x.Request.Target)))
	h.trim()
}

// update lets change note what has happened in an exchange, if that is kept.
func (h *history) update(id traffic.ExchangeID, change func(k *kept) (cost int64)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.byID[id]
	if e == nil {
		return
	}
	h.queue.MoveToBack(e)
	k := e.Value.(*kept)
	h.charge(k, change(k))
	h.trim()
}

// requestDone notes that the content of a request is there.
func (h *history) requestDone(x *traffic.Exchange) {
	h.update(x.ID, func(k *kept) int64 { return keepBody(&k.request, x.RequestBody) })
}

// head notes that a response has begun.
func (h *history) head(x *traffic.Exchange) {
	h.update(x.ID, func(k *kept) int64 {
		k.kind, k.x = itemHead, x
		return fieldsCost(x.Response.Header)
	})
}

// done notes that an exchange has ended (itemDone), or gone over to WebSocket
// (itemOpen).
func (h *history) done(kind itemKind, x *traffic.Exchange) {
	h.update(x.ID, func(k *kept) int64 {
		k.kind, k.x = kind, x
		return keepBody(&k.request, x.RequestBody) + keepBody(&k.response, x.ResponseBody)
	})
}

// frame notes a frame.
func (h *history) frame(it *item) {
	h.update(it.x.ID, func(k *kept) int64 {
		cost := it.cost
		k.frames = append(k.frames, it)
		k.frameCost += it.cost
		for len(k.frames) > frameItems || len(k.frames) > 1 && k.frameCost > frameBytes {
			old := k.frames[0].cost
			k.frames[0] = nil
			k.frames = k.frames[1:]
			k.lost++
			k.frameCost -= old
			cost -= old
		}
		return cost
	})
}

// socketDone notes the end of a WebSocket connection.
func (h *history) socketDone(it *item) {
	h.update(it.x.ID, func(k *kept) int64 {
		k.closed = it
		return 0
	})
}

// hit notes that a hit holds the exchange, or holds it no more.
func (h *history) hit(x *traffic.Exchange, held bool) {
	h.update(x.ID, func(k *kept) int64 {
		if held {
			k.held++
		} else {
			k.held--
		}
		return 0
	})
}

// keepBody keeps b, which may be nil, in a place unless that is taken, and returns
// what that costs.
func keepBody(place **traffic.Body, b *traffic.Body) int64 {
	if b == nil || *place != nil {
		return 0
	}
	b.Keep()
	*place = b
	return b.Size()
}

// charge notes that k takes n more bytes.
func (h *history) charge(k *kept, n int64) {
	k.cost += n
	h.bytes += n
}

// trim forgets exchanges in which nothing has happened for longest, but for the
// last one.
func (h *history) trim() {
	for h.queue.Len() > 1 && (h.queue.Len() > h.maxItems || h.bytes > h.maxBytes) {
		h.remove(h.queue.Front())
	}
}

func (h *history) remove(e *list.Element) {
	k := h.queue.Remove(e).(*kept)
	delete(h.byID, k.x.ID)
	h.bytes -= k.cost
	k.release()
}

// release gives back the content that k keeps.
func (k *kept) release() {
	k.request.Release()
	k.response.Release()
}

// complete reports whether all of the exchange is known, but for the connection
// that it may have opened.
func (k *kept) complete() bool { return k.kind == itemDone || k.kind == itemOpen }

// forget forgets a session.
func (h *history) forget(one *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for e := h.queue.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*kept).session == one {
			h.remove(e)
		}
		e = next
	}
}

// close forgets everything.
func (h *history) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.queue.Len() > 0 {
		h.remove(h.queue.Front())
	}
}

// get returns an exchange as it is now, whose content is readable until it is
// released, and false if it is not kept.
func (h *history) get(id traffic.ExchangeID) (kept, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.byID[id]
	if e == nil {
		return kept{}, false
	}
	k := *e.Value.(*kept)
	for _, b := range [...]*traffic.Body{k.request, k.response} {
		if b != nil {
			b.Keep()
		}
	}
	k.frames = slices.Clone(k.frames)
	return k, true
}

// ids returns the numbers of all exchanges, the latest first.
func (h *history) ids() []traffic.ExchangeID {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]traffic.ExchangeID, 0, len(h.byID))
	for id := range h.byID {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b traffic.ExchangeID) int {
		if a > b {
			return -1
		}
		return 1
	})
	return ids
}
