//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A row is one comparison: some servers under the same load in turn.
type row struct {
	name  string // for -only
	title string
	// op is what is counted and related to, in the singular: "request".
	op string
	// origin is the helper behind the servers, "" for none.
	origin string
	// long says that one operation outlasts a window: no warm-up, and fewer
	// rounds.
	long     bool
	subjects []subject
	targets  []target
	// measure overrides the rounds of load; nil means measureLoad.
	measure func(ctx context.Context, l *lab, r row, p plan) ([]result, error)
}

// A subject is one server of a row; the first of a row is what the ratios in
// its table relate to.
type subject struct {
	name  string
	start starter
}

// errUnavailable means that a subject cannot be had on this machine; the row
// goes on without it.
var errUnavailable = errors.New("not available")

// A contender is a subject under way.
type contender struct {
	*process
	load load
	// stop ends the process and checks what it leaves behind, given what it has
	// relayed. nil means to kill it.
	stop func(relayed counts) error
}

func (c *contender) end(relayed counts) error {
	if c.stop == nil {
		c.kill()
		return nil
	}
	return c.stop(relayed)
}

// A plan is how long and how often to measure.
type plan struct {
	rounds         int
	warmup, window time.Duration
	longRounds     int
	starts         int
	idle           time.Duration
}

var (
	fullPlan  = plan{rounds: 5, warmup: 700 * time.Millisecond, window: 3 * time.Second, longRounds: 3, starts: 20, idle: 2 * time.Second}
	quickPlan = plan{rounds: 3, warmup: 300 * time.Millisecond, window: time.Second, longRounds: 1, starts: 20, idle: time.Second}
)

// A result is what was measured of one subject.
type result struct {
	Subject string `json:"subject"`
	// Samples has one entry a round.
	Samples []sample `json:"samples,omitempty"`
	// PeakRSS and IdleRSS are in bytes.
	PeakRSS int64 `json:"peak_rss,omitempty"`
	IdleRSS int64 `json:"idle_rss,omitempty"`
	// Grown is how much more IdleRSS is than that of the first subject, and PeakRSS
	// where the peak is what counts.
	Grown int64 `json:"grown,omitempty"`
	// Starts are the times from the fork to listening in milliseconds.
	Starts []float64 `json:"starts_ms,omitempty"`
}

func (r row) run(ctx context.Context, l *lab, p plan) ([]result, error) {
	measure := r.measure
	if measure == nil {
		measure = measureLoad
	}
	results, err := measure(ctx, l, r, p)
	if err != nil {
		return nil, fmt.Errorf("row %s: %w", r.name, err)
	}
	return results, nil
}

// measureLoad starts all subjects, then puts each under load in turn, round
// after round: what disturbs the machine for a while disturbs all of them.
func measureLoad(ctx context.Context, l *lab, r row, p plan) ([]result, error) {
	var origin *process
	if r.origin != "" {
		var err error
		if origin, err = l.helper(ctx, r.origin, nil); err != nil {
			return nil, err
		}
		defer origin.kill()
	}
	runs, err := startAll(ctx, l, r, origin)
	defer func() {
		for _, u := range runs {
			u.kill()
		}
	}()
	if err != nil {
		return nil, err
	}
	rounds := p.rounds
	if r.long {
		rounds, p.warmup = p.longRounds, 0
	}
	for round := range rounds {
		fmt.Fprintf(l.out, "%s: round %d of %d\n", r.name, round+1, rounds)
		for _, u := range runs {
			if err := u.round(ctx, origin, p); err != nil {
				return nil, fmt.Errorf("%s: %w", u.Subject, err)
			}
		}
	}
	var results []result
	for _, u := range runs {
		if _, u.PeakRSS, err = u.rss(); err != nil {
			return nil, err
		}
		if err := u.end(u.relayed); err != nil {
			return nil, fmt.Errorf("%s: %w", u.Subject, err)
		}
		results = append(results, u.result)
	}
	return results, nil
}

// A loaded is a contender with what was measured of it so far.
type loaded struct {
	*contender
	result
	relayed counts
}

// startAll starts what is available of r's subjects. Those returned run, also
// when there is an error.
func startAll(ctx context.Context, l *lab, r row, origin *process) ([]*loaded, error) {
	var runs []*loaded
	for _, s := range r.subjects {
		c, err := s.start(ctx, l, origin)
		if errors.Is(err, errUnavailable) {
			fmt.Fprintf(l.out, "%s: goes on without %s: %v\n", r.name, s.name, err)
			continue
		}
		if err != nil {
			return runs, fmt.Errorf("%s: %w", s.name, err)
		}
		runs = append(runs, &loaded{contender: c, result: result{Subject: s.name}})
	}
	return runs, nil
}

// round opens connections, warms the server up and measures one window.
func (u *loaded) round(ctx context.Context, origin *process, p plan) error {
	s, err := u.load.open(ctx, u.addr())
	if err != nil {
		return err
	}
	defer s.close()
	if p.warmup > 0 {
		t, err := s.run(ctx, p.warmup)
		if err != nil {
			return err
		}
		u.relayed.add(t.counts)
	}
	before, err := readClocks(u.process, origin)
	if err != nil {
		return err
	}
	t, err := s.run(ctx, p.window)
	if err != nil {
		return err
	}
	u.relayed.add(t.counts)
	after, err := readClocks(u.process, origin)
	if err != nil {
		return err
	}
	sample := newSample(t, after.server-before.server)
	sample.Harness = micros(after.harness-before.harness) / t.ops
	sample.Others = after.others(before) / t.took.Seconds() / float64(runtime.NumCPU())
	u.Samples = append(u.Samples, sample)
	return nil
}

// clocks are CPU times spent so far.
type clocks struct {
	server  time.Duration
	harness time.Duration // load and origin
	machine time.Duration // everything, and what the host took away
}

// others returns the seconds that were spent since before on neither the
// server nor the harness. The machine's clock is the coarsest, so that little
// can come out as less than nothing.
func (c clocks) others(before clocks) float64 {
	d := (c.machine - before.machine) - (c.server - before.server) - (c.harness - before.harness)
	return max(d, 0).Seconds()
}

// readClocks reads all clocks; origin may be nil.
func readClocks(server, origin *process) (c clocks, err error) {
	if c.server, err = server.cpu(); err != nil {
		return c, err
	}
	if origin != nil {
		if c.harness, err = origin.cpu(); err != nil {
			return c, err
		}
	}
	var self unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &self); err != nil {
		return c, err
	}
	c.harness += time.Duration(self.Utime.Nano() + self.Stime.Nano())
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c, err
	}
	c.machine, err = busyTime(stat)
	return c, err
}
