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
		return time.Duration(min(float64(l.Median)*factor, float64(maxDelay)))
	}
	wait := time.Duration(d.Time)
	if d.Jitter > 0 {
		wait += time.Duration(rand.Int64N(2*int64(d.Jitter)+1)) - time.Duration(d.Jitter)
	}
	return max(wait, 0)
}

// sleep waits, and returns an error if ctx ends before that.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
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
