//go:build linux

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	tests := []struct {
		name   string
		sorted []time.Duration
		p      int
		want   time.Duration
	}{
		{"one value", []time.Duration{7}, 99, 7},
		{"median of two is the lower", []time.Duration{1, 2}, 50, 1},
		{"median of three", []time.Duration{1, 2, 3}, 50, 2},
		{"least", hundred, 0, 1},
		{"50 of 100", hundred, 50, 50},
		{"99 of 100", hundred, 99, 99},
		{"most", hundred, 100, 100},
		{"99 of few is the most", []time.Duration{1, 2, 3}, 99, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := percentile(tt.sorted, tt.p); got != tt.want {
				t.Errorf("percentile(%d) = %d, want %d", tt.p, got, tt.want)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	tests := []struct {
		name string
		in   []float64
		want spread
	}{
		{"one", []float64{3}, spread{3, 3, 3}},
		{"odd", []float64{9, 1, 4}, spread{4, 1, 9}},
		{"even", []float64{9, 1, 4, 2}, spread{3, 1, 9}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := slices.Clone(tt.in)
			if diff := cmp.Diff(tt.want, newSpread(in)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.in, in); diff != "" {
				t.Errorf("the rounds were put into another order: %s", diff)
			}
		})
	}
}

func TestRatiosPairRounds(t *testing.T) {
	got := ratios([]float64{20, 60, 30}, []float64{10, 20, 30})
	if diff := cmp.Diff([]float64{2, 3, 1}, got); diff != "" {
		t.Error(diff)
	}
	if got := ratios([]float64{1}, nil); len(got) != 0 {
		t.Errorf("ratios without a base = %v, want none", got)
	}
}

func TestSampleRelatesToOperations(t *testing.T) {
	got := newSample(tally{
		ops:       4,
		took:      2 * time.Second,
		latencies: []time.Duration{4 * time.Microsecond, 1 * time.Microsecond, 2 * time.Microsecond, 3 * time.Microsecond},
	}, 80*time.Microsecond)
	want := sample{CPU: 20, Rate: 2, P50: 2, P99: 4}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
