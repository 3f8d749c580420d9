//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// A report is what a run found, in the order of its rows.
type report struct {
	Date     string      `json:"date"`
	Machine  string      `json:"machine"`
	Rows     []reportRow `json:"rows"`
	Verdicts []verdict   `json:"verdicts"`
}

type reportRow struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Op      string   `json:"op"`
	Results []result `json:"results"`
}

func newReport() *report {
	return &report{Date: time.Now().UTC().Format(time.DateOnly), Machine: machine()}
}

// machine says what the figures were measured on.
func machine() string {
	cpu := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range bytes.Lines(info) {
			if name, value, _ := strings.Cut(string(line), ":"); strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d processors (%s), Linux %s, %s", runtime.NumCPU(), cpu, bytes.TrimSpace(kernel), runtime.Version())
}

func (rep *report) add(r row, results []result) {
	rep.Rows = append(rep.Rows, reportRow{r.name, r.title, r.op, results})
	for _, t := range r.targets {
		rep.Verdicts = append(rep.Verdicts, t.judge(r, results))
	}
}

func (rep *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rep)
}

func (rep *report) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured %s on %s.\n", rep.Date, rep.Machine)
	for _, r := range rep.Rows {
		if len(r.Results) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n", r.Title)
		r.write(&b)
	}
	b.WriteString("\n### Targets\n\n")
	writeVerdicts(&b, rep.Verdicts)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r reportRow) write(b *strings.Builder) {
	switch first := r.Results[0]; {
	case len(first.Samples) > 0:
		r.writeSamples(b)
	case len(first.Starts) > 0:
		r.writeStarts(b)
	default:
		r.writeMemory(b)
	}
}

func (r reportRow) writeSamples(b *strings.Builder) {
	tableHead(b, "", "CPU/"+r.Op, "x", r.Op+"/s", "x", "p50", "p99", "peak RSS")
	harness, others := 0.0, 0.0
	first := r.Results[0]
	for _, res := range r.Results {
		tableRow(b, res.Subject,
			duration(median(res, cpuFigure)), ratio(res, first, cpuFigure),
			count(median(res, rateFigure)), ratio(res, first, rateFigure),
			latency(res, func(s sample) float64 { return s.P50 }),
			latency(res, func(s sample) float64 { return s.P99 }),
			fmt.Sprintf("%.1f MiB", mib(res.PeakRSS)))
		harness += newSpread(each(res.Samples, func(s sample) float64 { return s.Harness })).Median
		others += newSpread(each(res.Samples, func(s sample) float64 { return s.Others })).Median
	}
	n := float64(len(r.Results))
	fmt.Fprintf(b, "\nLoad and origin together: %s of CPU per %s. Other work: %.0f %% of the machine.\n", duration(harness/n), r.Op, 100*others/n)
}

func (r reportRow) writeStarts(b *strings.Builder) {
	tableHead(b, "", "start, median", "start, least", "idle RSS")
	for _, res := range r.Results {
		s := newSpread(res.Starts)
		tableRow(b, res.Subject, fmt.Sprintf("%.1f ms", s.Median), fmt.Sprintf("%.1f ms", s.Min), fmt.Sprintf("%.1f MiB", mib(res.IdleRSS)))
	}
}

func (r reportRow) writeMemory(b *strings.Builder) {
	tableHead(b, "", "peak RSS", "RSS after")
	for _, res := range r.Results {
		tableRow(b, res.Subject, fmt.Sprintf("%.1f MiB", mib(res.PeakRSS)), fmt.Sprintf("%.1f MiB", mib(res.IdleRSS)))
	}
}

func writeVerdicts(b *strings.Builder, verdicts []verdict) {
	tableHead(b, "work", "of", "figure", "target", "measured", "least–most", "")
	for _, v := range verdicts {
		figure := v.Figure
		if v.Base != "" {
			figure += " against " + v.Base
		}
		if v.Measured == nil {
			tableRow(b, v.Row, v.Subject, figure, v.Target, "–", "–", "skipped")
			continue
		}
		mark := "**miss**"
		if v.OK {
			mark = "ok"
		}
		m := *v.Measured
		tableRow(b, v.Row, v.Subject, figure, v.Target, fmt.Sprintf("%.2f%s", m.Median, v.unit), fmt.Sprintf("%.2f–%.2f", m.Min, m.Max), mark)
	}
}

func tableHead(b *strings.Builder, columns ...string) {
	tableRow(b, columns...)
	for i := range columns {
		columns[i] = "---"
	}
	tableRow(b, columns...)
}

func tableRow(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func median(r result, f figure) float64 { return newSpread(f.of(r)).Median }

// ratio is the median over the rounds of r in terms of base.
func ratio(r, base result, f figure) string {
	return fmt.Sprintf("%.2f", newSpread(ratios(f.of(r), f.of(base))).Median)
}

// latency is the median over the rounds of one percentile.
func latency(r result, of func(sample) float64) string {
	m := newSpread(each(r.Samples, of)).Median
	if m == 0 {
		return "–"
	}
	return duration(m)
}

// duration prints microseconds with three digits or so.
func duration(us float64) string {
	switch {
	case us < 10:
		return fmt.Sprintf("%.2f µs", us)
	case us < 1000:
		return fmt.Sprintf("%.1f µs", us)
	}
	return fmt.Sprintf("%.2f ms", us/1000)
}

// count prints a rate: whole if it is large.
func count(n float64) string {
	if n < 100 {
		return fmt.Sprintf("%.2f", n)
	}
	return fmt.Sprintf("%.0f", n)
}
