package ports

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// settle is how long a change has to last until it is told.
	settle = 100 * time.Millisecond
	// removeGrace is how long connections may go on whose port was removed.
	removeGrace = 5 * time.Second
)

// port is a port in use. A goroutine of its own probes it and takes other candidates
// for it: see run.
type port struct {
	opening
	pool     *Pool
	number   int
	addr     string // where it listens, host:port
	listener Listener
	meter    meter
	began    time.Time

	// candidate is nil where the binding has no labels. Only run and Pool.lead change
	// it, the latter while run is stopped.
	candidate atomic.Pointer[Candidate]
	// steady says that the port is online and the last attempt was good, so that one
	// more good attempt is no news.
	steady atomic.Bool
	wake   chan struct{} // run has something to decide
	tried  chan struct{} // closed when what is behind it was tried once
	cancel context.CancelFunc
	ended  chan struct{} // closed when run has ended

	mu     sync.Mutex // guards the fields below
	online bool
	told   bool        // what clients know of online
	later  *time.Timer // tells it when it has lasted, nil for nothing to tell
	closed bool
	// failures counts the bad attempts of clients since the last good one, and
	// lastErr is why the last attempt was bad.
	failures  int
	lastErr   error
	refreshes int
	refreshed time.Time
}

// route returns what a listener of the port is to be.
func (p *port) route() Route {
	b := &p.binding
	return Route{
		Addr: p.addr, Kind: b.Kind(), Target: b.Target, Replay: b.Replay, Raw: b.Raw, Folder: p.pool.config.Folder,
		Upstream: p.upstream, User: b.User, Password: b.Password, Tags: b.Tags, Unrecorded: b.Unrecorded,
		Accepted: p.meter.accept, Dialed: p.dialed,
	}
}

// upstream returns the upstream proxy that leads out of the port now, nil for none.
func (p *port) upstream() *url.URL {
	if c := p.candidate.Load(); c != nil {
		return c.Upstream
	}
	return p.binding.Upstream
}

// behind returns the address that connections of clients lead to.
func (p *port) behind() string {
	switch p.binding.Kind() {
	case KindTarget:
		return p.binding.Target.HostPort()
	case KindRaw:
		return p.binding.Raw
	default:
		if u := p.upstream(); u != nil {
			return u.Host
		}
		return ""
	}
}

// dialed notes how an attempt for a client has ended.
func (p *port) dialed(addr string, err error) {
	if err == nil && p.steady.Load() || addr != p.behind() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.failures = 0
		p.setOnline(true)
		return
	}
	p.failures++
	p.lastErr = err
	p.setOnline(p.online && p.failures < p.pool.config.Probe.Failures)
}

// probe finds out whether what is behind the port can be reached.
func (p *port) probe(ctx context.Context) {
	candidate := p.candidate.Load()
	err := p.reach(ctx, p.upstream())
	if ctx.Err() != nil || p.candidate.Load() != candidate {
		return // it says nothing any more
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.failures = 0
	} else {
		p.lastErr = err
	}
	p.setOnline(err == nil)
}

// reach tries to connect, through the upstream proxy via if the binding has one.
func (p *port) reach(ctx context.Context, via *url.URL) error {
	ctx, cancel := context.WithTimeout(ctx, p.pool.config.Probe.Timeout)
	defer cancel()
	err := p.listener.Reach(ctx, via)
	if err != nil {
		p.pool.debug("port %d: %v", p.number, err)
	}
	return err
}

// setOnline notes whether the port is online, and has it told when that has lasted.
// p.mu is held.
func (p *port) setOnline(online bool) {
	p.steady.Store(online && p.failures == 0)
	if p.online == online {
		return
	}
	p.online = online
	p.quieten()
	if p.online != p.told && !p.closed {
		p.later = time.AfterFunc(settle, p.tell)
	}
	select {
	case p.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// quieten has nothing told later. p.mu is held.
func (p *port) quieten() {
	if p.later != nil {
		p.later.Stop()
		p.later = nil
	}
}

// tell tells whether the port is online, if clients believe otherwise.
func (p *port) tell() {
	p.mu.Lock()
	if p.online != p.told && !p.closed {
		p.announce()
	}
	p.mu.Unlock()
	p.pool.events.flush()
}

// announce tells at once that there is something new. p.mu is held, and the events
// are to be flushed afterwards.
func (p *port) announce() {
	p.quieten()
	p.told = p.online
	p.pool.events.add(portEvent(PortStateUpdate, p.number))
}

// isOnline reports whether the port is online, and if not why.
func (p *port) isOnline() (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.online, p.lastErr
}

// stop ends run.
func (p *port) stop() {
	p.cancel()
	<-p.ended
}

// hush lets nothing be told any more.
func (p *port) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.quieten()
}

// close stops listening and tells nothing any more. Connections that are open get a
// while to end.
func (p *port) close() {
	p.stop()
	p.hush()
	if err := p.listener.Close(); err != nil {
		p.pool.log.Warn("close a port", "port", p.number, "err", err)
	}
	cut := time.AfterFunc(removeGrace, p.meter.cut)
	p.meter.drain(func() {
		cut.Stop()
		p.listener.Release()
	})
}
