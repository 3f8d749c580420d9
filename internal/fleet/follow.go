package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// claimEvery is how often a member of a group looks for what another has taken
	// and, for claimAfter, not finished.
	claimEvery = 15 * time.Second
	claimAfter = time.Minute
)

// Handler is told what a Stream has.
type Handler interface {
	// Line takes a line, of which nothing changes afterwards. An error ends
	// Follow.
	Line(l Line) error
	// Idle is called before Follow waits for more, and before lines of a group
	// count as done. An error ends Follow.
	Idle() error
	// Warn says that Redis is away, or has lost something.
	Warn(text string)
}

// Follow tells h of all lines from the first one on, also of those to come, until
// ctx is done, which is no error. With a group, members of that get lines which no
// other has got, from the first that none has got: a line at least once, and twice
// only if its first reader has not finished with it for a minute. While Redis is
// away Follow waits.
func (s *Stream) Follow(ctx context.Context, group string, h Handler) error {
	f := &follower{
		stream: s, handler: h, group: group, from: "0-0",
		order: order{stream: s, seen: map[string]uint64{}, shared: group != ""},
	}
	if group != "" {
		f.consumer = rand.Text()
		defer f.leave()
	}
	for ctx.Err() == nil {
		if err := f.step(ctx); err != nil {
			return err
		}
	}
	return h.Idle()
}

// follower goes through a stream.
type follower struct {
	stream          *Stream
	handler         Handler
	group, consumer string
	order           order
	// from is the id of the last entry that was read, without a group.
	from string
	// idle says that there was nothing more, away that Redis did not answer.
	idle, away bool
	member     bool // of the group
	claimed    time.Time
}

// step reads once and hands on what there was.
func (f *follower) step(ctx context.Context) error {
	lines, ids, err := f.read(ctx)
	if err != nil {
		return f.wait(ctx, err)
	}
	f.away = false
	for _, l := range lines {
		if err := f.handler.Line(l); err != nil {
			return err
		}
	}
	if f.idle = len(ids) == 0; f.idle || f.group != "" {
		if err := f.handler.Idle(); err != nil {
			return err
		}
	}
	if f.group == "" || len(ids) == 0 {
		return nil
	}
	// What cannot be acknowledged comes again.
	_ = f.stream.client.XAck(ctx, f.stream.target.Stream, f.group, ids...).Err()
	return nil
}

// read returns the next lines and the ids of the entries that were read. After
// there was nothing it waits for a while.
func (f *follower) read(ctx context.Context) (lines []Line, ids []string, err error) {
	if f.away {
		if err := f.find(ctx); err != nil {
			return nil, nil, err
		}
	}
	block := time.Duration(-1)
	if f.idle {
		block = readWait
	}
	var entries []redis.XMessage
	if f.group != "" {
		entries, err = f.readGroup(ctx, block)
	} else {
		entries, err = f.readStream(ctx, block)
	}
	if err != nil {
		return nil, nil, err
	}
	if lines, err = f.order.lines(ctx, entries); err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		ids = append(ids, entry.ID)
		f.from = entry.ID
	}
	return lines, ids, nil
}

func (f *follower) readStream(ctx context.Context, block time.Duration) ([]redis.XMessage, error) {
	return entriesOf(f.stream.client.XRead(ctx, &redis.XReadArgs{
		Streams: []string{f.stream.target.Stream, f.from}, Count: readCount, Block: block,
	}))
}

// readGroup reads what others have left undone, or what is new.
func (f *follower) readGroup(ctx context.Context, block time.Duration) ([]redis.XMessage, error) {
	if err := f.join(ctx); err != nil {
		return nil, err
	}
	if time.Since(f.claimed) >= claimEvery {
		f.claimed = time.Now()
		entries, _, err := f.stream.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: f.stream.target.Stream, Group: f.group, Consumer: f.consumer, MinIdle: claimAfter, Start: "0-0", Count: readCount,
		}).Result()
		if err != nil || len(entries) > 0 {
			f.claimed = time.Time{} // there may be more
			return entries, f.unlessLost(explain(err))
		}
	}
	entries, err := entriesOf(f.stream.client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: f.group, Consumer: f.consumer, Streams: []string{f.stream.target.Stream, ">"}, Count: readCount, Block: block,
	}))
	return entries, f.unlessLost(err)
}

// unlessLost returns err unless it says that the group is not there: somebody has
// removed it, or Redis has lost it. It is made again.
func (f *follower) unlessLost(err error) error {
	if err != nil && strings.HasPrefix(err.Error(), "NOGROUP") {
		f.member = false
		return nil
	}
	return err
}

// join makes the group if it is not there.
func (f *follower) join(ctx context.Context) error {
	if f.member {
		return nil
	}
	err := f.stream.client.XGroupCreateMkStream(ctx, f.stream.target.Stream, f.group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return explain(err)
	}
	f.member = true
	return nil
}

// leave removes the consumer, unless there is something that it has not finished
// and another is to have.
func (f *follower) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	pending, err := f.stream.client.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: f.stream.target.Stream, Group: f.group, Consumer: f.consumer, Start: "-", End: "+", Count: 1,
	}).Result()
	if err == nil && len(pending) == 0 {
		_ = f.stream.client.XGroupDelConsumer(ctx, f.stream.target.Stream, f.group, f.consumer).Err()
	}
}

func entriesOf(cmd *redis.XStreamSliceCmd) ([]redis.XMessage, error) {
	streams, err := cmd.Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, explain(err)
	}
	return streams[0].Messages, nil
}

// wait takes an error of Redis: it waits before the next try, or returns the error
// if trying again does not help.
func (f *follower) wait(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // that is the end, not what was wrong last
	}
	if errors.Is(err, ErrAccess) || strings.HasPrefix(err.Error(), "WRONGTYPE") {
		return fmt.Errorf("read %s: %w", f.stream.target, err)
	}
	if !f.away {
		f.handler.Warn(fmt.Sprintf("redis does not answer, waiting: %v", err))
	}
	f.away = true
	select {
	case <-time.After(longestPause):
	case <-ctx.Done():
	}
	return nil
}

// find finds the place in the stream after Redis was away: it may have come back
// with less than was read.
func (f *follower) find(ctx context.Context) error {
	last, err := f.stream.last(ctx)
	switch {
	case errors.Is(err, ErrNoStream), err == nil && idLess(last, f.from):
		if f.from != "0-0" {
			f.handler.Warn("redis has lost lines that were read, reading from the first again")
		}
		f.from = "0-0"
		return nil
	}
	return err
}

// idLess reports whether the id a of an entry is before b.
func idLess(a, b string) bool {
	aTime, aSeq, _ := strings.Cut(a, "-")
	bTime, bSeq, _ := strings.Cut(b, "-")
	if aTime != bTime {
		return numberLess(aTime, bTime)
	}
	return numberLess(aSeq, bSeq)
}

// numberLess compares numbers in decimal.
func numberLess(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
