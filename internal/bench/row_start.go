//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

// measureStart starts and ends each subject again and again, and leaves the
// last one idle for a while to see what memory it keeps.
func measureStart(ctx context.Context, l *lab, r row, p plan) ([]result, error) {
	origin, err := l.helper(ctx, r.origin, nil)
	if err != nil {
		return nil, err
	}
	defer origin.kill()
	results := make([]result, len(r.subjects))
	// The first start of all, which makes the CA, is not counted.
	for n := range p.starts + 1 {
		for i, s := range r.subjects {
			idle := time.Duration(0)
			if n == p.starts {
				idle = p.idle
			}
			results[i].Subject = s.name
			if err := startOnce(ctx, l, s, origin, idle, &results[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if n == 0 {
				results[i].Starts = nil
			}
		}
	}
	return results, nil
}

// measureIdle is measureStart with one start of each, for what they keep.
func measureIdle(ctx context.Context, l *lab, r row, p plan) ([]result, error) {
	p.starts = 1
	results, err := measureStart(ctx, l, r, p)
	for i := range results {
		results[i].Grown = results[i].IdleRSS - results[0].IdleRSS
	}
	return results, err
}

// startOnce adds one start to into; if idle is not 0 also the memory resident
// after that time.
func startOnce(ctx context.Context, l *lab, s subject, origin *process, idle time.Duration, into *result) error {
	c, err := s.start(ctx, l, origin)
	if err != nil {
		return err
	}
	defer c.kill()
	into.Starts = append(into.Starts, float64(c.startup)/float64(time.Millisecond))
	if idle > 0 {
		select {
		case <-time.After(idle):
		case <-ctx.Done():
			return ctx.Err()
		}
		if into.IdleRSS, into.PeakRSS, err = c.rss(); err != nil {
			return err
		}
	}
	return c.end(counts{})
}
