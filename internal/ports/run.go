package ports

import (
	"context"
	"math/rand/v2"
	"time"
)

// run looks after the port until ctx is done.
func (p *port) run(ctx context.Context) {
	defer close(p.ended)
	p.try(ctx)
	probe := time.NewTimer(p.firstInterval())
	defer probe.Stop()
	var rotation <-chan time.Time
	if p.binding.Rotation > 0 {
		ticker := time.NewTicker(p.binding.Rotation)
		defer ticker.Stop()
		rotation = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-probe.C:
			p.probe(ctx)
		case <-rotation:
			p.takeNext(ctx)
		}
		if p.refreshDue() {
			p.takeNext(ctx)
		}
		probe.Reset(p.interval())
	}
}

// try finds out for the first time whether what is behind the port can be reached,
// and takes another candidate if not. That it is online is told at once.
func (p *port) try(ctx context.Context) {
	select {
	case <-p.tried:
		return // before run was stopped and started again
	default:
	}
	defer close(p.tried)
	err := p.reach(ctx, p.upstream())
	if err != nil && !p.only {
		for _, c := range p.pool.alternatives(p) {
			if ctx.Err() != nil {
				break
			}
			if err = p.reach(ctx, c.Upstream); err == nil {
				p.candidate.Store(c)
				break
			}
		}
	}
	p.mu.Lock()
	p.lastErr = err
	if err != nil {
		p.setOnline(false) // clients may have been told otherwise
	} else {
		p.online = true
		p.steady.Store(true)
		p.announce()
	}
	p.mu.Unlock()
	p.pool.events.flush()
}

// firstInterval returns when the first probe is due, so that not all ports of a pool
// are probed at once.
func (p *port) firstInterval() time.Duration { return 1 + rand.N(p.interval()) }

// interval returns when the next probe is due.
func (p *port) interval() time.Duration {
	if online, _ := p.isOnline(); online {
		return p.pool.config.Probe.Interval
	}
	return p.pool.config.Probe.Retry
}

// refreshDue reports whether another candidate is to be taken because this one cannot
// be reached. Clients are told that the port is offline before.
func (p *port) refreshDue() bool {
	r := p.binding.Refresh
	p.mu.Lock()
	due := r.Enabled && !p.online && (r.Max == 0 || p.refreshes < r.Max) &&
		(p.refreshed.IsZero() || time.Since(p.refreshed) >= r.Interval)
	if due && p.told {
		p.announce()
	}
	p.mu.Unlock()
	p.pool.events.flush()
	return due
}

// takeNext takes the next candidate that can be reached, if there is one.
func (p *port) takeNext(ctx context.Context) {
	for _, c := range p.pool.alternatives(p) {
		if p.reach(ctx, c.Upstream) == nil {
			p.take(c)
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// take leads the port through a candidate that can be reached, and tells so.
func (p *port) take(c *Candidate) {
	p.candidate.Store(c)
	p.mu.Lock()
	p.refreshes++
	p.refreshed = time.Now()
	p.failures, p.lastErr = 0, nil
	p.online = true
	p.steady.Store(true)
	p.announce()
	p.mu.Unlock()
	p.pool.events.flush()
	p.pool.remember(p)
}
