package proxy

import "context"

// dialing is a connection that is being opened for all who wait for it. It is given
// up when the last of them has left.
type dialing struct {
	done    chan struct{} // closed when oc and err are there
	oc      *originConn
	err     error
	cancel  context.CancelFunc
	waiting int // guarded by origins.mu
}

// openShared opens one connection to t for all who wait for one, and returns it if
// it speaks HTTP/2. Another one is left to be taken by whoever comes first.
func (o *origins) openShared(ctx context.Context, t target, v versions) (*originConn, error) {
	d := o.join(t, v)
	defer o.leave(t, d)
	select {
	case <-d.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	switch {
	case d.err != nil:
		return nil, d.err
	case o.isOnly1(t):
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	return d.oc, nil
}

// join returns the connection to t that is being opened, which begins with the
// first one who waits for it. All who do leave it.
func (o *origins) join(t target, v versions) *dialing {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.dialing[t]
	if d == nil {
		ctx, cancel := context.WithCancel(o.ctx)
		d = &dialing{done: make(chan struct{}), cancel: cancel}
		if o.dialing == nil {
			o.dialing = make(map[target]*dialing)
		}
		o.dialing[t] = d
		o.running.Go(func() {
			d.oc, d.err = o.openFirst(ctx, t, v)
			o.mu.Lock()
			o.forgetDialing(t, d)
			o.mu.Unlock()
			close(d.done)
		})
	}
	d.waiting++
	return d
}

// leave is called by who does not wait for d any more.
func (o *origins) leave(t target, d *dialing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.waiting--; d.waiting == 0 {
		d.cancel() // which changes nothing about what is open
		o.forgetDialing(t, d)
	}
}

// forgetDialing lets nobody else wait for d. Called under origins.mu.
func (o *origins) forgetDialing(t target, d *dialing) {
	if o.dialing[t] == d {
		delete(o.dialing, t)
	}
}

// openFirst returns the connection of HTTP/2 to t, or opens one on which a version
// in v is spoken.
func (o *origins) openFirst(ctx context.Context, t target, v versions) (*originConn, error) {
	if oc := o.shared(t); oc != nil {
		return oc, nil
	}
	oc, err := o.open(ctx, t)
	if err != nil {
		return nil, err
	}
	if v == prior {
		o.startPrior(ctx, oc)
		return oc, nil
	}
	if _, err = o.ready(ctx, oc, v, nil); err == nil && oc.h2 == nil {
		o.setOnly1(t, oc)
	}
	return oc, err
}
