package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"

	"github.com/necto-dev/necto/record"
)

var _ record.Sink = (*Sink)(nil)

// drainPatience is how long Drain waits for a Redis that takes nothing.
const drainPatience = 15 * time.Second

// SinkOptions says how lines get into a stream.
type SinkOptions struct {
	// Spool is the folder where lines wait for Redis. Many sinks may share it: each
	// has a folder of its own in it. It is made if it is missing.
	Spool string
	// SpoolMax is how many bytes may wait there, at least 1 MiB; 0 means 1 GiB.
	SpoolMax int64
	// Session is the ULID of the recording, and the id of the recorder.
	Session string
	// Keep is how much of the stream is kept.
	Keep Keep
	// TLS is for a Target with TLS; nil trusts what the system trusts.
	TLS *tls.Config
	// Log is told when Redis goes away; nil discards it.
	Log *slog.Logger
}

// Sink takes the lines of a recording and sends them to a stream. See the package
// comment. Write, Bodies and Close belong to the record.Writer; the other methods
// may be called concurrently to them.
type Sink struct {
	client   redis.UniversalClient
	spool    *spool
	stop     context.CancelFunc
	senders  []*sender
	running  sync.WaitGroup
	progress atomic.Uint64

	mu  sync.Mutex // guards err
	err error      // what sending has ended with
}

// OpenSink opens a stream in a Redis that has to answer now. What earlier processes
// have left in the spool for the same target is sent, too. The error wraps
// ErrAccess if a password is missing or wrong, and ErrSpoolInUse if the session is
// not new.
func OpenSink(ctx context.Context, t Target, o SinkOptions) (*Sink, error) {
	if _, err := ulid.ParseStrict(o.Session); err != nil { // it becomes the name of a folder
		return nil, fmt.Errorf("session %q: %w", o.Session, err)
	}
	if o.SpoolMax == 0 {
		o.SpoolMax = 1 << 30
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	client, err := connect(ctx, t, o.TLS)
	if err != nil {
		return nil, err
	}
	if err := checkKey(ctx, client, t); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	left := leftovers(o.Spool, t, func(dir string, err error) {
		o.Log.Warn("what was left in the spool is not sent", "spool", dir, "err", err)
	})
	own, err := createSpool(o.Spool, o.Session, t, max(o.SpoolMax, 1<<20))
	if err != nil {
		for _, s := range left {
			err = errors.Join(err, s.release())
		}
		return nil, errors.Join(fmt.Errorf("open the spool: %w", err), client.Close())
	}
	s := &Sink{client: client, spool: own}
	s.start(t, o, append(left, own))
	return s, nil
}

// checkKey finds a key of that name that is no stream.
func checkKey(ctx context.Context, client redis.UniversalClient, t Target) error {
	kind, err := client.Type(ctx, t.Stream).Result()
	switch {
	case err != nil:
		return fmt.Errorf("look at %s: %w", t, explain(err))
	case kind != "none" && kind != "stream":
		return fmt.Errorf("%s is a %s, not a stream", t, kind)
	}
	return nil
}

// start sends spools, each for itself.
func (s *Sink) start(t Target, o SinkOptions, spools []*spool) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, spool := range spools {
		sender := &sender{client: s.client, target: t, keep: o.Keep, spool: spool, log: o.Log, progress: &s.progress}
		s.senders = append(s.senders, sender)
		s.running.Go(func() { s.run(ctx, sender) })
	}
}

func (s *Sink) run(ctx context.Context, one *sender) {
	err := one.run(ctx)
	if err == nil {
		return
	}
	err = fmt.Errorf("send what is in %s: %w", one.spool.dir, err)
	if one.spool != s.spool {
		one.log.Warn("what was left in the spool is not sent", "err", err)
		one.acked.Store(math.MaxUint64) // nobody waits for it
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Write takes whole lines. The error wraps ErrSpoolFull if there is no room, and
// ErrTaken if another recorder has the id of this one.
func (s *Sink) Write(lines []byte) (int, error) {
	err := s.failed()
	if err == nil {
		err = s.spool.write(lines)
	}
	if err != nil {
		return 0, err
	}
	return len(lines), nil
}

// failed returns what sending has ended with.
func (s *Sink) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Bodies returns the folder for the bodies of the next lines.
func (s *Sink) Bodies() string { return s.spool.bodies() }

// Close says that there are no more lines. They may still be on their way: see
// Drain.
func (s *Sink) Close() error { return s.spool.end() }

// Waiting returns how many lines Redis has not got yet.
func (s *Sink) Waiting() uint64 {
	n := uint64(0)
	for _, sender := range s.senders {
		n += sender.waiting()
	}
	return n
}

// UnsentError is returned by Drain if lines stay in the spool.
type UnsentError struct {
	// Lines is how many there are, Spool the folder that they are in.
	Lines uint64
	Spool string
}

// Error says where the lines are.
func (e *UnsentError) Error() string {
	return fmt.Sprintf("%d lines are not in the stream: they wait in %s", e.Lines, e.Spool)
}

// Drain waits until Redis has everything, and lets go of it. It gives up when ctx
// is done, or when Redis takes nothing for 15 s, with an *UnsentError. It is called
// once, after Close.
func (s *Sink) Drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	s.wait(ctx, done)
	s.stop()
	<-done
	err := errors.Join(s.failed(), s.client.Close())
	if n := s.Waiting(); n > 0 && err == nil {
		return &UnsentError{Lines: n, Spool: filepath.Dir(s.spool.dir)}
	}
	return err
}

// wait waits for done as long as there is progress.
func (s *Sink) wait(ctx context.Context, done <-chan struct{}) {
	tick := time.NewTicker(drainPatience)
	defer tick.Stop()
	for seen := s.progress.Load(); ; seen = s.progress.Load() {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
			if s.progress.Load() == seen {
				return
			}
		}
	}
}
