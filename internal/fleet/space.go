package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/necto-dev/necto/traffic"
)

// maxNode bounds the numbers of nodes, so that numbers stay below 1<<62.
const maxNode = 1 << 20

const (
	// aliveEvery is how often a node says that it is there, and goneAfter how long
	// it is believed to be without a word.
	aliveEvery = 2 * time.Second
	goneAfter  = 15 * time.Second
	// keptFor is how long events stay in Redis: who is away for longer misses some.
	keptFor = time.Minute
	// forgottenAfter is how long a node is gone until nobody expects it back.
	forgottenAfter = 15 * time.Minute
)

// DefaultSpace is the name of a space where a Target has no Stream.
const DefaultSpace = "necto:events"

// SpaceOptions says what a node brings into a space, and who is told of the others.
type SpaceOptions struct {
	// Session is the id of the session of this node's traffic, Name that for people.
	Session, Name string
	// Joined is called for each other node before Observer is told of its traffic, also
	// when it comes back.
	Joined func(node uint64, session, name string)
	// Forgotten is called when a node has been gone for a quarter of an hour, which is
	// time to look at what it did.
	Forgotten func(session string)
	// Observer is told what happens at other nodes, by one goroutine.
	Observer traffic.Observer
	// Breakpoints and Frames are this node's own; nil if it has none.
	Breakpoints Breakpoints
	Frames      Frames
	// TLS is for a Target with TLS; nil trusts what the system trusts.
	TLS *tls.Config
	// Log is told when Redis goes away, and what was missed; nil discards it.
	Log *slog.Logger
}

// Breakpoints is what a node holds.
type Breakpoints interface {
	// Resume ends a hit. It may be called concurrently, and does not wait.
	Resume(id traffic.HitID, r traffic.Resume) error
}

// Frames sends on WebSocket connections of a node.
type Frames interface {
	// Inject may be called concurrently, also when the space is closed. It ends with
	// the connection at the latest.
	Inject(id traffic.ExchangeID, i traffic.Injection) error
}

// Space is an event space that several processes share: each tells the others what
// it observes, and is told what they do, and what is held at one is resumed from
// any. It never slows traffic down: while Redis is away events are lost, once too
// many wait. Create it with Join. Its methods may be called concurrently.
type Space struct {
	client redis.UniversalClient
	target Target
	opts   SpaceOptions
	log    *slog.Logger
	// number is that of this node.
	number uint64
	stop   context.CancelFunc
	out    outbox
	held   heldHits
	calls  calls
	// running has what Close waits for.
	running sync.WaitGroup
}

// Join joins the space that t names, in a Redis that has to answer now. The error
// wraps ErrAccess or ErrUnreachable.
func Join(ctx context.Context, t Target, o SpaceOptions) (*Space, error) {
	if t.Stream == "" {
		t.Stream = DefaultSpace
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	client, err := connect(ctx, t, o.TLS)
	if err != nil {
		return nil, err
	}
	s := &Space{client: client, target: t, opts: o, log: o.Log, out: newOutbox()}
	last, err := s.enter(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("join %s: %w", t, explain(err)), client.Close())
	}
	ctx, s.stop = context.WithCancel(context.Background())
	s.greet()
	s.running.Go(func() { s.publish(ctx) })
	s.running.Go(func() { s.listen(ctx, last) })
	return s, nil
}

// enter takes a number that nobody has, and returns the id of the last entry.
func (s *Space) enter(ctx context.Context) (last string, err error) {
	if err := checkKey(ctx, s.client, s.target); err != nil {
		return "", err
	}
	for s.number == 0 {
		n := 1 + rand.Uint64N(maxNode-1) //nolint:gosec // no secret
		ok, err := s.client.SetNX(ctx, s.nodeKey(n), s.opts.Session, keptFor).Result()
		if err != nil {
			return "", err
		}
		if ok {
			s.number = n
		}
	}
	last, err = (&Stream{client: s.client, target: s.target}).last(ctx)
	if errors.Is(err, ErrNoStream) {
		return "0-0", nil
	}
	return last, err
}

// nodeKey is the key that says that a number is taken. The braces put it where the
// stream is.
func (s *Space) nodeKey(n uint64) string {
	return "{" + s.target.Stream + "}:node:" + strconv.FormatUint(n, 10)
}

// Close tells the other nodes that this one leaves, if Redis takes it until ctx is
// done, and lets go of the space. It does not wait for frames that other nodes send on
// connections of this one.
func (s *Space) Close(ctx context.Context) error {
	s.out.close()
	defer context.AfterFunc(ctx, s.stop)()
	s.running.Wait()
	return s.client.Close()
}
