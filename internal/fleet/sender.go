package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// firstPause and longestPause are how long a sender waits before it tries
	// again.
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second
	// heartbeat is how often a recorder without traffic says that it lives, where
	// what Redis knows of it would be forgotten otherwise.
	heartbeat = 10 * time.Minute
)

// Keep says how much of a stream is kept. The zero value keeps everything.
type Keep struct {
	// MaxLen is about how many lines, 0 for all.
	MaxLen int64
	// MaxAge is about how long lines are kept, and the content that they name, 0
	// for ever.
	MaxAge time.Duration
}

// sender sends a spool, and removes it when all is sent.
type sender struct {
	client redis.UniversalClient
	target Target
	keep   Keep
	spool  *spool
	log    *slog.Logger
	// progress is counted up with all that Redis has taken.
	progress *atomic.Uint64

	meta   string // the first line
	joined bool
	cursor cursor
	// missing is the seq of the last line that the spool should have and has not, before
	// the next that is to be sent; 0 for none.
	missing uint64
	away    bool // Redis does not take lines now
	// acked is the seq that Redis wants next, 0 as long as that is not known.
	acked atomic.Uint64
}

// waiting returns how many lines Redis has not got.
func (s *sender) waiting() uint64 {
	first, next := s.spool.bounds()
	return next - min(next, max(first, s.acked.Load()))
}

// run sends until the end of the spool, or until ctx is done, and lets the spool
// go. The error is one that trying again does not help.
func (s *sender) run(ctx context.Context) error {
	s.cursor.spool = s.spool
	err := s.sendAndSettle(ctx)
	err = errors.Join(err, s.cursor.close())
	if err == nil {
		return errors.Join(s.spool.clear(), s.spool.remove())
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	return errors.Join(err, s.settleAll(), s.spool.release())
}

func (s *sender) sendAll(ctx context.Context) error {
	first, _ := s.spool.bounds()
	s.cursor.next = first
	for {
		b, err := s.cursor.read(ctx, s.beat())
		switch {
		case errors.Is(err, errEnd):
			return nil
		case errors.Is(err, errIdle):
			s.joined = false // joining again is the sign of life
			err = s.rejoin(ctx)
		case errors.Is(err, errGap):
			s.log.Warn("lines are missing in the spool", "recorder", s.spool.recorder, "before", s.cursor.next)
			s.joined, s.missing = false, s.cursor.next-1
			err = s.rejoin(ctx)
		case err == nil:
			err = s.send(ctx, b)
		}
		if err != nil {
			return err
		}
	}
}

// beat is how long a recorder may be without traffic before it says that it lives,
// 0 for ever.
func (s *sender) beat() time.Duration {
	if s.keep.MaxAge == 0 {
		return 0
	}
	return heartbeat
}

// send sends a batch, however long that takes. Where Redis knows less than it was
// told, the cursor goes back as far as the spool does.
func (s *sender) send(ctx context.Context, b *batch) error {
	if !s.joined {
		return s.rejoin(ctx) // and the batch is read again, or what Redis wants in its place
	}
	answer := ""
	err := s.insist(ctx, func() (err error) {
		if err = s.sendBodies(ctx, b); err == nil {
			answer, err = s.add(ctx, b)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case answer == addTaken:
		return fmt.Errorf("%w: %s", ErrTaken, s.spool.recorder)
	case answer == addJoin:
		s.joined = false
		s.log.Warn("redis has lost lines that it had", "recorder", s.spool.recorder)
		return s.cursor.seek(b.first)
	}
	s.progress.Add(1)
	s.acked.Store(b.end())
	return s.spool.sent(b.end())
}

// rejoin makes the recorder known, and goes to the line that Redis wants next.
func (s *sender) rejoin(ctx context.Context) error {
	if err := s.readMeta(); err != nil {
		return err
	}
	var last uint64
	err := s.insist(ctx, func() (err error) {
		last, err = s.join(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.joined, s.missing = true, 0
	s.acked.Store(last + 1)
	return s.cursor.seek(last + 1)
}

// readMeta reads the first line of the recording, which is there before any other
// is read.
func (s *sender) readMeta() error {
	if s.meta != "" {
		return nil
	}
	line, err := os.ReadFile(filepath.Join(s.spool.dir, metaFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was written
	}
	s.meta = string(line[:max(0, len(line)-1)])
	return err
}

// insist does something until it works, or until ctx is done. ErrTaken it takes for
// an answer, and what is wrong with the spool.
func (s *sender) insist(ctx context.Context, do func() error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := do()
		var onDisk *fs.PathError
		if err == nil || errors.Is(err, ErrTaken) || errors.As(err, &onDisk) {
			s.back(err)
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !s.away {
			s.away = true
			s.log.Warn("redis takes no lines, which wait in the spool", "spool", s.spool.dir, "err", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// back notes that Redis answers again.
func (s *sender) back(err error) {
	if s.away && err == nil {
		s.away = false
		s.log.Info("redis takes lines again", "waiting", s.waiting())
	}
}
