package rules

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// maxDelay bounds what a distribution can come up with.
const maxDelay = time.Hour

// duration returns how long to wait this time.
func (d *Delay) duration() time.Duration {
	if l := d.LogNormal; l != nil {
		factor := math.Exp(l.Sigma * rand.NormFloat64())
		return time.Duration(min(float64(l.Median)*factor, float64(max(maxDelay, time.Duration(l.Median)))))
	}
	return spread(time.Duration(d.Time), time.Duration(d.Jitter))
}

// spread returns a time that is at most jitter away from d, and not negative.
func spread(d, jitter time.Duration) time.Duration {
	offset := float64(jitter) * (2*rand.Float64() - 1)
	return max(d+time.Duration(offset), 0)
}

// sleep waits, and returns an error if ctx ends before that.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 || rehearsing(ctx) {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
