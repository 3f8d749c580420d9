package mockttp

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Options of a Mapper.
type Options struct {
	// Publish is given each event that is wanted, those of an exchange in their
	// order. It returns quickly, and does not call the Mapper.
	Publish func(*Event)
	// ID returns the id of an exchange as clients get it; nil writes its number.
	ID func(traffic.ExchangeID) string
}

// Mapper tells in Mockttp's words what it observes. Create it with New. Its
// methods may be called concurrently.
type Mapper struct {
	opts   Options
	clock  clock
	wanted atomic.Uint32 // a Set

	mu        sync.Mutex // guards the fields below; held while Publish is called
	exchanges map[traffic.ExchangeID]*exchange
	tunnels   map[*traffic.Tunnel]string // their ids
	// late are the exchanges of which something is kept back for a moment, and
	// timer ends that.
	late  map[*exchange]struct{}
	timer *time.Timer
}

var _ traffic.Observer = (*Mapper)(nil)

// New returns a Mapper of which nothing is wanted yet.
func New(o Options) *Mapper {
	if o.ID == nil {
		o.ID = func(id traffic.ExchangeID) string { return strconv.FormatUint(uint64(id), 10) }
	}
	m := &Mapper{
		opts: o, clock: newClock(),
		exchanges: map[traffic.ExchangeID]*exchange{},
		tunnels:   map[*traffic.Tunnel]string{},
		late:      map[*exchange]struct{}{},
	}
	m.timer = time.AfterFunc(time.Hour, m.tick)
	m.timer.Stop()
	return m
}

// Want says which events are wanted from now on. Of exchanges that have begun
// before, those that still come are published.
func (m *Mapper) Want(s Set) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted.Store(uint32(s))
	if s != 0 {
		return
	}
	m.timer.Stop()
	for _, x := range m.exchanges {
		x.release()
	}
	clear(m.exchanges)
	clear(m.tunnels)
	clear(m.late)
}

// WantsBodyData reports whether the pieces of bodies are wanted: it is
// proxy.Options.BodyChunks.
func (m *Mapper) WantsBodyData() bool { return m.wantsAny(RequestBodyData, ResponseBodyData) }

// WantsTunnelData reports whether the pieces that pass through tunnels are
// wanted: it is proxy.Options.TunnelData.
func (m *Mapper) WantsTunnelData() bool { return m.wantsAny(RawPassthroughData) }

func (m *Mapper) wantsAny(events ...Kind) bool {
	return Set(m.wanted.Load())&SetOf(events...) != 0
}

// Observe implements traffic.Observer.
func (m *Mapper) Observe(e traffic.Event) {
	if m.wanted.Load() == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wanted.Load() == 0 { // since a moment ago
		return
	}
	switch e := e.(type) {
	case traffic.RequestStarted:
		m.started(m.exchange(e.Exchange))
	case traffic.RequestDone:
		m.requestDone(m.exchange(e.Exchange))
	case traffic.ResponseStarted:
		m.responseStarted(m.exchange(e.Exchange))
	case traffic.BodyChunk:
		m.bodyChunk(m.exchange(e.Exchange), e)
	case traffic.Informational:
		m.informational(m.exchange(e.Exchange), e)
	case traffic.RuleApplied:
		m.ruleApplied(m.exchange(e.Exchange), e)
	case traffic.ExchangeDone:
		m.done(m.exchange(e.Exchange))
	case traffic.ExchangeAborted:
		m.aborted(m.exchange(e.Exchange))
	case traffic.WSOpened:
		m.opened(m.exchange(e.Exchange))
	case traffic.FrameSeen:
		m.frame(m.exchange(e.Exchange), e.Frame)
	case traffic.WSClosed:
		m.closed(m.exchange(e.Exchange), e)
	default:
		m.observeConnection(e)
	}
}

// tell publishes an event about an exchange as it is now, if it is wanted. Bodies
// that write reads are kept for it, nil ones are none.
func (m *Mapper) tell(e *exchange, k Kind, at time.Time, write func(*writer, *state), bodies ...*traffic.Body) {
	if !m.wantsAny(k) {
		return
	}
	event := e.event(k, at, write)
	for _, b := range bodies {
		event.keep(b)
	}
	m.opts.Publish(event)
}

// publish publishes an event if it is wanted.
func (m *Mapper) publish(e *Event) {
	if m.wantsAny(e.Kind) {
		m.opts.Publish(e)
	}
}
