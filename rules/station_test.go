package rules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/traffic"
)

// station is an Engine with an origin behind it, and what it tells.
type station struct {
	*Engine
	collect nectest.Collect
	// sent is the last request that came to the origin, sentBody its content; nil
	// for none.
	sent     *traffic.Request
	sentBody []byte
	// answer is the origin's.
	answer func(*traffic.Request) *traffic.Response
	order  sync.Mutex
	last   traffic.ExchangeID // guarded by order
}

// newStation returns the station of a file's breakpoints, written in YAML.
func newStation(t testing.TB, breakpoints string) *station {
	t.Helper()
	set := mustParse(t, "version: 1\n"+breakpoints)
	return &station{
		Engine: NewEngine(NewStore(set), nil),
		answer: func(*traffic.Request) *traffic.Response {
			return newAnswer(200, "", traffic.Fields{field("Content-Type", "text/plain")}, []byte("from the origin"))
		},
	}
}

// ask sends a request through the station.
func (s *station) ask(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	s.order.Lock()
	s.last++
	x := &traffic.Exchange{ID: s.last, Started: time.Now(), Request: req}
	s.order.Unlock()
	ctx, notes := traffic.WithNotes(ctx, x, &s.collect, &s.order)
	resp, err := s.Layer(traffic.RoundTripperFunc(s.origin)).RoundTrip(ctx, req)
	x.Rules, x.Tags = notes.End()
	return resp, err
}

func (s *station) origin(_ context.Context, req *traffic.Request) (*traffic.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	s.order.Lock()
	defer s.order.Unlock()
	s.sent, s.sentBody = req, body
	return s.answer(req), nil
}

// asked is what became of a request.
type asked struct {
	resp *traffic.Response
	body string
	err  error
}

// begin asks in the background. The channel gets what became of it.
func (s *station) begin(ctx context.Context, req *traffic.Request) <-chan asked {
	done := make(chan asked, 1)
	go func() {
		var a asked
		if a.resp, a.err = s.ask(ctx, req); a.err == nil {
			a.body = readAll(a.resp)
		}
		done <- a
	}()
	return done
}

func readAll(resp *traffic.Response) string {
	if resp.Body == nil {
		return ""
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(p)
}

// told returns what was told of hits, a line each.
func (s *station) told() []string {
	var lines []string
	for _, e := range s.collect.Events() {
		switch e := e.(type) {
		case traffic.BreakpointHit:
			lines = append(lines, fmt.Sprintf("%d hit %s %s", e.ID, e.Breakpoint, e.Phase))
		case traffic.BreakpointResumed:
			lines = append(lines, fmt.Sprintf("%d %s by %s", e.ID, e.Action, e.By))
		case traffic.BreakpointTimedOut:
			lines = append(lines, fmt.Sprintf("%d timed out: %s", e.ID, e.Action))
		case traffic.RuleApplied:
			lines = append(lines, fmt.Sprintf("%s: %s", e.Rule, e.Action))
		default: // of no interest
		}
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// post returns a request with content.
func post(t testing.TB, content string, fields ...traffic.Field) *traffic.Request {
	t.Helper()
	req := request(t, "POST", "https://api.test/orders", append([]traffic.Field{field("Host", "api.test")}, fields...)...)
	req.Body, req.Length = traffic.NewMemoryBody([]byte(content)), int64(len(content))
	return req
}

func wantFailure(t *testing.T, err error, kind traffic.FailureKind, text string) {
	t.Helper()
	var f *traffic.Failure
	if !errors.As(err, &f) || f.Kind != kind || f.Text != text {
		t.Errorf("got error %v, want %s: %s", err, kind, text)
	}
}
