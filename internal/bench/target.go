//go:build linux

package main

import "fmt"

// A figure is something measured that a target is about.
type figure struct {
	name string
	// unit follows an absolute value; ratios have none.
	unit string
	of   func(result) []float64
}

var (
	cpuFigure = figure{name: "CPU", unit: "µs", of: func(r result) []float64 {
		return each(r.Samples, func(s sample) float64 { return s.CPU })
	}}
	rateFigure = figure{name: "rate", unit: "/s", of: func(r result) []float64 {
		return each(r.Samples, func(s sample) float64 { return s.Rate })
	}}
	peakFigure  = figure{name: "peak RSS", unit: "MiB", of: func(r result) []float64 { return []float64{mib(r.PeakRSS)} }}
	idleFigure  = figure{name: "idle RSS", unit: "MiB", of: func(r result) []float64 { return []float64{mib(r.IdleRSS)} }}
	grownFigure = figure{name: "RSS per subscriber", unit: "KiB", of: func(r result) []float64 {
		return []float64{float64(r.Grown) / 1024 / idleSubscribers}
	}}
	streamFigure = figure{name: "RSS per stream", unit: "KiB", of: func(r result) []float64 {
		return []float64{float64(r.Grown) / 1024 / heldStreams}
	}}
	stalledFigure = figure{name: "peak RSS more than without it", unit: "MiB", of: func(r result) []float64 { return []float64{mib(r.Grown)} }}
	startFigure   = figure{name: "start to listening", unit: "ms", of: func(r result) []float64 { return r.Starts }}
)

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func each[T any](in []T, f func(T) float64) []float64 {
	out := make([]float64, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// A target is a budget for one figure of one subject.
type target struct {
	figure  figure
	subject string
	// base is the subject that the figure is divided by; empty means that
	// limit is absolute.
	base    string
	limit   float64
	atLeast bool // limit is a least value, else a greatest
}

func atMost(f figure, subject, base string, limit float64) target {
	return target{figure: f, subject: subject, base: base, limit: limit}
}

func atLeast(f figure, subject, base string, limit float64) target {
	return target{figure: f, subject: subject, base: base, limit: limit, atLeast: true}
}

// A verdict is a target with what was measured.
type verdict struct {
	Row     string `json:"row"`
	Subject string `json:"subject"`
	Figure  string `json:"figure"`
	Base    string `json:"base,omitempty"`
	Target  string `json:"target"`
	// Measured is nil if a subject was not available.
	Measured *spread `json:"measured,omitempty"`
	OK       bool    `json:"ok"`
	unit     string
}

// judge compares the median with the limit. Ratios are taken round by round.
func (t target) judge(r row, results []result) verdict {
	v := verdict{Row: r.title, Subject: t.subject, Figure: t.figure.name, Base: t.base, unit: "x"}
	if t.base == "" {
		v.unit = " " + t.figure.unit
	}
	sign := "<="
	if t.atLeast {
		sign = ">="
	}
	v.Target = fmt.Sprintf("%s %g%s", sign, t.limit, v.unit)
	values := t.values(results)
	if len(values) == 0 {
		return v
	}
	s := newSpread(values)
	v.Measured = &s
	v.OK = s.Median <= t.limit
	if t.atLeast {
		v.OK = s.Median >= t.limit
	}
	return v
}

func (t target) values(results []result) []float64 {
	var values, base []float64
	for _, r := range results {
		switch r.Subject {
		case t.subject:
			values = t.figure.of(r)
		case t.base:
			base = t.figure.of(r)
		}
	}
	if t.base == "" {
		return values
	}
	return ratios(values, base)
}
