package record

import (
	"slices"
	"time"

	"github.com/necto-dev/necto/traffic"
)

const (
	// pendingAfter is how old an exchange gets before it has a line of its own.
	pendingAfter = time.Second
	// pendingTick is how often the writer looks for old exchanges, pendingNever
	// its patience when there are none to become old.
	pendingTick  = 100 * time.Millisecond
	pendingNever = time.Hour
)

// openExchanges has the exchanges that have not ended.
type openExchanges struct {
	byID map[traffic.ExchangeID]openExchange
	// young is how many of them have no line yet.
	young int
	// looked is when they were last looked through.
	looked time.Time
}

// openExchange is an exchange that has not ended.
type openExchange struct {
	*traffic.Exchange
	// body is the content of the request once that is complete, kept.
	body *traffic.Body
	// since is when the writer heard of it: Started may be of another time, in a
	// recording that is played.
	since time.Time
	// old means that it is not looked at any more, written that it has its line.
	old, written bool
}

func (o *openExchanges) begin(x *traffic.Exchange, now time.Time) {
	o.byID[x.ID] = openExchange{Exchange: x, since: now}
	o.young++
}

// requestDone takes over the reference to the body of an exchange's request.
func (o *openExchanges) requestDone(x *traffic.Exchange) {
	open, ok := o.byID[x.ID]
	if !ok {
		x.RequestBody.Release()
		return
	}
	open.body = x.RequestBody
	o.byID[x.ID] = open
}

// end forgets an exchange and reports whether it has a line.
func (o *openExchanges) end(id traffic.ExchangeID) (written bool) {
	open, ok := o.byID[id]
	if !ok {
		return false
	}
	if !open.old {
		o.young--
	}
	open.body.Release()
	delete(o.byID, id)
	return open.written
}

// release gives back the bodies of what is still open.
func (o *openExchanges) release() {
	for _, open := range o.byID {
		open.body.Release()
	}
}

// patience is how long nobody needs to look.
func (o *openExchanges) patience() time.Duration {
	if o.young > 0 {
		return pendingTick
	}
	return pendingNever
}

// due reports whether it is time to look.
func (o *openExchanges) due(now time.Time) bool {
	return o.young > 0 && now.Sub(o.looked) >= pendingTick
}

// becomeOld returns the exchanges that have reached that age, have no line and are
// wanted, in the order they began. They are to be given one.
func (o *openExchanges) becomeOld(
	now time.Time, age time.Duration, wanted func(*traffic.Exchange) bool,
) []openExchange {
	o.looked = now
	var old []openExchange
	for id, open := range o.byID {
		if !open.old && now.Sub(open.since) >= age {
			open.old, open.written = true, wanted(open.Exchange)
			o.byID[id] = open
			o.young--
			if open.written {
				old = append(old, open)
			}
		}
	}
	slices.SortFunc(old, func(a, b openExchange) int { return int(a.ID) - int(b.ID) })
	return old
}
