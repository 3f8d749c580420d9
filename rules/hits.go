package rules

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/necto-dev/necto/traffic"
)

var (
	// ErrUnknownHit says that there has been no hit of that number.
	ErrUnknownHit = errors.New("unknown hit")
	// ErrResumed says that a hit is not held any more: somebody has resumed it, its
	// time was over, or its client has left.
	ErrResumed = errors.New("hit is not held any more")
)

// Who has ended a hit: see traffic.BreakpointResumed.
const (
	byFile     = "file"
	byClient   = "client"
	byShutdown = "shutdown"
)

// Hits is what is held at breakpoints. Its methods may be called concurrently,
// also by an observer that is told of a hit.
type Hits struct {
	mu     sync.Mutex // guards the fields below
	last   traffic.HitID
	held   map[traffic.HitID]*held
	closed bool
	ever   bool // where a breakpoint has no timeout, its hits have none
}

// held is a hit that waits.
type held struct {
	*traffic.Hit
	resumed chan traffic.Resume // has room for one
}

// newHits returns what holds nothing yet.
func newHits() *Hits { return &Hits{held: make(map[traffic.HitID]*held)} }

// Hits returns what is held now, the oldest first.
func (h *Hits) Hits() []*traffic.Hit {
	h.mu.Lock()
	defer h.mu.Unlock()
	hits := make([]*traffic.Hit, 0, len(h.held))
	for _, e := range h.held {
		hits = append(hits, e.Hit)
	}
	slices.SortFunc(hits, func(a, b *traffic.Hit) int { return cmp.Compare(a.ID, b.ID) })
	return hits
}

// Get returns a hit that is held, else ErrUnknownHit or ErrResumed.
func (h *Hits) Get(id traffic.HitID) (*traffic.Hit, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, err := h.find(id)
	if err != nil {
		return nil, err
	}
	return e.Hit, nil
}

func (h *Hits) find(id traffic.HitID) (*held, error) {
	switch e := h.held[id]; {
	case e != nil:
		return e, nil
	case id == 0 || id > h.last:
		return nil, ErrUnknownHit
	default:
		return nil, ErrResumed
	}
}

// Resume ends a hit. The error is ErrUnknownHit, ErrResumed, or says what is wrong
// with r: then the hit is held on. What r has is not to be changed any more.
func (h *Hits) Resume(id traffic.HitID, r traffic.Resume) error {
	hit, err := h.Get(id)
	if err != nil {
		return err
	}
	if err := checkResume(hit, &r); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e, err := h.find(id)
	if err != nil {
		return err // somebody was faster
	}
	h.release(e, r)
	return nil
}

// release ends a hit, under mu.
func (h *Hits) release(e *held, r traffic.Resume) {
	delete(h.held, e.ID)
	e.resumed <- r
}

// HoldOn lets breakpoints whose file says no timeout hold until somebody resumes
// them: the usual one is too short for people who edit. It is called before anything
// is held.
func (h *Hits) HoldOn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ever = true
}

// timeout returns how long a breakpoint holds at most, 0 for no limit.
func (h *Hits) timeout(b *Breakpoint) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case b.Timeout != nil:
		return time.Duration(*b.Timeout)
	case h.ever:
		return 0
	default:
		return defaultHold
	}
}

// Close lets all go on as it is. Nothing is held from then on.
func (h *Hits) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, e := range h.held {
		h.release(e, traffic.Resume{Action: traffic.ResumeContinue, By: byShutdown})
	}
}

// hold holds something at a breakpoint until somebody says how it goes on, the
// time is over or ctx is done, and returns how. It numbers the hit and tells of it
// through the Notes in ctx. complain is told if what the file says about going on
// does not fit.
func (h *Hits) hold(ctx context.Context, b *Breakpoint, hit *traffic.Hit, complain func(error)) traffic.Resume {
	hit.Breakpoint, hit.Time = b.Name, time.Now()
	timeout := h.timeout(b)
	if timeout > 0 && b.Resume == nil {
		hit.Deadline = hit.Time.Add(timeout)
	}
	e := h.begin(hit)
	if e == nil {
		return traffic.Resume{Action: traffic.ResumeContinue, By: byShutdown}
	}
	notes := traffic.NotesFrom(ctx)
	notes.Tell(func(time.Time) traffic.Event { return traffic.BreakpointHit{Hit: hit} })
	switch {
	case b.Resume != nil:
		h.script(e, b.Resume, complain)
	case rehearsing(ctx):
		h.script(e, &Resume{Action: ResumeContinue}, complain)
	}
	r, timedOut := h.wait(ctx, b, e, timeout)
	notes.Tell(func(at time.Time) traffic.Event {
		if timedOut {
			return traffic.BreakpointTimedOut{Hit: hit, Resumed: at, Action: r.Action}
		}
		return traffic.BreakpointResumed{Hit: hit, Resumed: at, Action: r.Action, By: r.By}
	})
	return r
}

// script ends a hit as its file says, unless somebody was faster.
func (h *Hits) script(e *held, script *Resume, complain func(error)) {
	r := script.forPhase(e.Phase)
	if err := checkResume(e.Hit, &r); err != nil {
		complain(err)
		r = traffic.Resume{Action: traffic.ResumeContinue, By: byFile}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held[e.ID] != nil {
		h.release(e, r)
	}
}

// begin numbers a hit, which is held from then on. It returns nil after Close.
func (h *Hits) begin(hit *traffic.Hit) *held {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.last++
	hit.ID = h.last
	e := &held{Hit: hit, resumed: make(chan traffic.Resume, 1)}
	h.held[hit.ID] = e
	return e
}

// wait waits for the end of a hit. timeout 0 waits for ever.
func (h *Hits) wait(ctx context.Context, b *Breakpoint, e *held, timeout time.Duration) (r traffic.Resume, timedOut bool) {
	var over <-chan time.Time
	if timeout > 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		over = t.C
	}
	select {
	case r := <-e.resumed:
		return r, false
	case <-over:
		r, timedOut = traffic.Resume{Action: b.OnTimeout.action()}, true
	case <-ctx.Done():
		r = traffic.Resume{Action: traffic.ResumeAbort, By: byClient}
	}
	if !h.giveUp(e) {
		return <-e.resumed, false // somebody was faster
	}
	return r, timedOut
}

// giveUp ends a hit that nobody has resumed. It returns false if somebody has.
func (h *Hits) giveUp(e *held) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held[e.ID] == nil {
		return false
	}
	delete(h.held, e.ID)
	return true
}
