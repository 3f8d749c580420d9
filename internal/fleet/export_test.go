package fleet

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/necto-dev/necto/traffic"
)

// LineOf is lineOf for the fields of an entry.
func LineOf(values map[string]any) (Line, bool) {
	return lineOf(redis.XMessage{ID: "1-1", Values: values})
}

// LinesAfterError returns the lines of entries that could not be looked at before.
func (s *Stream) LinesAfterError(ctx context.Context, fields []map[string]any) ([]Line, error) {
	var entries []redis.XMessage
	for _, values := range fields {
		entries = append(entries, redis.XMessage{ID: "1-1", Values: values})
	}
	o := &order{stream: s, seen: map[string]uint64{}}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := o.lines(over, entries); err == nil {
		return nil, errors.New("there was no error")
	}
	return o.lines(ctx, entries)
}

// ReadAfterLoss reads twice as a member of a group that is not there any more, which
// looks for the work of others first if it claims, and returns how many entries it got.
func (s *Stream) ReadAfterLoss(ctx context.Context, group string, claims bool) (int, error) {
	f := &follower{stream: s, group: group, consumer: "member", member: true}
	if !claims {
		f.claimed = time.Now()
	}
	if entries, err := f.readGroup(ctx, -1); len(entries) > 0 || err != nil {
		return 0, err
	}
	entries, err := f.readGroup(ctx, -1)
	if err == nil && len(entries) == 0 { // there was nothing to claim
		entries, err = f.readGroup(ctx, -1)
	}
	return len(entries), err
}

// TakeBatch lets a space take a batch of another node, as it came from Redis, and
// the leaving of that.
func TakeBatch(text string, o traffic.Observer) {
	s := &Space{opts: SpaceOptions{Observer: o}, log: slog.New(slog.DiscardHandler), out: newOutbox(), number: 1}
	l := &listener{space: s, from: "0-0", nodes: map[uint64]*node{}}
	hello := map[string]any{"node": "2", "n": "1", "batch": `[{"kind":"hello","session":"S"}]`}
	l.entry(redis.XMessage{Values: hello})
	l.entry(redis.XMessage{Values: map[string]any{"node": "2", "n": "2", "batch": text}})
	for _, n := range l.nodes {
		n.leave("the test is over")
	}
	s.running.Wait()
}

// Settled returns the seq of the last line that is on the disk itself, 0 for none.
func (s *Sink) Settled() uint64 {
	s.spool.mu.Lock()
	defer s.spool.mu.Unlock()
	last := uint64(1)
	for _, p := range s.spool.parts {
		last = max(last, p.safe)
	}
	return last - 1
}
