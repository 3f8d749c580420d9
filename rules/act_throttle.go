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

// latency returns how long a request takes on its way this time.
func (p Profile) latency() time.Duration { return spread(p.Latency, p.Jitter) }

// lose returns a failure for as many requests as the network loses.
func (p Profile) lose() error {
	if p.Loss == 0 || rand.Float64() >= p.Loss {
		return nil
	}
	return &traffic.Failure{
		Kind: traffic.FailConnect, Side: traffic.SideNecto,
		Text: fmt.Sprintf("lost on the way, as in network profile %s", p.Name),
	}
}

const (
	// paceSteps is how many times a second a paced body moves: that looks
	// steady to whoever watches.
	paceSteps = 20
	// maxPaceStep bounds one of these moves, in bytes.
	maxPaceStep = 1 << 20
)

// pacedBody lets content through at a rate.
type pacedBody struct {
	io.ReadCloser
	ctx   context.Context // of the exchange
	limit *rate.Limiter
}

// pace returns body at no more than perSecond bytes a second; 0 is no limit. Once
// ctx is done, who waits fails.
func pace(ctx context.Context, body io.ReadCloser, perSecond int64) io.ReadCloser {
	if body == nil || perSecond == 0 || rehearsing(ctx) {
		return body
	}
	step := int(min(max(1, perSecond/paceSteps), maxPaceStep))
	return &pacedBody{body, ctx, rate.NewLimiter(rate.Limit(perSecond), step)}
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
