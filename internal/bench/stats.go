//go:build linux

package main

import (
	"slices"
	"time"
)

// A tally is what one window of load came to.
type tally struct {
	// ops counts finished operations: requests, or GiB for a bulk load.
	ops float64
	// counts says what a recording of it must have, whatever the unit of ops.
	counts
	// took is the wall time from the first byte sent to the last one received.
	took time.Duration
	// latencies has one entry for each operation, in no order; nil if the load
	// has no meaningful latency.
	latencies []time.Duration
}

// counts is what a server has relayed.
type counts struct {
	requests   int // answered, other than by opening a WebSocket connection
	websockets int // connections opened
	frames     int // in both directions
}

func (c *counts) add(more counts) {
	c.requests += more.requests
	c.websockets += more.websockets
	c.frames += more.frames
}

// A sample is a tally with what the server spent on it.
type sample struct {
	CPU  float64 `json:"cpu_us_per_op"`
	Rate float64 `json:"ops_per_second"`
	// Harness is what load and origin together spent, in the unit of CPU.
	Harness float64 `json:"harness_us_per_op"`
	// Others is the part of the machine, from 0 to 1, that was spent on neither
	// server nor harness: what disturbed the window.
	Others float64 `json:"others"`
	P50    float64 `json:"p50_us,omitempty"`
	P99    float64 `json:"p99_us,omitempty"`
}

// newSample relates cpu, the server's time on all processors, to t. It sorts
// the latencies of t.
func newSample(t tally, cpu time.Duration) sample {
	s := sample{CPU: micros(cpu) / t.ops, Rate: t.ops / t.took.Seconds()}
	if len(t.latencies) > 0 {
		slices.Sort(t.latencies)
		s.P50 = micros(percentile(t.latencies, 50))
		s.P99 = micros(percentile(t.latencies, 99))
	}
	return s
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// percentile returns the smallest value that p percent of sorted are not
// above (nearest rank). sorted must not be empty.
func percentile(sorted []time.Duration, p int) time.Duration {
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// A spread is the median of some figures with their extremes.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// newSpread returns the spread of v, which must not be empty. The median of
// an even number of values is the mean of the middle two.
func newSpread(v []float64) spread {
	v = slices.Sorted(slices.Values(v))
	mid := len(v) / 2
	median := v[mid]
	if len(v)%2 == 0 {
		median = (v[mid-1] + v[mid]) / 2
	}
	return spread{Median: median, Min: v[0], Max: v[len(v)-1]}
}

// ratios divides v by base, pair by pair. Pairs come from the same round, so
// that what else the machine did at the time weighs on both sides.
func ratios(v, base []float64) []float64 {
	out := make([]float64, min(len(v), len(base)))
	for i := range out {
		out[i] = v[i] / base[i]
	}
	return out
}
