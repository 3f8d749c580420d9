package record

import (
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

const (
	// maxQueued and maxQueuedBytes bound what waits for the writer: events, and
	// the memory their bodies hold.
	maxQueued      = 4096
	maxQueuedBytes = 16 << 20
	// eventBytes is what an event counts without its bodies.
	eventBytes = 1 << 10
	// gatherTime is how long the writer waits for company after the first event,
	// so that one write carries many lines.
	gatherTime = 8 * time.Millisecond
)

// queue is what stands between the proxy and the writer. push is made to be
// cheap: the writer is woken only when it sleeps, and then takes all there is.
type queue struct {
	mu      sync.Mutex // guards what follows
	space   sync.Cond  // signalled when events were taken
	waiting batch
	bytes   int64
	asleep  bool
	closed  bool

	wake   chan struct{} // there is an event; holds one signal
	urgent chan struct{} // do not wait for company; holds one signal
	timer  *time.Timer   // the writer's
}

func newQueue() *queue {
	q := &queue{
		wake:   make(chan struct{}, 1),
		urgent: make(chan struct{}, 1),
		timer:  time.NewTimer(time.Hour),
	}
	q.space.L = &q.mu
	return q
}

// push adds an event whose bodies hold so many bytes. It blocks while the queue
// is full, and returns false if it is closed.
func (q *queue) push(e traffic.Event, bytes int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.hasSpace() {
		return false
	}
	q.waiting.events = append(q.waiting.events, e)
	q.added(bytes)
	return true
}

// pushFrame adds a FrameSeen with a copy of a frame. It blocks as push does, and
// does nothing if the queue is closed.
func (q *queue) pushFrame(f *traffic.Frame) {
	if isLong(f.Payload) { // copied here, where nobody waits for it
		long := *f
		long.Payload = slices.Clone(f.Payload)
		f = &long
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hasSpace() {
		q.waiting.addFrame(f)
		q.added(int64(len(f.Payload)))
	}
}

// hasSpace waits until there is space, and returns false if the queue is closed.
// Like added it is called with mu held.
func (q *queue) hasSpace() bool {
	for !q.closed && q.full(1) {
		q.space.Wait()
	}
	return !q.closed
}

// added accounts for an event and wakes the writer if that has to be.
func (q *queue) added(bytes int64) {
	q.bytes += bytes + eventBytes
	if q.asleep {
		q.asleep = false
		signal(q.wake)
	}
	if q.full(2) {
		signal(q.urgent)
	}
}

// full reports whether the queue has reached one part-th of its bounds.
func (q *queue) full(part int) bool {
	return len(q.waiting.events) >= maxQueued/part || q.bytes >= maxQueuedBytes/int64(part)
}

// take waits for events, but not longer than patience, and returns them in the
// order they were pushed; false means that the queue is closed and these are the
// last. spare, of which nothing is needed any more, is used to hold the next ones.
func (q *queue) take(patience time.Duration, spare batch) (batch, bool) {
	spare.reset()
	if q.sleep(patience) {
		q.timer.Reset(gatherTime)
		select {
		case <-q.urgent:
		case <-q.timer.C:
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting, q.bytes = spare, 0
	q.space.Broadcast()
	return taken, !q.closed
}

// sleep waits until there are events, and reports whether more are worth waiting
// for.
func (q *queue) sleep(patience time.Duration) bool {
	q.mu.Lock()
	q.asleep = len(q.waiting.events) == 0 && !q.closed
	asleep, closed := q.asleep, q.closed
	q.mu.Unlock()
	if !asleep {
		return !closed
	}
	q.timer.Reset(patience)
	select {
	case <-q.wake:
		return true
	case <-q.urgent:
	case <-q.timer.C:
	}
	return false
}

// close makes push return false and take return at once.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.space.Broadcast()
	signal(q.urgent)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
