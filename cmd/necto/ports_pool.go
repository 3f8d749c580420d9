package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/dustin/go-humanize"

	"github.com/necto-dev/necto/internal/ports"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// openPool is a pool of ports that a proxy serves. Methods of a nil one do nothing.
type openPool struct {
	pool    *ports.Pool
	opener  *portOpener
	channel *openChannel
	status  *status
	// misses and divergences are of ports that answer from recordings.
	misses, divergences boundedNotes
}

// open makes the pool, nil without one. Its ports are listeners of p, which has the
// options o; unrecorded is who is told of what is to be in no recording, and answers is
// how recordings are read that ports answer from.
func (f *portsFlags) open(
	ctx context.Context, status *status, p *proxy.Proxy, o proxy.Options, unrecorded traffic.Observer, answers replay.Options,
) (*openPool, error) {
	if f.file == "" {
		return nil, nil //nolint:nilnil // nil is none
	}
	channel, err := f.openChannel(ctx, status, p)
	if err != nil {
		return nil, err
	}
	opened := &openPool{
		channel: channel, status: status,
		misses:      boundedNotes{status: status, one: "miss", many: "misses"},
		divergences: boundedNotes{status: status, one: "divergence", many: "divergences"},
	}
	answers.Log = status.log()
	answers.OnMiss = func(m replay.Miss) { opened.misses.add(m) }
	answers.OnDivergence = func(d replay.Divergence) { opened.divergences.add(d) }
	opened.opener = &portOpener{proxy: p, options: o, unrecorded: unrecorded, answers: answers}
	opened.pool = ports.New(ports.Options{
		Config: f.config, Opener: opened.opener, State: f.state, Events: channel.publish(), Log: status.log(),
	})
	return opened, nil
}

// start opens the ports. A state that is damaged is told, and no error.
func (p *openPool) start(ctx context.Context, ready *readyInfo) error {
	if p == nil {
		return nil
	}
	if err := p.pool.Start(ctx); err != nil {
		if _, damaged := errors.AsType[*ports.StateError](err); !damaged {
			return withHint(err, "necto would replace it: make it readable, or name another file: --state FILE")
		}
		p.status.note("%v", err)
	}
	r := p.pool.Range()
	p.status.note("%s of %s in use: %s to %s", humanize.Comma(int64(len(p.pool.Statuses()))), plural(int64(r.Count), "port"),
		r.Addr(r.Start), r.Addr(r.Start+r.Count-1))
	if p.channel != nil {
		ready.Channel = p.channel.url
		p.status.note("channel %s", p.channel.url)
	}
	return nil
}

// handlers returns the API of the pool.
func (p *openPool) handlers() map[string]http.Handler {
	if p == nil {
		return nil
	}
	return p.pool.Handlers()
}

// release ends what would take up the proxy's grace.
func (p *openPool) release() {
	if p != nil {
		p.opener.endConversations()
	}
}

// close ends the pool, once the proxy has.
func (p *openPool) close() error {
	if p == nil {
		return nil
	}
	err := p.pool.Close()
	p.channel.close()
	p.misses.close()
	p.divergences.close()
	if err != nil {
		return fmt.Errorf("the ports will not be restored as they are: %w", err)
	}
	return nil
}
