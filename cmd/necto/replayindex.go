package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/replay"
	"github.com/necto-dev/necto/traffic"
)

// replayIndex answers from recordings, which it reads again when something else of
// requests is not to be compared: the index is made of what is. Its methods may be
// called concurrently.
type replayIndex struct {
	recordings []string
	options    replay.Options
	now        atomic.Pointer[replayAnswers] // those of the last index

	mu sync.Mutex // guards what follows
	// all are the indexes of the run, in order. Those before the last one still
	// hold conversations and send answers that have begun, so they stay to its end.
	all    []*replay.Index
	closed bool
}

// loadIndex reads recordings.
func loadIndex(recordings []string, o replay.Options) (*replayIndex, error) {
	x := &replayIndex{recordings: recordings, options: o}
	return x, x.load()
}

// load puts a new index in the place of the one there is.
func (x *replayIndex) load() error {
	index, err := replay.Load(x.recordings, x.options)
	if err != nil {
		return err
	}
	x.all = append(x.all, index)
	x.now.Store(newReplayAnswers(index))
	return nil
}

// ignore says what is not compared from now on. Recordings that cannot be read any
// more leave it as it was, as does the end of the run.
func (x *replayIndex) ignore(fields []replay.Field) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || slices.Equal(fields, x.options.Ignore) {
		return nil
	}
	was := x.options.Ignore
	x.options.Ignore = fields
	err := x.load()
	if err != nil {
		x.options.Ignore = was
	}
	return err
}

// layer answers everything.
func (x *replayIndex) layer(traffic.RoundTripper) traffic.RoundTripper {
	return traffic.RoundTripperFunc(func(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
		return x.now.Load().RoundTrip(ctx, req)
	})
}

// knows reports whether something was recorded of a host.
func (x *replayIndex) knows(host string) bool { return x.now.Load().index.Knows(host) }

// stats returns the counts of the run.
func (x *replayIndex) stats() replay.Stats {
	x.mu.Lock()
	defer x.mu.Unlock()
	last := len(x.all) - 1
	sum := x.all[last].Stats()
	for _, before := range x.all[:last] {
		s := before.Stats()
		sum.Served += s.Served
		sum.Missed += s.Missed
		sum.Divergences += s.Divergences
	}
	return sum
}

// endConversations ends those that are held: the run is about to end.
func (x *replayIndex) endConversations() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, index := range x.all {
		index.EndConversations()
	}
}

// close closes the recordings.
func (x *replayIndex) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	var errs []error
	for _, index := range x.all {
		errs = append(errs, index.Close())
	}
	return errors.Join(errs...)
}

// replayLayer answers everything from an index.
func replayLayer(index *replay.Index) proxy.Layer {
	answers := newReplayAnswers(index)
	return func(traffic.RoundTripper) traffic.RoundTripper { return answers }
}

// replayAnswers are the answers of an index. It is a traffic.RoundTripper.
type replayAnswers struct {
	index  *replay.Index
	origin traffic.RoundTripper
}

func newReplayAnswers(index *replay.Index) *replayAnswers {
	return &replayAnswers{index, index.Origin()}
}

// RoundTrip answers clients that have sent their request to necto itself as their
// origin does.
func (a *replayAnswers) RoundTrip(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	if proxy.FromOrigin(ctx) {
		return a.origin.RoundTrip(ctx, req)
	}
	return a.index.RoundTrip(ctx, req)
}
