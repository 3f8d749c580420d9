package fleet

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/errgroup"
)

// settleEvery is how often lines are written to the disk itself that Redis has not
// taken since the time before.
const settleEvery = time.Second

// sendAndSettle sends the spool. Of what has to wait a power failure takes only the
// lines of the last moments; what Redis takes at once is no work for the disk.
func (s *sender) sendAndSettle(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	sending, stop := context.WithCancel(ctx)
	all.Go(func() error { return s.settle(sending) })
	all.Go(func() error {
		defer stop()
		return s.sendAll(ctx)
	})
	return all.Wait()
}

// settle writes waiting lines to the disk itself until ctx is done.
func (s *sender) settle(ctx context.Context) error {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for before := uint64(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.settleBefore(before); err != nil {
			return err
		}
		_, before = s.spool.bounds()
	}
}

// settleAll writes all waiting lines to the disk itself.
func (s *sender) settleAll() error { return s.settleBefore(math.MaxUint64) }

// settleBefore writes the waiting lines before a seq to the disk itself, with their
// parts.
func (s *sender) settleBefore(seq uint64) error {
	for {
		p, end := s.spool.unsafe(s.acked.Load(), seq)
		if p == nil {
			return nil
		}
		if err := p.sync(); err != nil {
			return fmt.Errorf("write the spool to the disk: %w", err)
		}
		s.spool.settled(p, end)
	}
}

// unsafe returns the first part with lines from a seq on and before another that are
// not on the disk itself, and the seq behind those that the part has by now; nil if
// there is none. The part stays until settled is called.
func (s *spool) unsafe(from, before uint64) (p *part, end uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		if last := min(p.end(), before); last > max(p.first, p.safe, from) {
			p.syncing = true
			return p, p.end()
		}
	}
	return nil, 0
}

// settled notes that the lines of a part before a seq are on the disk itself.
func (s *spool) settled(p *part, before uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.safe, p.syncing = before, false
}
