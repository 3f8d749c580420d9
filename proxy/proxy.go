package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/traffic"
)

const (
	defaultGrace   = 5 * time.Second
	defaultMaxBody = 64 << 20
	// announceAfter is how long a stop may take before the user is told why.
	announceAfter = 100 * time.Millisecond
)

// errShutdown is why connections are cut when the grace period is over.
var errShutdown = errors.New("necto was stopped")

// Proxy is an intercepting proxy. Create it with New. Its methods may be called
// concurrently.
type Proxy struct {
	*core
	opts     Options
	observer traffic.Observer
	server   *serverConfigs // towards clients, nil without CA
	origins  *dialer        // nil without Network
}

// core is what a Proxy has in common with the variants of it that serve listeners
// with Options of their own.
type core struct {
	log *slog.Logger
	own ownAddresses

	lastExchange, lastConn atomic.Uint64
	webSockets             webSockets

	mu        sync.Mutex // guards the fields below
	listeners []listener
	conns     map[*clientConn]struct{}
	// start begins to accept on a listener; nil before Run.
	start    func(listener)
	stopping bool
}

// New returns a Proxy that listens nowhere yet.
func New(opts Options) *Proxy {
	if opts.Grace == 0 {
		opts.Grace = defaultGrace
	}
	c := &core{log: opts.Log, conns: make(map[*clientConn]struct{})}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	p := newVariant(c, opts)
	if opts.CA != nil {
		p.server = newServerConfigs(newServerConfig(opts))
		opts.CA.OnIssue = p.certIssued
	}
	return p
}

// newVariant returns a Proxy of the core that opens no TLS.
func newVariant(c *core, opts Options) *Proxy {
	if opts.MaxBody == 0 {
		opts.MaxBody = defaultMaxBody
	}
	p := &Proxy{core: c, opts: opts, observer: opts.Observer}
	if p.observer == nil {
		p.observer = traffic.Tee{}
	}
	if opts.Network != nil {
		p.origins = newDialer(*opts.Network, opts.HTTP1Only, &c.own)
	}
	return p
}

// variant returns the Proxy that serves a listener.
func (p *Proxy) variant(l Listener) *Proxy {
	if l.Options == nil {
		return p
	}
	v := newVariant(p.core, *l.Options)
	v.server = p.server
	return v
}

func (p *Proxy) certIssued(name string, notAfter time.Time) {
	p.observer.Observe(traffic.CertIssued{Time: time.Now(), Name: name, NotAfter: notAfter})
}

// Run accepts connections on all listeners until ctx is done. Then it refuses
// new ones, closes idle ones, gives the exchanges in flight the grace period,
// cuts what is left and returns when the last connection has ended. The error
// is a listener's.
func (p *Proxy) Run(ctx context.Context) error {
	live, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	var accepting, serving sync.WaitGroup
	failed := make(chan error, 1)
	p.startAccepting(func(l listener) {
		accepting.Go(func() {
			if err := p.accept(live, l, &serving); err != nil {
				select {
				case failed <- err:
				default: // one is enough to end
				}
			}
		})
	})
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	p.stopAccepting()
	accepting.Wait()
	p.awaitConnections(&serving, cut)
	return err
}

// stopAccepting closes the listeners and the connections that are idle.
func (p *Proxy) stopAccepting() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	for _, l := range p.listeners {
		_ = l.Close() // accept reports what matters
	}
	for c := range p.conns {
		c.stop()
	}
}

// awaitConnections waits until all connections have ended, and cuts those that
// have not when the grace period is over.
func (p *Proxy) awaitConnections(serving *sync.WaitGroup, cut context.CancelCauseFunc) {
	ended := make(chan struct{})
	go func() {
		serving.Wait()
		close(ended)
	}()
	announce, grace := time.NewTimer(announceAfter), time.NewTimer(max(0, p.opts.Grace))
	defer announce.Stop()
	defer grace.Stop()
	for {
		select {
		case <-announce.C:
			p.announceGrace()
		case <-grace.C:
			cut(errShutdown)
		case <-ended:
			return
		}
	}
}

// announceGrace says what stopping waits for.
func (p *Proxy) announceGrace() {
	if n := p.inFlight(); n > 0 && p.opts.Grace > 0 {
		p.log.Warn("waiting for exchanges to end; press Ctrl-C again to stop now", "exchanges", n, "grace", p.opts.Grace)
	}
}

// inFlight counts the connections that are not between requests.
func (p *Proxy) inFlight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for c := range p.conns {
		if c.busy() {
			n++
		}
	}
	return n
}

// accept serves the connections of one listener until it is closed.
func (p *Proxy) accept(ctx context.Context, l listener, serving *sync.WaitGroup) error {
	var backoff time.Duration
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil && isTemporary(err):
			// Out of file descriptors: those in use will come back.
			backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
			p.log.Warn("accept", "err", err)
			sleep(ctx, backoff)
			continue
		case err != nil:
			return fmt.Errorf("accept: %w", err)
		}
		backoff = 0
		if l.opts.Accepted != nil {
			conn = l.opts.Accepted(conn)
		}
		c := newClientConn(ctx, l.p, l.opts, conn)
		if !p.register(c) {
			c.close()
			continue
		}
		serving.Go(c.serve)
	}
}

// register notes a live connection; false means that the proxy is stopping.
func (p *Proxy) register(c *clientConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) unregister(c *clientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// isTemporary reports whether accepting may work again later.
func isTemporary(err error) bool {
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary()
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
