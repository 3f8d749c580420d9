package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
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

// Listener takes what other nodes publish, as it comes from Redis.
type Listener struct{ l *listener }

// NewListener returns the listener of the node 1 of a space without a Redis.
func NewListener(o SpaceOptions) Listener {
	s := &Space{opts: o, log: slog.New(slog.DiscardHandler), out: newOutbox(), number: 1}
	return Listener{newListener(s, "0-0")}
}

// Entry takes the batch n of a node.
func (l Listener) Entry(node, n int, batch string) {
	l.l.entry(redis.XMessage{Values: map[string]any{"node": strconv.Itoa(node), "n": strconv.Itoa(n), "batch": batch}})
}

// Sweep looks at a time for nodes that are gone.
func (l Listener) Sweep(at time.Time) { l.l.sweep(at) }

// Leave lets all nodes leave.
func (l Listener) Leave() {
	for _, n := range l.l.nodes {
		n.leave("the test is over")
	}
}

// ThroughRedis returns fields as other nodes get them.
func ThroughRedis(fs traffic.Fields) (traffic.Fields, error) {
	text, err := json.Marshal(wireFields(fs))
	if err != nil {
		return nil, err
	}
	var got wireFields
	err = json.Unmarshal(text, &got)
	return traffic.Fields(got), err
}

// AfterPiece calls do whenever a piece of content has come from Redis.
func (s *Stream) AfterPiece(do func()) { s.client.AddHook(pieces{do}) }

type pieces struct{ do func() }

func (pieces) DialHook(next redis.DialHook) redis.DialHook { return next }

func (pieces) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (p pieces) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == "getrange" {
			p.do()
		}
		return err
	}
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
