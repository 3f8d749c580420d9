package rules

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/necto-dev/necto/traffic"
)

func TestUnknownHits(t *testing.T) {
	h := newHits()
	for _, id := range []traffic.HitID{0, 1, 99} {
		if err := h.Resume(id, traffic.Resume{Action: traffic.ResumeContinue}); !errors.Is(err, ErrUnknownHit) {
			t.Errorf("hit %d: %v", id, err)
		}
		if _, err := h.Get(id); !errors.Is(err, ErrUnknownHit) {
			t.Errorf("hit %d: %v", id, err)
		}
	}
}

func TestHitIsResumedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		done := s.begin(t.Context(), post(t, "x"))
		synctest.Wait()
		var resumed, late atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				switch err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, By: "api"}); {
				case err == nil:
					resumed.Add(1)
				case errors.Is(err, ErrResumed):
					late.Add(1)
				}
			})
		}
		all.Wait()
		<-done
		if resumed.Load() != 1 || late.Load() != 19 {
			t.Errorf("resumed %d times, refused %d times", resumed.Load(), late.Load())
		}
		if hits := s.Hits().Hits(); len(hits) != 0 {
			t.Errorf("held on: %v", hits)
		}
	})
}

func TestHitsAreResumedInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		var done [5]<-chan asked
		for i := range done {
			done[i] = s.begin(t.Context(), post(t, string(rune('a'+i))))
			synctest.Wait()
		}
		for i, hit := range s.Hits().Hits() {
			if want := string(rune('a' + i)); content(hit.RequestBody) != want || hit.ID != traffic.HitID(i+1) {
				t.Errorf("hit %d has %q, want %q: the oldest first", hit.ID, content(hit.RequestBody), want)
			}
		}
		for _, i := range []int{3, 0, 4, 2, 1} {
			mock := &traffic.Edit{Body: []byte{'A' + byte(i)}, HasBody: true}
			if err := s.Hits().Resume(traffic.HitID(i+1), traffic.Resume{Action: traffic.ResumeMock, Mock: mock, By: "api"}); err != nil {
				t.Fatal(err)
			}
			if a := <-done[i]; a.body != string(rune('A'+i)) {
				t.Errorf("hit %d was answered with %q, %v", i+1, a.body, a.err)
			}
		}
	})
}

// resumer is an observer that resumes what it is told of at once.
type resumer struct{ hits *Hits }

func (r resumer) Observe(e traffic.Event) {
	if hit, ok := e.(traffic.BreakpointHit); ok {
		_ = r.hits.Resume(hit.ID, traffic.Resume{Action: traffic.ResumeContinue, By: "terminal"})
	}
}

func TestObserverMayResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		req := post(t, "x")
		ctx, _ := traffic.WithNotes(t.Context(), &traffic.Exchange{Request: req}, resumer{s.Hits()}, new(sync.Mutex))
		if _, err := s.Layer(traffic.RoundTripperFunc(s.origin)).RoundTrip(ctx, req); err != nil {
			t.Error(err)
		}
	})
}

func TestInvalidResumesHoldOn(t *testing.T) {
	edit := func(e traffic.Edit) *traffic.Edit { return &e }
	goOn := func(r traffic.Resume) traffic.Resume {
		r.Action = traffic.ResumeContinue
		return r
	}
	tests := map[string]struct {
		phase  traffic.Phase
		resume traffic.Resume
		want   string
	}{
		"no action":        {traffic.PhaseRequest, traffic.Resume{}, `action is "", not continue, abort or mock`},
		"unknown action":   {traffic.PhaseRequest, traffic.Resume{Action: "explode"}, `action is "explode", not continue, abort or mock`},
		"no method":        {traffic.PhaseRequest, goOn(traffic.Resume{Request: edit(traffic.Edit{Method: "GET /"})}), `request: "GET /" is no method`},
		"relative url":     {traffic.PhaseRequest, goOn(traffic.Resume{Request: edit(traffic.Edit{URL: "/x"})}), `request: url "/x": no scheme`},
		"status of one":    {traffic.PhaseRequest, goOn(traffic.Resume{Request: edit(traffic.Edit{Status: 200})}), "request: a request has no status"},
		"split header":     {traffic.PhaseRequest, goOn(traffic.Resume{Request: edit(traffic.Edit{Set: traffic.Fields{field("A", "b\r\nC: d")}})}), `request: header "A": a value cannot have line ends or control characters`},
		"name with space":  {traffic.PhaseRequest, goOn(traffic.Resume{Request: edit(traffic.Edit{Set: traffic.Fields{field("A b", "c")}})}), `request: "A b" cannot be the name of a header field`},
		"response in time": {traffic.PhaseRequest, goOn(traffic.Resume{Response: edit(traffic.Edit{Status: 200})}), "a request is held: the response cannot be edited"},
		"request too late": {traffic.PhaseResponse, goOn(traffic.Resume{Request: edit(traffic.Edit{Method: "PUT"})}), "a response is held: the request cannot be edited"},
		"payload":          {traffic.PhaseResponse, goOn(traffic.Resume{Payload: []byte("x")}), "a response is held: it has no payload"},
		"low status":       {traffic.PhaseResponse, goOn(traffic.Resume{Response: edit(traffic.Edit{Status: 101})}), "response: 101 is no status code of an answer, which is 200 to 999"},
		"split reason":     {traffic.PhaseResponse, goOn(traffic.Resume{Response: edit(traffic.Edit{Reason: "a\r\nb"})}), "response: a reason phrase is one line"},
		"method of one":    {traffic.PhaseResponse, goOn(traffic.Resume{Response: edit(traffic.Edit{Method: "GET"})}), "response: a response has no method and no url"},
		"mock's status":    {traffic.PhaseRequest, traffic.Resume{Action: traffic.ResumeMock, Mock: edit(traffic.Edit{Status: 1000})}, "mock: 1000 is no status code of an answer, which is 200 to 999"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, "breakpoints: [{name: b, on: "+string(test.phase)+"}]\n")
				done := s.begin(t.Context(), post(t, "x"))
				synctest.Wait()
				if err := s.Hits().Resume(1, test.resume); err == nil || err.Error() != test.want {
					t.Errorf("got %v, want %s", err, test.want)
				}
				if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue}); err != nil {
					t.Errorf("afterwards: %v", err)
				}
				<-done
			})
		})
	}
}

func TestMockWithoutAnswerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		done := s.begin(t.Context(), post(t, "x"))
		synctest.Wait()
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeMock, By: "api"}); err != nil {
			t.Fatal(err)
		}
		if a := <-done; a.body != "from the origin" {
			t.Errorf("the client got %+v", a)
		}
	})
}

func TestResumingRacesWithTheDeadline(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			s := newStation(t, "breakpoints: [{name: b, on: request, timeout: 1ms, on_timeout: abort}]\n")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := s.begin(ctx, post(t, "x"))
			synctest.Wait()
			resumed := make(chan error, 1)
			go func() {
				<-ctx.Done()
				resumed <- s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, By: "api"})
			}()
			cancel()
			a, err := <-done, <-resumed
			if (a.err == nil) != (err == nil) {
				t.Fatalf("the client got %v, who resumed it %v", a.err, err)
			}
			if len(s.told()) != 2 {
				t.Fatalf("told: %v", s.told())
			}
		})
	}
}
