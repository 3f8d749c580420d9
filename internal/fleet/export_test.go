package fleet

import (
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/necto-dev/necto/traffic"
)

// LineOf is lineOf for the fields of an entry.
func LineOf(values map[string]any) (Line, bool) {
	return lineOf(redis.XMessage{ID: "1-1", Values: values})
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
