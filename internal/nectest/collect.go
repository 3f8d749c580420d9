package nectest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Collect is an observer that keeps every event. The zero value works; its
// methods may be called concurrently.
type Collect struct {
	mu      sync.Mutex
	events  []traffic.Event // guarded by mu
	changed chan struct{}   // guarded by mu; closed at the next event
}

// Observe keeps e, a frame as a copy, and the bodies of the exchange that it
// ends.
func (c *Collect) Observe(e traffic.Event) {
	keepBodies(e)
	if seen, ok := e.(traffic.FrameSeen); ok {
		e = traffic.FrameSeen{Frame: copyFrame(seen.Frame)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// copyFrame returns a frame that may be kept.
func copyFrame(f *traffic.Frame) *traffic.Frame {
	kept := *f
	kept.Payload = bytes.Clone(f.Payload)
	kept.SHA256 = bytes.Clone(f.SHA256)
	kept.Original = bytes.Clone(f.Original)
	return &kept
}

// keepBodies keeps what the test may read later, when an event announces it. The
// references are never given back: the files have no names, so they go with the
// process.
func keepBodies(e traffic.Event) {
	var x *traffic.Exchange
	switch e := e.(type) {
	case traffic.ExchangeDone:
		x = e.Exchange
	case traffic.ExchangeAborted:
		x = e.Exchange
	case traffic.WSOpened:
		x = e.Exchange
	default:
		return
	}
	x.KeepBodies()
}

// Events returns what was observed so far, in order.
func (c *Collect) Events() []traffic.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]traffic.Event(nil), c.events...)
}

// Exchanges returns the exchanges that have ended so far, in the order of their
// ends.
func (c *Collect) Exchanges() []*traffic.Exchange {
	var ended []*traffic.Exchange
	for _, e := range c.Events() {
		if x := Ended(e); x != nil {
			ended = append(ended, x)
		}
	}
	return ended
}

// WaitExchanges waits until n exchanges have ended and returns them. It fails
// the test if they do not within ten seconds.
func (c *Collect) WaitExchanges(t testing.TB, n int) []*traffic.Exchange {
	t.Helper()
	c.Wait(t, func([]traffic.Event) bool { return len(c.Exchanges()) >= n })
	return c.Exchanges()
}

// Wait waits until done, given all events so far, returns true. It fails the
// test if that does not happen within ten seconds.
func (c *Collect) Wait(t testing.TB, done func([]traffic.Event) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		next := c.next()
		events := c.Events()
		if done(events) {
			return
		}
		select {
		case <-next:
		case <-deadline:
			t.Fatalf("waited %v for events; so far: %s", patience, kinds(events))
		}
	}
}

// kinds returns the types of the events.
func kinds(events []traffic.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%T ", e)
	}
	return b.String()
}

// next returns a channel that is closed at the next event.
func (c *Collect) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// Ended returns the exchange that e ends, nil if it ends none.
func Ended(e traffic.Event) *traffic.Exchange {
	switch e := e.(type) {
	case traffic.ExchangeDone:
		return e.Exchange
	case traffic.ExchangeAborted:
		return e.Exchange
	case traffic.WSClosed:
		return e.Exchange
	default:
		return nil
	}
}
