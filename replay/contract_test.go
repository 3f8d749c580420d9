package replay

import (
	"testing"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// contract is an observer that checks what package traffic promises of the events
// of each exchange.
type contract struct {
	t     testing.TB
	open  map[*traffic.Exchange]*contracted
	seen  map[traffic.ExchangeID]bool
	ended int
}

// contracted is what was told of an exchange.
type contracted struct {
	last   time.Time
	ws     bool
	frames uint64
	told   map[string]bool
}

func newContract(t testing.TB) *contract {
	return &contract{t: t, open: map[*traffic.Exchange]*contracted{}, seen: map[traffic.ExchangeID]bool{}}
}

// Observe implements traffic.Observer.
func (c *contract) Observe(e traffic.Event) {
	switch e := e.(type) {
	case traffic.RequestStarted:
		if c.seen[e.ID] || c.open[e.Exchange] != nil {
			c.t.Errorf("exchange %d started twice", e.ID)
		}
		c.seen[e.ID] = true
		c.open[e.Exchange] = &contracted{told: map[string]bool{}}
		c.check(e, e.Exchange, "started", e.RequestBody == nil && e.Response == nil && e.RequestDone == -1 && e.Failure == nil)
	case traffic.RequestDone:
		c.check(e, e.Exchange, "request", e.RequestDone >= 0)
	case traffic.Informational:
		c.check(e, e.Exchange, "", true)
	case traffic.RuleApplied:
		c.check(e, e.Exchange, "", e.Rule != "" && e.Action == "")
	case traffic.ResponseStarted:
		c.check(e, e.Exchange, "response", e.Response != nil && e.ResponseBody == nil && e.ResponseStarted >= 0)
	case traffic.ExchangeDone:
		c.check(e, e.Exchange, "end", e.Failure == nil && e.Response != nil && !c.isWS(e.Exchange))
		c.end(e.Exchange)
	case traffic.ExchangeAborted:
		c.check(e, e.Exchange, "end", e.Failure != nil && !c.isWS(e.Exchange))
		c.end(e.Exchange)
	case traffic.WSOpened:
		c.check(e, e.Exchange, "opened", e.WS != nil && e.Response != nil)
		if x := c.open[e.Exchange]; x != nil {
			x.ws = true
		}
	case traffic.FrameSeen:
		c.check(e, e.Exchange, "", c.isWS(e.Exchange))
		if x := c.open[e.Exchange]; x != nil {
			x.frames++
			if x.frames != e.Seq {
				c.t.Errorf("exchange %d: frame %d comes as number %d", e.Exchange.ID, e.Seq, x.frames)
			}
		}
	case traffic.WSClosed:
		c.check(e, e.Exchange, "", c.isWS(e.Exchange))
		c.end(e.Exchange)
	default:
		c.t.Errorf("unexpected %T", e)
	}
}

// check checks an event of an exchange. What has a name is told at most once.
func (c *contract) check(e traffic.Event, x *traffic.Exchange, name string, ok bool) {
	c.t.Helper()
	known := c.open[x]
	if known == nil {
		c.t.Errorf("exchange %d: %T outside of it", x.ID, e)
		return
	}
	if !ok || name != "" && known.told[name] {
		c.t.Errorf("exchange %d: bad %T", x.ID, e)
	}
	known.told[name] = true
	if at := e.At(); at.Before(known.last) {
		c.t.Errorf("exchange %d: %T is %v before what was told", x.ID, e, known.last.Sub(at))
	} else {
		known.last = at
	}
}

func (c *contract) isWS(x *traffic.Exchange) bool { return c.open[x] != nil && c.open[x].ws }

func (c *contract) end(x *traffic.Exchange) {
	delete(c.open, x)
	c.ended++
}

// finish checks that all have ended.
func (c *contract) finish() {
	c.t.Helper()
	for x := range c.open {
		c.t.Errorf("exchange %d has no end", x.ID)
	}
	if c.ended == 0 {
		c.t.Error("nothing was played")
	}
}
