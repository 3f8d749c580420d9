package h2

import "time"

// budget is how much a peer may do that costs us something and brings neither
// side forward. It is refilled by time, and by what does. The zero budget is
// empty; one goroutine uses it.
type budget struct {
	left, size int
	perSecond  int
	refilled   time.Time
}

// The budgets of a connection. A peer that does what peers do stays far below:
// browsers reset some hundred streams when a page is left, and gRPC sends a PING
// for every few DATA frames at most.
const (
	idleFrames, idleFramesPerSecond = 1000, 200
	resets, resetsPerSecond         = 1000, 200
)

func newBudget(size, perSecond int) budget {
	return budget{left: size, size: size, perSecond: perSecond, refilled: time.Now()}
}

// spend takes n and reports whether there was as much.
func (b *budget) spend(n int) bool {
	if b.left >= n {
		b.left -= n
		return true
	}
	now := time.Now() // only where it matters: most frames are counted without
	earned := now.Sub(b.refilled).Seconds() * float64(b.perSecond)
	b.earn(int(min(earned, float64(b.size))))
	b.refilled = now
	b.left -= n
	return b.left >= 0
}

// earn puts n back.
func (b *budget) earn(n int) { b.left = min(b.size, b.left+n) }
