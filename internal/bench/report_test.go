//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testResults are two subjects: b spends twice what a does, at half the rate.
func testResults() []result {
	return []result{
		{Subject: "a", PeakRSS: 8 << 20, Samples: []sample{{CPU: 10, Rate: 1000, P50: 100, P99: 1500, Harness: 5, Others: 0.2}, {CPU: 30, Rate: 800, P50: 100, P99: 1500, Harness: 5, Others: 0.2}}},
		{Subject: "b", PeakRSS: 70 << 20, Samples: []sample{{CPU: 20, Rate: 500, Harness: 7}, {CPU: 60, Rate: 400, Harness: 7}}},
	}
}

func TestJudge(t *testing.T) {
	two := &spread{2, 2, 2}
	tests := []struct {
		name   string
		target target
		want   verdict
	}{
		{"within", atMost(cpuFigure, "b", "a", 2), verdict{Figure: "CPU", Base: "a", Target: "<= 2x", Measured: two, OK: true}},
		{"above", atMost(cpuFigure, "b", "a", 1.9), verdict{Figure: "CPU", Base: "a", Target: "<= 1.9x", Measured: two}},
		{"reached", atLeast(rateFigure, "b", "a", 0.5), verdict{Figure: "rate", Base: "a", Target: ">= 0.5x", Measured: &spread{0.5, 0.5, 0.5}, OK: true}},
		{"below", atLeast(rateFigure, "b", "a", 0.6), verdict{Figure: "rate", Base: "a", Target: ">= 0.6x", Measured: &spread{0.5, 0.5, 0.5}}},
		{"absolute", atMost(peakFigure, "b", "", 64), verdict{Figure: "peak RSS", Target: "<= 64 MiB", Measured: &spread{70, 70, 70}}},
		{"no base", atMost(cpuFigure, "b", "c", 2), verdict{Figure: "CPU", Base: "c", Target: "<= 2x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Subject = "b"
			got := tt.target.judge(row{}, testResults())
			got.unit = ""
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(verdict{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMarkdown(t *testing.T) {
	rep := &report{Date: "2026-11-20", Machine: "2 processors"}
	rep.add(row{title: "work", op: "request", targets: []target{
		atMost(cpuFigure, "b", "a", 3), atMost(peakFigure, "b", "", 64), atMost(cpuFigure, "b", "c", 3),
	}}, testResults())
	rep.add(row{title: "start"}, []result{{Subject: "a", Starts: []float64{3, 1, 2}, IdleRSS: 5 << 20}})
	rep.add(row{title: "stalled"}, []result{{Subject: "a", PeakRSS: 9 << 20, IdleRSS: 5 << 20}})
	var got strings.Builder
	if err := rep.writeMarkdown(&got); err != nil {
		t.Fatal(err)
	}
	const want = `Measured 2026-11-20 on 2 processors.

### work

|  | CPU/request | x | request/s | x | p50 | p99 | peak RSS |
| --- | --- | --- | --- | --- | --- | --- | --- |
| a | 20.0 µs | 1.00 | 900 | 1.00 | 100.0 µs | 1.50 ms | 8.0 MiB |
| b | 40.0 µs | 2.00 | 450 | 0.50 | – | – | 70.0 MiB |

Load and origin together: 6.00 µs of CPU per request. Other work: 10 % of the machine.

### start

|  | start, median | start, least | idle RSS |
| --- | --- | --- | --- |
| a | 2.0 ms | 1.0 ms | 5.0 MiB |

### stalled

|  | peak RSS | RSS after |
| --- | --- | --- |
| a | 9.0 MiB | 5.0 MiB |

### Targets

| work | of | figure | target | measured | least–most |  |
| --- | --- | --- | --- | --- | --- | --- |
| work | b | CPU against a | <= 3x | 2.00x | 2.00–2.00 | ok |
| work | b | peak RSS | <= 64 MiB | 70.00 MiB | 70.00–70.00 | **miss** |
| work | b | CPU against c | <= 3x | – | – | skipped |
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSelectRows(t *testing.T) {
	all, err := selectRows("")
	if err != nil || len(all) != len(rows) {
		t.Errorf("no choice gives %d rows, %v; want all %d", len(all), err, len(rows))
	}
	some, err := selectRows("start,http")
	if err != nil || len(some) != 2 || some[0].name != "start" || some[1].name != "http" {
		t.Errorf("start,http gives %v, %v", some, err)
	}
	if _, err := selectRows("http,nope"); err == nil || !strings.Contains(err.Error(), "https, websocket, replay") {
		t.Errorf("error = %v, want one that lists the rows", err)
	}
}
