package proxy

import (
	"time"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// capture keeps the content of one body of an exchange as it passes.
type capture struct {
	x    *exchange
	dir  traffic.Direction
	body traffic.Body
	// timed notes when each piece came, for bodies that end by themselves.
	timed bool
}

// begin prepares t, which is zero, for a body of the given length, -1 for
// unknown.
func (t *capture) begin(x *exchange, dir traffic.Direction, length int64) {
	t.x, t.dir, t.timed = x, dir, dir == traffic.ServerToClient && length < 0
	t.body.Init(x.c.p.opts.MaxBody)
	t.body.Expect(length)
}

// Data keeps p and shows it to who asked for body chunks.
func (t *capture) Data(p []byte) {
	if t.timed {
		t.body.Mark(time.Since(t.x.Started), len(p))
	}
	t.body.Append(p)
	if t.chunksWanted() {
		t.x.order.Lock()
		defer t.x.order.Unlock()
		t.x.c.p.observer.Observe(traffic.BodyChunk{Exchange: &t.x.Exchange, Dir: t.dir, Time: time.Now(), Data: p})
	}
}

// Full reports whether Data need not be called any more.
func (t *capture) Full() bool { return t.body.Full() && !t.chunksWanted() }

// chunksWanted reports whether somebody has asked for body chunks.
func (t *capture) chunksWanted() bool {
	wanted := t.x.c.p.opts.BodyChunks
	return wanted != nil && wanted()
}

// Skip counts what passed unseen.
func (t *capture) Skip(n int64) { t.body.Skip(n) }

var _ h1.Tap = (*capture)(nil)
