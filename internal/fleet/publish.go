package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/necto-dev/necto/traffic"
)

const (
	// gatherTime is how long an event waits for company, unless somebody waits for
	// it.
	gatherTime = 10 * time.Millisecond
	// entryBytes is about how long a batch is at most.
	entryBytes = 1 << 20
)

// publishScript adds a batch to the stream of a space. KEYS: the stream, and the
// key that says that the node's number is taken. ARGV: the node, the number of the
// batch, the batch, the session, and how long all that is kept, in ms. A batch that
// comes twice, after an answer that was lost, is left out by those who read.
var publishScript = redis.NewScript(`
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
redis.call('XADD', KEYS[1], '*', 'node', ARGV[1], 'n', ARGV[2], 'batch', ARGV[3])
local now = redis.call('TIME')
local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[5]
redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', oldest))
`)

// publish tells other nodes what is in the outbox, until that is closed and empty
// or ctx is done.
func (s *Space) publish(ctx context.Context) {
	p := &publication{space: s}
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for closed := false; !closed && ctx.Err() == nil; {
		select {
		case <-s.out.wake:
			s.gather(ctx)
		case <-alive.C:
			p.add(ctx, []byte("[]")) // the other nodes hear it
		case <-ctx.Done():
		}
		t := s.out.take()
		closed = t.closed
		p.tell(ctx, t)
		release(t.notes)
	}
	if ctx.Err() == nil {
		p.tell(ctx, taken{notes: []any{&message{Kind: kindBye}}})
	}
	s.stop() // what listens ends, too
	release(s.out.take().notes)
	s.held.close()
}

// gather waits for company of an event.
func (s *Space) gather(ctx context.Context) {
	if s.out.isUrgent() {
		return
	}
	select {
	case <-time.After(gatherTime):
	case <-ctx.Done():
	}
}

// publication is what a node has published. It belongs to one goroutine.
type publication struct {
	space *Space
	n     uint64 // of the last batch
	away  bool   // Redis takes nothing now
}

// tell publishes what was taken, in one batch or several.
func (p *publication) tell(ctx context.Context, t taken) {
	if t.lost > 0 {
		p.space.log.Warn("events were not told to other nodes: too many waited for redis", "events", t.lost)
		t.notes = append(t.notes, &message{Kind: kindLost, IDs: t.ends})
	}
	batch := []byte{'['}
	whole := overtaken(t.notes)
	for _, n := range t.notes {
		m := messageOf(n, whole)
		if m == nil {
			continue
		}
		text, err := json.Marshal(m)
		if err != nil {
			p.space.log.Warn("an event is not told to other nodes", "err", err)
			continue
		}
		if len(batch) > 1 {
			batch = append(batch, ',')
		}
		if batch = append(batch, text...); len(batch) >= entryBytes {
			p.add(ctx, append(batch, ']'))
			batch = []byte{'['}
		}
	}
	if len(batch) > 1 {
		p.add(ctx, append(batch, ']'))
	}
}

// add adds a batch to the stream, however long that takes.
func (p *publication) add(ctx context.Context, batch []byte) {
	s := p.space
	p.n++
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := publishScript.Run(ctx, s.client, []string{s.target.Stream, s.nodeKey(s.number)},
			s.number, p.n, batch, s.opts.Session, keptFor.Milliseconds()).Err()
		if err == nil || errors.Is(err, redis.Nil) {
			p.away = false
			return
		}
		if ctx.Err() != nil {
			return
		}
		if !p.away {
			p.away = true
			s.log.Warn("redis takes no events, other nodes do not see them", "err", explain(err))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// overtaken returns the exchanges of which a note tells everything, so that those
// before it need not be told.
func overtaken(notes []any) map[*traffic.Exchange]bool {
	whole := map[*traffic.Exchange]bool{}
	for _, n := range notes {
		switch e := n.(type) {
		case traffic.ExchangeDone:
			whole[e.Exchange] = true
		case traffic.ExchangeAborted:
			whole[e.Exchange] = true
		case traffic.WSOpened:
			whole[e.Exchange] = true
		}
	}
	return whole
}

// messageOf returns what a note says, nil if that is said by another: whole has
// the exchanges that are told of as a whole.
func messageOf(note any, whole map[*traffic.Exchange]bool) *message {
	switch e := note.(type) {
	case *message:
		return e
	case traffic.RequestStarted:
		return beginning(kindStarted, e.Exchange, whole)
	case traffic.RequestDone:
		return beginning(kindRequest, e.Exchange, whole)
	case traffic.ResponseStarted:
		return beginning(kindResponse, e.Exchange, whole)
	case traffic.ExchangeDone:
		return &message{Kind: kindDone, Exchange: endedOf(e.Exchange)}
	case traffic.ExchangeAborted:
		return &message{Kind: kindAborted, Exchange: endedOf(e.Exchange)}
	case traffic.WSOpened:
		return &message{Kind: kindOpened, Exchange: endedOf(e.Exchange)}
	case traffic.FrameSeen:
		return &message{Kind: kindFrame, ID: uint64(e.Exchange.ID), Frame: frameOf(e.Frame)}
	case traffic.WSClosed:
		return &message{Kind: kindClosed, ID: uint64(e.Exchange.ID), Close: e.Close}
	case traffic.BreakpointHit:
		return hitMessage(e.Hit)
	case traffic.BreakpointResumed:
		return &message{Kind: kindResumed, ID: uint64(e.ID), At: e.Resumed, Action: e.Action, By: e.By}
	case traffic.BreakpointTimedOut:
		return &message{Kind: kindTimedOut, ID: uint64(e.ID), At: e.Resumed, Action: e.Action}
	case traffic.TLSFailed:
		return &message{Kind: kindTLS, TLS: &e}
	case traffic.ClientError:
		return &message{Kind: kindClient, Client: &wireClientError{
			Conn: uint64(e.Conn), Client: e.Client, Time: e.Time, Failure: failureOf(e.Failure), Status: e.Status,
		}}
	}
	return nil
}

// beginning returns what an event says that comes before the end of an exchange.
func beginning(k kind, x *traffic.Exchange, whole map[*traffic.Exchange]bool) *message {
	if whole[x] {
		return nil
	}
	w := begunOf(x)
	switch k {
	case kindRequest:
		w.Request, w.RequestBody, w.RequestDone = wholeRequestOf(x.Request), bodyOf(x.RequestBody), x.RequestDone
	case kindResponse:
		w.Server, w.Response, w.ResponseAt = x.Server, responseOf(x.Response), x.ResponseStarted
	default:
	}
	return &message{Kind: k, Exchange: w}
}

// hitMessage tells of a hit, with what its exchange is known by.
func hitMessage(h *traffic.Hit) *message {
	return &message{Kind: kindHit, Exchange: begunOf(h.Exchange), Hit: hitOf(h)}
}
