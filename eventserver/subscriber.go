package eventserver

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/servers/socket/v3"
)

// subscriber is a connected client and how far it has got in the ring.
type subscriber struct {
	server  *Server
	ring    *ring
	socket  *socket.Socket
	dropLag bool
	dropped *atomic.Uint64 // of all subscribers
	done    chan struct{}  // closed when the client is gone: see leave
	left    sync.Once
	ending  <-chan struct{} // closed when the Server is being closed
	// calls counts what there was to look at for the goroutine that sends, since it
	// began; there is none while that is 0. One call is that of who makes the
	// subscriber, so that nothing is sent before the client is served.
	calls atomic.Int64
	// read is the number up to which everything was sent: the ring need not keep it
	// for this subscriber. The ring's mu is held while it goes back.
	read atomic.Uint64

	mu     sync.Mutex // guards the fields below
	wanted interest
	// cursor is the number of the next item.
	cursor uint64
	// past is the number from which on the subscriber is to be told what was before
	// cursor, 0 for nothing.
	past uint64
	// paused says that nothing is to be sent until goOn is called.
	paused bool
}

// interest is what a subscriber wants of a ring.
type interest interface {
	// audience returns the one that gets the same of a segment, and false if it is
	// to be picked item by item: pack adds to p what is wanted of one.
	audience(seg *segment) (audience, bool)
	pack(p *packer, it *item)
	// forget is called when items were missed, leave when the client is gone.
	forget()
	leave()
}

// newSubscriber returns the subscriber to a ring for a client that has just
// connected.
func newSubscriber(s *Server, r *ring, sock *socket.Socket, wanted interest) *subscriber {
	s.catchUp()
	sub := &subscriber{
		server: s, ring: r, socket: sock, dropLag: s.opts.DropLagging, dropped: &s.dropped, wanted: wanted, ending: s.ending,
		done: make(chan struct{}),
	}
	sub.calls.Store(1)
	sub.cursor = r.join(sub)
	return sub
}

// leave says that the client is gone. It may be called again.
func (s *subscriber) leave() {
	s.left.Do(func() {
		close(s.done)
		s.wanted.leave()
		s.ring.quit(s)
		s.call()
	})
}

// call lets the subscriber look at what there is to send now. It does not wait.
func (s *subscriber) call() {
	if s.calls.Add(1) == 1 {
		go s.run()
	}
}

// run sends what there is, and ends when there is nothing more: a subscriber that
// waits takes no goroutine. Once the client has left or the ring is closed, it is not
// called again.
func (s *subscriber) run() {
	for {
		calls := s.calls.Load()
		for more := true; more; {
			var over bool
			if more, over = s.sendNext(); over {
				s.server.leave(s)
				return
			}
		}
		if s.calls.CompareAndSwap(calls, 0) {
			return
		}
	}
}

// sendNext sends what comes next. It returns whether there may be more, and whether
// all is over: the client is gone, or it has got everything of a ring that is closed.
func (s *subscriber) sendNext() (more, over bool) {
	if s.gone() {
		return false, true
	}
	if past, to := s.takePast(); past != 0 {
		ok := s.sendPast(past, to)
		return ok, !ok
	}
	at, paused := s.position()
	if paused {
		return false, false
	}
	var room [maxSegments]*segment
	segments, missed, closed := s.ring.after(at, room[:0])
	if len(segments) == 0 {
		return false, closed
	}
	ok := s.sendSegments(segments, at, missed)
	return ok, !ok
}

// maxSegments is how many segments a subscriber who is behind looks at in one go.
const maxSegments = 8

// sendSegments sends what the client wants of segments from an item on, as many as
// are worth a write, drops all, and waits until it was written. It returns false if the
// client is gone.
func (s *subscriber) sendSegments(segments []*segment, at, missed uint64) bool {
	ok := missed == 0 || s.lag(segments[0].namespace, missed)
	var room [maxSegments]*bundle
	bundles, size := room[:0], 0
	for _, seg := range segments {
		if ok && size < writeChunk {
			b, made := s.take(seg, at, missed > 0)
			if made > 0 {
				s.ring.charge(seg, made)
			}
			bundles, size = append(bundles, b), size+len(b.frames)
			at, missed = seg.end(), 0
		}
		seg.drop()
	}
	if !ok || !s.send(bundles...) {
		return false
	}
	for _, b := range bundles {
		b.users.Add(-1)
	}
	s.advance(at)
	return true
}

// gone reports whether the client has left.
func (s *subscriber) gone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// position returns the number of the next item, and whether it is to be sent only
// later.
func (s *subscriber) position() (at uint64, paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor, s.paused
}

// advance says that everything up to a number was sent, unless the subscriber went
// back meanwhile.
func (s *subscriber) advance(to uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read.Store(min(s.cursor, to))
}

// rewind lets the subscriber have again what comes from a number on, of which the
// ring has what ring.back has returned, as soon as goOn is called.
func (s *subscriber) rewind(since, from uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = true
	s.cursor = min(s.cursor, from)
	if since < from && s.ring == s.server.ring {
		s.past = since
	}
}

// goOn lets the subscriber be sent what rewind has promised.
func (s *subscriber) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = false
	s.call()
}

// lag lets the client know how many events it has missed, or go. It returns false if
// it is gone.
func (s *subscriber) lag(namespace string, missed uint64) bool {
	s.dropped.Add(missed)
	if s.dropLag {
		s.socket.Disconnect(false)
		return false
	}
	return s.send(laggedBundle(namespace, missed))
}

// takePast returns which events before those of the ring are to be told: from one
// number, 0 for none, to another.
func (s *subscriber) takePast() (from, to uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return 0, 0
	}
	from, s.past = s.past, 0
	return from, s.cursor
}

// sendApart is sendSegments for a segment that is not in the ring.
func (s *subscriber) sendApart(seg *segment) bool {
	s.mu.Lock()
	b, _ := s.pack(seg, 0)
	s.mu.Unlock()
	if !s.send(b) {
		return false
	}
	b.users.Add(-1)
	seg.forgetBundles()
	return true
}

// moveTo moves on to an item that has not been sent.
func (s *subscriber) moveTo(next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = max(s.cursor, next)
}

// take moves on behind seg and returns what the client wants of it, of which it is a
// user from then on, and what it took to encode that, in bytes. at is the number that
// seg was looked for with: if the subscriber went back since, it gets nothing.
func (s *subscriber) take(seg *segment, at uint64, missed bool) (b *bundle, made int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused || s.cursor != at {
		return new(bundle), 0
	}
	from := max(s.cursor, seg.first)
	s.cursor = seg.end()
	if missed {
		s.wanted.forget()
	}
	return s.pack(seg, int(from-seg.first)) //nolint:gosec // less than segmentItems
}

// pack returns what the client wants of the items of a segment from an index on: see
// take. It is called with mu held.
func (s *subscriber) pack(seg *segment, from int) (b *bundle, made int64) {
	if a, ok := s.wanted.audience(seg); ok && from == 0 {
		return seg.bundleFor(a)
	}
	p := newPacker(seg)
	defer p.free()
	for i := from; i < len(seg.items); i++ {
		s.wanted.pack(p, &seg.items[i])
	}
	return p.bundle(true), p.made
}

// send writes bundles and waits until that has happened. It returns false if the
// client is gone.
func (s *subscriber) send(bundles ...*bundle) bool {
	transport := s.socket.Conn().Transport()
	if t, ok := transport.(*socketTransport); ok {
		if written, err := t.writeBundles(bundles); written {
			return err == nil
		}
	}
	for _, b := range bundles {
		if !s.sendThrough(transport, b) {
			return false
		}
	}
	return true
}

// sendThrough sends a bundle by way of the library, to a client that polls in pieces
// that fit into the answer of a poll.
func (s *subscriber) sendThrough(transport transports.Transport, b *bundle) bool {
	if len(b.messages) == 0 {
		return true
	}
	if transport.Name() != transports.POLLING {
		return s.write(b, nil)
	}
	for from := 0; from < len(b.messages); from += pollMessages {
		if !s.write(b.piece(from, min(from+pollMessages, len(b.messages))), s.ending) {
			return false
		}
	}
	return true
}

// pollTime is how long a client may take to poll once the Server is being closed.
const pollTime = 500 * time.Millisecond

// write writes a bundle and waits until that has happened, no longer than pollTime
// once ending is closed.
func (s *subscriber) write(b *bundle, ending <-chan struct{}) bool {
	data := bundleData{b, make(chan struct{})}
	s.socket.Conn().Send(data, packet.NewOptions(false), nil)
	select {
	case <-data.written:
		return true
	case <-s.done:
		return false
	case <-ending:
	}
	late := time.NewTimer(pollTime)
	defer late.Stop()
	select {
	case <-data.written:
		return true
	case <-s.done:
	case <-late.C:
	}
	return false
}

// laggedBundle tells a client how many events it has missed.
func laggedBundle(namespace string, missed uint64) *bundle {
	b := newBundle(namespace)
	b.add("lagged", &encoded{text: []byte(`{"dropped":` + strconv.FormatUint(missed, 10) + `}`)})
	return b
}
