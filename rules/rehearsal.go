package rules

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Rehearsal is what rules and breakpoints would have made of a recorded exchange.
type Rehearsal struct {
	// Applied are the rules that would have done something, in order. Those for
	// frames are here if the exchange opened a connection that they are for.
	Applied []Applied
	// Held are the breakpoints that would have held something, in order.
	Held []Held
	// Differences are what would have been different, nil for nothing.
	Differences []Difference
}

// Applied is a rule that does something. Action is the key of its action.
type Applied struct{ Rule, Action string }

// Held is a breakpoint that holds something.
type Held struct {
	Breakpoint string
	Phase      traffic.Phase
}

type rehearsingKey struct{}

// rehearsing reports whether rules are only tried: then nobody waits for anything,
// and nothing is lost.
func rehearsing(ctx context.Context) bool { return ctx.Value(rehearsingKey{}) != nil }

// Rehearse finds out what the rules and breakpoints would have made of an exchange
// of a recording. Nothing is sent: what goes on to the origin is answered as it was
// then. Breakpoints that nobody has written a resume for let it go on. An error is
// about reading the recording.
//
// Rules that count matches count those of rehearsals.
func (e *Engine) Rehearse(ctx context.Context, x *traffic.Exchange) (*Rehearsal, error) {
	was, err := newScene(x)
	if err != nil {
		return nil, err
	}
	r, is := new(Rehearsal), new(scene)
	// It has begun as long ago as it then had when its response came, for when.
	started := time.Now().Add(-max(x.ResponseStarted, 0))
	began := &traffic.Exchange{ID: x.ID, Conn: x.Conn, Started: started, Client: x.Client, TLS: x.TLS, Request: x.Request}
	ctx, _ = traffic.WithNotes(context.WithValue(ctx, rehearsingKey{}, true), began, r, new(sync.Mutex))
	origin := func(_ context.Context, req *traffic.Request) (*traffic.Response, error) {
		is.sending(req)
		return was.response()
	}
	p := newPassage(ctx, e, e.store.View(), was.request(), traffic.RoundTripperFunc(origin))
	is.answered(p.run())
	r.addFrames(p)
	r.Differences = compareScenes(was, is)
	return r, nil
}

// Observe notes what is told of the exchange.
func (r *Rehearsal) Observe(e traffic.Event) {
	switch e := e.(type) {
	case traffic.RuleApplied:
		if a := (Applied{e.Rule, e.Action}); e.Action != actionBreakpoint && !slices.Contains(r.Applied, a) {
			r.Applied = append(r.Applied, a)
		}
	case traffic.BreakpointHit:
		r.Held = append(r.Held, Held{e.Breakpoint, e.Phase})
	default: // no rule
	}
}

// addFrames notes what is for the messages of the connection that was opened.
func (r *Rehearsal) addFrames(p *passage) {
	if s := p.subject.Response; s == nil || s.Status != http.StatusSwitchingProtocols {
		return
	}
	for _, f := range p.frames {
		if a := (Applied{f.name, "frames"}); !slices.Contains(r.Applied, a) {
			r.Applied = append(r.Applied, a)
		}
	}
	for i := range p.view.breakpoints {
		if b := p.view.breakpoints[i].item; b.Holds(traffic.PhaseFrame) && b.Match.headHolds(&p.subject) {
			r.Held = append(r.Held, Held{b.Name, traffic.PhaseFrame})
		}
	}
}
