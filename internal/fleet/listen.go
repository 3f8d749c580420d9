package fleet

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// readBatches is how many batches are read at once, which may be of 1 MiB and more.
const readBatches = 8

// listen takes what other nodes publish, from behind an entry on, until ctx is
// done.
func (s *Space) listen(ctx context.Context, from string) {
	l := newListener(s, from)
	for ctx.Err() == nil {
		if err := l.read(ctx); err != nil && ctx.Err() == nil {
			l.fail(ctx, err)
		}
	}
	for _, n := range l.nodes {
		n.leave("this node has left the space")
	}
	s.calls.end()
}

// listener goes through the stream of a space. It belongs to one goroutine.
type listener struct {
	space *Space
	from  string
	nodes map[uint64]*node
	// gone says since when the sessions of nodes are that left.
	gone  map[string]time.Time
	away  bool // Redis does not answer
	swept time.Time
}

func newListener(s *Space, from string) *listener {
	return &listener{space: s, from: from, nodes: map[uint64]*node{}, gone: map[string]time.Time{}}
}

// read waits for batches and takes them.
func (l *listener) read(ctx context.Context) error {
	if l.away {
		if err := l.find(ctx); err != nil {
			return err
		}
	}
	entries, err := entriesOf(l.space.client.XRead(ctx, &redis.XReadArgs{
		Streams: []string{l.space.target.Stream, l.from}, Count: readBatches, Block: readWait,
	}))
	if err != nil {
		return err
	}
	if l.away {
		l.away = false
		l.hear() // nobody could be heard
	}
	for _, entry := range entries {
		l.from = entry.ID
		l.entry(entry)
	}
	l.sweep(time.Now())
	return nil
}

// find finds the place in a stream that may have come back with less than was
// read.
func (l *listener) find(ctx context.Context) error {
	last, err := (&Stream{client: l.space.client, target: l.space.target}).last(ctx)
	if errors.Is(err, ErrNoStream) || err == nil && idLess(last, l.from) {
		l.from, err = "0-0", nil
	}
	return err
}

// fail waits before the next try.
func (l *listener) fail(ctx context.Context, err error) {
	if !l.away {
		l.away = true
		l.space.log.Warn("redis does not answer, other nodes are not seen", "err", err)
	}
	select {
	case <-time.After(longestPause):
	case <-ctx.Done():
	}
}

// hear notes that all nodes may still be there.
func (l *listener) hear() {
	for _, n := range l.nodes {
		n.heard = time.Now()
	}
}

// sweep lets the nodes leave that were not heard for long, and forgets those that have
// left long ago.
func (l *listener) sweep(now time.Time) {
	if now.Sub(l.swept) < aliveEvery {
		return
	}
	l.swept = now
	for _, n := range l.nodes {
		delete(l.gone, n.session) // it is back
		if now.Sub(n.heard) > goneAfter {
			l.space.log.Warn("a node is gone", "node", n.session)
			l.leave(n, now, "the node is gone")
		}
	}
	for session, since := range l.gone {
		if now.Sub(since) > forgottenAfter {
			delete(l.gone, session)
			if l.space.opts.Forgotten != nil {
				l.space.opts.Forgotten(session)
			}
		}
	}
}

// leave lets a node leave.
func (l *listener) leave(n *node, now time.Time, why string) {
	n.leave(why)
	delete(l.nodes, n.number)
	if n.session != "" {
		l.gone[n.session] = now
	}
}

// entry takes an entry of the stream. What is none of a node's is left out.
func (l *listener) entry(entry redis.XMessage) {
	number := fieldOf(entry, "node")
	count := fieldOf(entry, "n")
	if number == 0 || number >= maxNode || count == 0 || number == l.space.number {
		return
	}
	text, _ := entry.Values["batch"].(string)
	batch, err := parseBatch(text)
	if err != nil {
		l.space.log.Warn("a batch of events is not understood", "err", err)
		return
	}
	n := l.nodes[number]
	if n == nil {
		n = newNode(l.space, number)
		l.nodes[number] = n
	}
	n.heard = time.Now()
	if !n.follows(count) {
		return
	}
	for i := range batch {
		if batch[i].Kind == kindBye {
			l.leave(n, n.heard, "the node has left")
			return
		}
		n.take(&batch[i])
	}
}

// fieldOf returns a number of an entry, 0 if there is none.
func fieldOf(entry redis.XMessage, name string) uint64 {
	text, _ := entry.Values[name].(string)
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
