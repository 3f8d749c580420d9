package main

import (
	"context"
	"sync/atomic"

	"github.com/spf13/pflag"

	"github.com/necto-dev/necto/eventserver"
	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// clusterFlags are the flags of a server that shares its events with others.
type clusterFlags struct {
	address string // "" for none
	target  fleet.Target
}

func (f *clusterFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "cluster", "", "share events and breakpoints with every necto that names the same Redis, `redis://host:port` (with the password in $"+redisPasswordVar+")")
}

// complete validates the flag.
func (f *clusterFlags) complete() (err error) {
	if f.address == "" {
		return nil
	}
	if f.target, err = readTarget(f.address); err != nil {
		return usagef("--cluster: %w", err).hinted("write redis://host:port, such as redis://127.0.0.1:6379")
	}
	return nil
}

// clusterNode is what clients of an event server may control: of this necto, and
// once it has joined a cluster of all in it.
type clusterNode struct {
	breakpoints eventserver.Breakpoints
	frames      eventserver.Frames
	space       atomic.Pointer[fleet.Space]
}

// Hits implements eventserver.Breakpoints. Those of others are known from events.
func (n *clusterNode) Hits() []*traffic.Hit { return n.breakpoints.Hits() }

// Resume implements eventserver.Breakpoints.
func (n *clusterNode) Resume(id traffic.HitID, r traffic.Resume) error {
	if space := n.space.Load(); space != nil {
		return space.Resume(id, r)
	}
	return n.breakpoints.Resume(id, r)
}

// Inject implements eventserver.Frames.
func (n *clusterNode) Inject(id traffic.ExchangeID, i traffic.Injection) error {
	if space := n.space.Load(); space != nil {
		return space.Inject(id, i)
	}
	return n.frames.Inject(id, i)
}

// noHits is a necto without breakpoints.
type noHits struct{}

func (noHits) Hits() []*traffic.Hit                       { return nil }
func (noHits) Resume(traffic.HitID, traffic.Resume) error { return rules.ErrUnknownHit }

// share puts a node between clients and what they control, if there is to be a
// cluster.
func (f *clusterFlags) share(o *eventserver.Options) *clusterNode {
	if f.address == "" {
		return nil
	}
	n := &clusterNode{breakpoints: o.Breakpoints, frames: o.Frames}
	if n.breakpoints == nil {
		n.breakpoints = noHits{}
	}
	o.Breakpoints, o.Frames = n, n
	return n
}

// join lets the publisher tell of all nodes of the cluster, and those of this one.
func (p *publisher) join(ctx context.Context, status *status, f clusterFlags) error {
	if p == nil || p.node == nil {
		return nil
	}
	session := p.Sessions()[0]
	space, err := fleet.Join(ctx, f.target, fleet.SpaceOptions{
		Session: session.ID, Name: p.card.URL, Joined: p.AddNode, Forgotten: p.RemoveNode, Observer: p.Server,
		Breakpoints: p.node.breakpoints, Frames: p.node.frames, Log: status.log(),
	})
	if err != nil {
		return redisHint(err)
	}
	p.node.space.Store(space)
	return nil
}

// leave leaves the cluster.
func (p *publisher) leave(ctx context.Context) {
	if p.node == nil {
		return
	}
	if space := p.node.space.Load(); space != nil {
		_ = space.Close(ctx) // nothing can be done about it any more
	}
}

// observers returns who is told what this necto sees.
func (p *publisher) observers() traffic.Observer {
	if p.node == nil || p.node.space.Load() == nil {
		return p
	}
	return traffic.Tee{p, p.node.space.Load()}
}
