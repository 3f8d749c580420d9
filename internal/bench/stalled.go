//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// stalledExchanges is how many exchanges pass a subscriber that does not read. Of
// each there are two events: that it began, and that it ended.
const stalledExchanges = 100_000

// startStalling starts necto record with an event server that has a subscriber who
// reads, and one who does not.
func startStalling(ctx context.Context, l *lab, origin *process) (*contender, error) {
	c, err := startPublishing(1)(ctx, l, origin)
	if err != nil {
		return nil, err
	}
	stalled, err := subscribe(ctx, c.eventsAddr())
	if err != nil {
		c.kill()
		return nil, err
	}
	stop := c.stop
	c.stop = func(relayed counts) error {
		defer stalled.conn.Close()
		if err := stalled.missed(ioLimit); err != nil {
			return err
		}
		return stop(relayed)
	}
	return c, nil
}

// missed reads on after a long time, and returns nil if the server says within limit
// that events were missed, or has ended the connection.
func (s *subscriber) missed(limit time.Duration) error {
	if err := s.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if err := s.await(`42["lagged"`); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("who did not read was not told what was missed: %w", err)
	}
	return nil
}

// measureStalled has stalledExchanges pass each subject, and compares what memory
// that takes at most.
func measureStalled(ctx context.Context, l *lab, r row, p plan) ([]result, error) {
	origin, err := l.helper(ctx, r.origin, nil)
	if err != nil {
		return nil, err
	}
	defer origin.kill()
	var results []result
	for _, s := range r.subjects {
		fmt.Fprintf(l.out, "%s: %s\n", r.name, s.name)
		res, err := passExchanges(ctx, l, s, origin, stalledExchanges, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		results = append(results, res)
		results[len(results)-1].Grown = res.PeakRSS - results[0].PeakRSS
	}
	return results, nil
}

// passExchanges measures the memory of one subject while and after n exchanges pass.
func passExchanges(ctx context.Context, l *lab, s subject, origin *process, n int, p plan) (result, error) {
	c, err := s.start(ctx, l, origin)
	if err != nil {
		return result{}, err
	}
	defer c.kill()
	relayed, err := pass(ctx, c, n, p.window/8)
	if err != nil {
		return result{}, err
	}
	select {
	case <-time.After(p.idle):
	case <-ctx.Done():
		return result{}, ctx.Err()
	}
	res := result{Subject: s.name}
	if res.IdleRSS, res.PeakRSS, err = c.rss(); err != nil {
		return result{}, err
	}
	return res, c.end(relayed)
}

// pass puts c under load until n requests were answered, or a few more: it looks
// every so often.
func pass(ctx context.Context, c *contender, n int, every time.Duration) (relayed counts, err error) {
	s, err := c.load.open(ctx, c.addr())
	if err != nil {
		return relayed, err
	}
	defer s.close()
	for relayed.requests < n {
		t, err := s.run(ctx, every)
		if err != nil {
			return relayed, err
		}
		relayed.add(t.counts)
	}
	return relayed, nil
}
