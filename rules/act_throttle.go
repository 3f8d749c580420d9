package rules

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"

	"github.com/necto-dev/necto/traffic"
)

// effective returns the limits: those of the profile, unless the rule has others.
func (t *Throttle) effective() Profile {
	p, _ := ProfileNamed(t.Profile)
	if t.Down > 0 {
		p.Down = int64(t.Down)
	}
	if t.Up > 0 {
		p.Up = int64(t.Up)
	}
	if t.Latency > 0 {
		p.Latency, p.Jitter = time.Duration(t.Latency), 0
	}
	return p
}

// delay is the latency as a Delay.
func (p Profile) delay() *Delay {
	return &Delay{Time: Duration(p.Latency), Jitter: Duration(p.Jitter)}
}

// lose returns a failure for as many requests as the network loses.
func (p Profile) lose(rule string) error {
	if p.Loss == 0 || rand.Float64() >= p.Loss {
		return nil
	}
	return &traffic.Failure{
		Kind: traffic.FailConnect, Side: traffic.SideNecto,
		Text: fmt.Sprintf("lost on the way, as in profile %s (rule %q)", p.Name, rule),
	}
}

// paceStep is how often a paced body moves: at a twentieth of a second it looks
// steady to whoever watches.
const paceStep = 50 * time.Millisecond

// pacedBody lets content through at a rate.
type pacedBody struct {
	io.ReadCloser
	ctx   context.Context
	limit *rate.Limiter
}

// pace returns body at no more than r, in bytes a second; 0 is no limit.
func pace(ctx context.Context, body io.ReadCloser, r int64) io.ReadCloser {
	if body == nil || r == 0 {
		return body
	}
	burst := max(1, int(r/int64(time.Second/paceStep)))
	return &pacedBody{body, ctx, rate.NewLimiter(rate.Limit(r), burst)}
}

// Read reads no more than a step's worth, and waits until that may pass.
func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.limit.Burst())])
	if n > 0 {
		if waitErr := b.limit.WaitN(b.ctx, n); waitErr != nil {
			return 0, waitErr
		}
	}
	return n, err
}
