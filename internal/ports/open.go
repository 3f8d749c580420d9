package ports

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// openSaved opens the ports that are to be in use and are not, and returns them. What
// is behind them is not tried yet. What cannot be opened is logged.
func (p *Pool) openSaved(ctx context.Context) []*port {
	p.mu.Lock()
	saved := maps.Clone(p.saved)
	ports := p.ports
	p.mu.Unlock()
	var opened []*port
	for _, number := range slices.Sorted(maps.Keys(saved)) {
		switch {
		case !ports.Has(number):
			p.log.Warn("a saved port is none of the pool any more", "port", number, "pool", ports.String())
			continue
		case p.get(number) != nil:
			continue
		}
		one, err := p.open(ctx, opening{binding: saved[number].Binding, first: p.candidate(saved[number].Candidate)})
		if err != nil {
			p.log.Warn("open a port", "err", err)
			continue
		}
		opened = append(opened, one)
	}
	return opened
}

// opening is how a port is put to use.
type opening struct {
	binding Binding // with its port
	// first is the candidate to begin with, if the binding has labels that it has; nil
	// is one of those.
	first *Candidate
	// only says that no other one is to be tried where that cannot be reached.
	only bool
	// replaces says that the port was in use before.
	replaces bool
}

// open puts a port to use that is free. What is behind it is tried next: see
// port.tried.
func (p *Pool) open(ctx context.Context, o opening) (*port, *OpenError) {
	number := o.binding.Port
	if err := p.unlessClosed(nil); err != nil {
		return nil, &OpenError{Code: CodeBinding, Port: number, Err: err}
	}
	one := &port{
		pool: p, number: number, addr: p.Range().Addr(number), opening: o, began: time.Now(),
		wake: make(chan struct{}, 1), tried: make(chan struct{}),
	}
	if labels := o.binding.Labels; labels != nil {
		candidate := o.first
		if candidate == nil || !labels.match(candidate) {
			candidate = p.firstCandidate(labels)
		}
		if candidate == nil {
			return nil, &OpenError{Code: CodeNoCandidate, Port: number}
		}
		one.candidate.Store(candidate)
	}
	var err error
	if one.listener, err = p.opener.Open(ctx, one.route()); err != nil {
		code := CodeBinding
		switch {
		case errors.Is(err, ErrBusy):
			code = CodeBusy
		case errors.Is(err, ErrRecording):
			p.log.Warn("read the recording of a port", "port", number, "err", err)
			err = ErrRecording
		}
		return nil, &OpenError{Code: code, Port: number, Err: err}
	}
	p.mu.Lock()
	p.inUse[number] = one
	p.mu.Unlock()
	p.look(one)
	return one, nil
}

// look lets a port look after itself.
func (p *Pool) look(one *port) {
	ctx, cancel := context.WithCancel(p.life)
	one.cancel, one.ended = cancel, make(chan struct{})
	p.running.Go(func() { one.run(ctx) })
}

// lead leads a port in use through another candidate, if that can be reached.
func (p *Pool) lead(ctx context.Context, one *port, c *Candidate) *OpenError {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	if err := one.reach(ctx, c.Upstream); err != nil {
		return &OpenError{Code: CodeDial, Port: one.number, Err: p.unlessClosed(err)}
	}
	one.stop() // it may be about to take another one
	one.take(c)
	p.look(one)
	return nil
}

// Restore puts to use the ports that the state file has, or had when the Pool began,
// and that are not in use, for instance because somebody else listened there. It
// returns them when each was tried. restoreDone is told last, and always.
func (p *Pool) Restore(ctx context.Context) []int {
	p.changing.Lock()
	defer p.changing.Unlock()
	opened := p.openSaved(ctx)
	awaitTried(opened)
	p.remember(opened...)
	p.tell(Event{Type: RestoreDone})
	numbers := make([]int, len(opened))
	for i, one := range opened {
		numbers[i] = one.number
	}
	return numbers
}
