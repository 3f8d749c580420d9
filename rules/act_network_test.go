package rules

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// took returns how long it takes to get an answer and to read it.
func took(t *testing.T, r *road, req *traffic.Request) (head, body time.Duration) {
	t.Helper()
	start := time.Now()
	resp, err := r.ask(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	head = time.Since(start)
	readAll(resp)
	return head, time.Since(start)
}

// TestDelaysAdd holds that each rule does what it says; in NectoProxy the first
// one replaced all others.
func TestDelaysAdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad(t, `
  - {name: a, delay: {time: 1s}}
  - {name: b, delay: {time: 2s, where: response}}
  - {name: c, match: {path: /mocked}, mock: {delay: 4s}}
`, map[string]string{})
		for path, want := range map[string]time.Duration{"/": 3 * time.Second, "/mocked": 7 * time.Second} {
			if head, _ := took(t, r, request(t, "GET", "http://a.example"+path)); head != want {
				t.Errorf("%s took %v, want %v", path, head, want)
			}
		}
	})
}

func TestAClientThatLeavesIsNotWaitedFor(t *testing.T) {
	for _, rule := range []string{"delay: {time: 1h}", "delay: {time: 1h, where: response}", "throttle: {latency: 1h}", "mock: {delay: 1h}"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRoad(t, "- {name: a, "+rule+"}\n", map[string]string{})
			ctx, leave := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, leave)
			start := time.Now()
			_, err := r.ask(ctx, request(t, "GET", "http://a.example/"))
			wantFailure(t, err, traffic.FailReset, "the client left while a rule let it wait")
			if d := time.Since(start); d != time.Second {
				t.Errorf("%s: returned after %v", rule, d)
			}
		})
	}
}

func TestJitter(t *testing.T) {
	d := Delay{Time: Duration(100 * time.Millisecond), Jitter: Duration(50 * time.Millisecond)}
	var sum time.Duration
	const n = 10_000
	low, high := time.Hour, time.Duration(0)
	for range n {
		v := d.duration()
		sum, low, high = sum+v, min(low, v), max(high, v)
	}
	if low < 50*time.Millisecond || low > 52*time.Millisecond || high > 150*time.Millisecond || high < 148*time.Millisecond {
		t.Errorf("from %v to %v, want 50 to 150 ms", low, high)
	}
	if mean := sum / n; mean < 98*time.Millisecond || mean > 102*time.Millisecond {
		t.Errorf("mean %v, want 100 ms", mean)
	}
	longest := Delay{Time: math.MaxInt64, Jitter: math.MaxInt64}
	if v := longest.duration(); v < 0 {
		t.Errorf("the longest delay is %v", v)
	}
}

func TestLogNormal(t *testing.T) {
	d := Delay{LogNormal: &LogNormal{Median: Duration(200 * time.Millisecond), Sigma: 0.4}}
	all := make([]time.Duration, 10_001)
	for i := range all {
		all[i] = d.duration()
	}
	slices.Sort(all)
	if median := all[5000]; median < 190*time.Millisecond || median > 210*time.Millisecond {
		t.Errorf("median %v, want 200 ms", median)
	}
	// One standard deviation above the median is exp(0.4) times as much.
	if p84 := all[8413]; p84 < 280*time.Millisecond || p84 > 315*time.Millisecond {
		t.Errorf("84th percentile %v, want 298 ms", p84)
	}
	wild := Delay{LogNormal: &LogNormal{Median: Duration(time.Second), Sigma: 10}}
	for range 1000 {
		if v := wild.duration(); v < 0 || v > maxDelay {
			t.Fatalf("%v", v)
		}
	}
}

func TestBodiesArePaced(t *testing.T) {
	tests := map[string]struct {
		throttle   string
		head, body time.Duration // of 100 KiB down, behind 10 KiB up
	}{
		"down":            {"{down: 10KiB/s}", 0, 10 * time.Second},
		"up":              {"{up: 10KiB/s}", time.Second, time.Second},
		"both":            {"{down: 100KiB/s, up: 5KiB/s, latency: 1s}", 3 * time.Second, 4 * time.Second},
		"a profile":       {"{profile: dsl, latency: 1s}", 1080 * time.Millisecond, 1470 * time.Millisecond},
		"nothing at all":  {"{profile: none}", 0, 0},
		"a byte a second": {"{up: 2KiB/s, down: 1GiB/s}", 5 * time.Second, 5 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRoad(t, "- {name: a, throttle: "+test.throttle+"}\n", map[string]string{})
				r.answering(200, strings.Repeat("x", 100<<10))
				head, body := took(t, r, post(t, strings.Repeat("x", 10<<10)))
				// The first step of each body passes at once.
				const slack = 150 * time.Millisecond
				if test.head-head > slack || head > test.head || test.body-body > slack || body > test.body {
					t.Errorf("head after %v, body after %v; want %v and %v", head, body, test.head, test.body)
				}
			})
		})
	}
}

func TestTheLastThrottleCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad(t, `
  - {name: a, throttle: {profile: slow-2g}}
  - {name: b, throttle: {latency: 1s}}
  - {name: c, match: {path: /mocked}, mock: {body: x}}
`, map[string]string{})
		for _, path := range []string{"/", "/mocked"} {
			if _, all := took(t, r, request(t, "GET", "http://a.example"+path)); all != time.Second {
				t.Errorf("%s took %v, want 1 s", path, all)
			}
		}
	})
}

func TestAPacedBodyEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad(t, "- {name: a, throttle: {down: 1B/s}}\n", map[string]string{})
		ctx, leave := context.WithCancel(t.Context())
		resp, err := r.ask(ctx, request(t, "GET", "http://a.example/"))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2500*time.Millisecond, leave)
		p, err := io.ReadAll(resp.Body)
		if len(p) != 3 || !errors.Is(err, context.Canceled) {
			t.Errorf("read %q, %v", p, err)
		}
	})
}

func TestOfflineLosesEverything(t *testing.T) {
	r := newRoad(t, "- {name: a, throttle: {profile: offline}}\n", map[string]string{})
	_, err := r.ask(t.Context(), request(t, "GET", "http://a.example/"))
	wantFailure(t, err, traffic.FailConnect, "lost on the way, as in network profile offline")
	if r.sent != nil {
		t.Error("the origin was asked")
	}
}

// TestProfiles holds the presets to those of NectoProxy.
func TestProfiles(t *testing.T) {
	p, ok := ProfileNamed("regular-3g")
	if !ok || p.Down != 192<<10 || p.Up != 94<<10 || p.Latency != 300*time.Millisecond || p.Jitter != 100*time.Millisecond {
		t.Errorf("regular-3g: %+v", p)
	}
	if p, ok := ProfileNamed("slow-2g"); !ok || p.Loss != 0.01 {
		t.Errorf("slow-2g: %+v", p)
	}
}

func TestFaultsWithoutAnAnswer(t *testing.T) {
	tests := map[string]struct {
		kind traffic.FailureKind
		end  traffic.End
		text string
	}{
		"close: true": {traffic.FailFault, traffic.EndClose, `connection closed (rule "a")`},
		"reset: true": {traffic.FailFault, traffic.EndReset, `connection reset (rule "a")`},
		"hang: true":  {traffic.FailFault, traffic.EndHang, `no answer (rule "a")`},
		"dns: true":   {traffic.FailDNS, traffic.EndDefault, `no such host (rule "a")`},
		"tls: true":   {traffic.FailTLS, traffic.EndDefault, `TLS handshake failed (rule "a")`},
	}
	for fault, test := range tests {
		r := newRoad(t, "- {name: a, fault: {"+fault+"}}\n", map[string]string{})
		_, err := r.ask(t.Context(), request(t, "GET", "http://a.example/"))
		wantFailure(t, err, test.kind, test.text)
		if f, ok := errors.AsType[*traffic.Failure](err); !ok || f.End != test.end || r.sent != nil || len(r.applied()) != 1 {
			t.Errorf("%s: %+v", fault, f)
		}
	}
}

func TestAShareOfFailures(t *testing.T) {
	r := newRoad(t, "- {name: a, match: {every: 3}, fault: {status: 503}}\n", map[string]string{})
	var got []int
	for range 6 {
		resp, _ := r.get(t, "http://a.example/")
		got = append(got, resp.Status)
	}
	if !slices.Equal(got, []int{200, 200, 503, 200, 200, 503}) {
		t.Errorf("statuses %v", got)
	}
}

func TestAnswersBreakOff(t *testing.T) {
	const events = "data: 1\n\ndata: 2\r\ndata: 2\r\n\r\n: comment\n\ndata: 4\n\n"
	tests := map[string]struct {
		rules string
		got   string
		end   traffic.End
	}{
		"at once":           {"- {name: a, fault: {cut_after: 0}}\n", "", traffic.EndReset},
		"behind some bytes": {"- {name: a, fault: {cut_after: 5}}\n", "data:", traffic.EndReset},
		"behind events":     {"- {name: a, fault: {cut_after_events: 2}}\n", "data: 1\n\ndata: 2\r\ndata: 2\r\n\r\n", traffic.EndReset},
		"no chunk":          {"- {name: a, fault: {malformed_chunk: true}}\n", "", traffic.EndMalformed},
		"behind edits":      {"- {name: e, modify: {response: {body: {text: abc}}}}\n- {name: a, fault: {cut_after: 2}}\n", "ab", traffic.EndReset},
		"at the slowest":    {"- {name: e, throttle: {down: 1MiB/s}}\n- {name: a, fault: {cut_after: 2}}\n", "da", traffic.EndReset},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, test.rules, map[string]string{})
			r.answering(200, events)
			resp, err := r.ask(t.Context(), request(t, "GET", "http://a.example/"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			if string(got) != test.got {
				t.Errorf("got %q, want %q", got, test.got)
			}
			wantFailure(t, err, traffic.FailFault, `response cut by rule "a"`)
			if f, ok := errors.AsType[*traffic.Failure](err); !ok || f.End != test.end {
				t.Errorf("%+v", f)
			}
			if chunked := test.end == traffic.EndMalformed; chunked != (resp.Length == -1) || chunked == resp.Header.Has("Content-Length") {
				t.Errorf("length %d, %v", resp.Length, resp.Header)
			}
		})
	}
}

// TestNothingToBreak: what has no content cannot break off in it, and the rule is
// not noted.
func TestNothingToBreak(t *testing.T) {
	r := newRoad(t, "- {name: a, fault: {cut_after: 0}}\n", map[string]string{})
	r.do(t, request(t, "HEAD", "http://a.example/"))
	r.answer = func(*traffic.Request) *traffic.Response { return &traffic.Response{Status: 204} }
	r.get(t, "http://a.example/")
	if len(r.applied()) > 0 {
		t.Errorf("applied %v", r.applied())
	}
}
