package eventserver

import (
	"slices"
	"sync"

	"github.com/necto-dev/necto/traffic"
)

// The bounds of the frames of each connection: the latest are kept.
const (
	frameItems = 1_000
	frameBytes = 8 << 20
)

// history keeps the exchanges that are running, and of others those that ended last.
type history struct {
	maxItems int
	maxBytes int64

	mu sync.Mutex // guards the fields below, and what is in them
	// active is the session of what begins, and nodes are those of what begins at other
	// nodes of a cluster.
	active *session
	nodes  map[uint64]*session
	// running has the exchanges and connections that have not ended.
	running map[traffic.ExchangeID]*kept
	ended   fifo
	bytes   int64
	// past says of what is not in memory any more to whom it belongs and when it ended;
	// nil if there is no recording.
	past *past
}

// kept is an exchange as far as it is known.
type kept struct {
	session *session
	x       *traffic.Exchange
	// kind is that of the last item about the exchange itself: itemEntry, itemHead,
	// itemDone or itemOpen.
	kind itemKind
	// requestRead says that the content of the request is there.
	requestRead bool
	// cleared says that its session was cleared: it is not part of the history any
	// more, and only kept because it runs.
	cleared bool
	// held is how many hits hold it, or messages of its connection.
	held int32
	// cost is what it takes in memory, in bytes, about.
	cost int64
	// socket is what there is of its connection, nil for nothing.
	socket *keptSocket

	// began is the number of its first event, toldAt of the last about the exchange
	// itself: see kind.
	began, toldAt uint64

	// round and headRound are the digestions in which it began and its head came,
	// where entryAt and headAt are their items: see digestion.
	round, headRound uint64
	entryAt, headAt  int
}

// keptSocket is a WebSocket connection as far as it is known.
type keptSocket struct {
	// frames are the latest, and lost is how many there were before them.
	frames []*frame
	lost   int
	// cost is what frames take, in bytes.
	cost int64
	// closed tells of the end, nil before.
	closed *traffic.WSClosed
}

// newHistory returns a history that is bounded as o says.
func newHistory(o Options, active *session) *history {
	h := &history{
		maxItems: o.HistoryItems, maxBytes: o.HistoryBytes, active: active, running: map[traffic.ExchangeID]*kept{},
	}
	if o.Recording != nil {
		h.past = newPast(active)
	}
	return h
}

// begin keeps an exchange that has begun. Like all methods but those that say so it
// is called with mu held.
func (h *history) begin(x *traffic.Exchange) *kept {
	k := &kept{session: h.owner(x.ID), x: x, kind: itemEntry}
	h.charge(k, exchangeCost+fieldsCost(x.Request.Header)+int64(len(x.Request.Target)))
	h.running[x.ID] = k
	h.past.began(x.ID)
	return k
}

// find returns what is kept of an exchange that runs, nil for nothing, and its
// session. One that began unseen belongs to the active one, or to that of its node.
func (h *history) find(id traffic.ExchangeID) (*kept, *session) {
	if k := h.running[id]; k != nil {
		return k, k.session
	}
	return nil, h.owner(id)
}

// owner returns the session of what begins under a number.
func (h *history) owner(id traffic.ExchangeID) *session {
	if one := h.nodes[nodeOf(id)]; one != nil {
		return one
	}
	return h.active
}

// end notes that everything about an exchange is known, whose content is readable
// until it is released, with an event of that number. k is nil for what began unseen,
// which is not kept.
func (h *history) end(k *kept, kind itemKind, x *traffic.Exchange, number uint64) {
	if k == nil {
		releaseContent(x)
		return
	}
	k.kind, k.x, k.requestRead, k.toldAt = kind, x, true, number
	h.charge(k, responseCost(x)+sizeOf(x.RequestBody)+sizeOf(x.ResponseBody))
	if kind == itemDone {
		h.finish(k, number)
	}
}

// finish notes that nothing more will happen in an exchange after the event of that
// number.
func (h *history) finish(k *kept, number uint64) {
	delete(h.running, k.x.ID)
	h.past.ended(k.x.ID, number)
	if k.cleared {
		h.drop(k)
		return
	}
	h.ended.push(k)
}

// frame notes a frame.
func (h *history) frame(k *kept, f *frame) {
	if k.socket == nil {
		k.socket = new(keptSocket)
	}
	s := k.socket
	s.frames = append(s.frames, f)
	s.cost += f.cost()
	h.charge(k, f.cost())
	for len(s.frames) > frameItems || len(s.frames) > 1 && s.cost > frameBytes {
		h.dropFrame(k)
	}
}

// dropFrame forgets the oldest frame of a connection.
func (h *history) dropFrame(k *kept) {
	s := k.socket
	cost := s.frames[0].cost()
	s.frames[0] = nil
	s.frames = s.frames[1:]
	s.lost++
	s.cost -= cost
	h.charge(k, -cost)
}

// closed notes the end of a WebSocket connection, with an event of that number.
func (h *history) closed(k *kept, e traffic.WSClosed, number uint64) {
	if k.socket == nil {
		k.socket = new(keptSocket)
	}
	k.socket.closed = &e
	h.finish(k, number)
}

// charge notes that k takes n more bytes.
func (h *history) charge(k *kept, n int64) {
	k.cost += n
	h.bytes += n
}

// trim forgets the exchanges that ended first, but for the last one, and where that
// is not enough the older half of the frames of connections.
func (h *history) trim() {
	for h.ended.len() > 1 && (h.ended.len() > h.maxItems || h.bytes > h.maxBytes) {
		h.drop(h.ended.pop())
	}
	if h.bytes <= h.maxBytes {
		return
	}
	for _, k := range h.running {
		for n := len(k.socket.all()) / 2; n > 0; n-- {
			h.dropFrame(k)
		}
	}
}

// all returns the frames there are of a connection, which may be nil for none.
func (s *keptSocket) all() []*frame {
	if s == nil {
		return nil
	}
	return s.frames
}

// total returns how many frames there were.
func (s *keptSocket) total() uint64 {
	switch {
	case s == nil:
		return 0
	case s.closed != nil:
		return s.closed.Close.Frames[0] + s.closed.Close.Frames[1]
	}
	return uint64(s.lost + len(s.frames)) //nolint:gosec // both are counted from 0
}

// drop gives back what is kept of an exchange that is not in running any more.
func (h *history) drop(k *kept) {
	h.bytes -= k.cost
	if k.complete() {
		releaseContent(k.x)
	}
}

// complete reports whether all of the exchange is known, but for the connection
// that it may have opened.
func (k *kept) complete() bool { return k.kind == itemDone || k.kind == itemOpen }

// forget forgets a session. It locks mu.
func (h *history) forget(one *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past.forget(one)
	for _, k := range h.running {
		k.cleared = k.cleared || k.session == one
	}
	for range h.ended.len() {
		if k := h.ended.pop(); k.session == one {
			h.drop(k)
		} else {
			h.ended.push(k)
		}
	}
}

// close forgets everything. It locks mu.
func (h *history) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, k := range h.running {
		delete(h.running, id)
		h.drop(k)
	}
	for h.ended.len() > 0 {
		h.drop(h.ended.pop())
	}
}

// activate lets what begins from now on belong to a session. It locks mu.
func (h *history) activate(one *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active = one
	h.past.activated(one)
}

// sessionOf returns the session of an exchange that runs. It locks mu.
func (h *history) sessionOf(id traffic.ExchangeID) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, one := h.find(id)
	return one
}

// inFlight counts the exchanges and connections that have not ended. It locks mu.
func (h *history) inFlight() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.running)
}

// get returns an exchange as it is now, whose content is readable until it is
// released, and false if it is not kept. It locks mu.
func (h *history) get(id traffic.ExchangeID) (kept, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := h.running[id]
	if k == nil {
		k = h.ended.find(id)
	}
	if k == nil || k.cleared {
		return kept{}, false
	}
	return k.snapshot(), true
}

// ongoing returns what had begun before an event and runs. Each is to be released.
// It locks mu.
func (h *history) ongoing(at uint64) []kept {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []kept
	for _, k := range h.running {
		if k.began < at && !k.cleared {
			all = append(all, k.snapshot())
		}
	}
	return all
}

// endings returns the ends of exchanges from an event on, before another, at most so
// many; none if there is no recording. It locks mu.
func (h *history) endings(from, to uint64, most int) []ending {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.past == nil {
		return nil
	}
	return h.past.since(from, to, most)
}

// snapshot returns a copy that is to be released.
func (k *kept) snapshot() kept {
	c := *k
	for _, b := range c.bodies() {
		if outside(b) {
			b.Keep()
		}
	}
	if c.socket != nil {
		s := *c.socket
		s.frames = slices.Clone(s.frames)
		c.socket = &s
	}
	return c
}

// bodies returns the content that is known of, with nil for none.
func (k *kept) bodies() [4]*traffic.Body {
	switch {
	case k.complete():
		return bodiesOf(k.x)
	case k.requestRead:
		return [4]*traffic.Body{k.x.RequestBody}
	}
	return [4]*traffic.Body{}
}

// request and response return the content that is known of, nil for none.
func (k *kept) request() *traffic.Body  { return k.bodies()[0] }
func (k *kept) response() *traffic.Body { return k.bodies()[1] }

// release gives back what a snapshot keeps.
func (k *kept) release() {
	for _, b := range k.bodies() {
		if outside(b) {
			b.Release()
		}
	}
}

// ids returns the numbers of all exchanges, the latest first. It locks mu.
func (h *history) ids() []traffic.ExchangeID {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]traffic.ExchangeID, 0, len(h.running)+h.ended.len())
	for id, k := range h.running {
		if !k.cleared {
			ids = append(ids, id)
		}
	}
	for _, k := range h.ended.all() {
		ids = append(ids, k.x.ID)
	}
	slices.SortFunc(ids, func(a, b traffic.ExchangeID) int {
		if a > b {
			return -1
		}
		return 1
	})
	return ids
}
