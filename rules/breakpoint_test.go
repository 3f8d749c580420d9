package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/necto-dev/necto/traffic"
)

const holdRequests = "breakpoints: [{name: b, match: {path: /orders}, on: request}]\n"

func TestRequestGoesOnAsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		done := s.begin(t.Context(), post(t, "old", field("X-Old", "1"), field("X-Kept", "1"), field("Digest", "old's")))
		synctest.Wait()
		hits := s.Hits().Hits()
		if len(hits) != 1 || hits[0].Request.Method != "POST" || content(hits[0].RequestBody) != "old" {
			t.Fatalf("held: %+v", hits)
		}
		if left := time.Until(hits[0].Deadline); left != 30*time.Second {
			t.Errorf("it is held for %v", left)
		}
		edit := &traffic.Edit{
			Method: "PUT", URL: "https://other.test/v2?a=1", Set: traffic.Fields{field("Authorization", "Bearer test")},
			Remove: []string{"x-old"}, Body: []byte("new\x00\xff"), HasBody: true,
		}
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, Request: edit, By: "api"}); err != nil {
			t.Fatal(err)
		}
		if a := <-done; a.err != nil || a.body != "from the origin" {
			t.Errorf("answer: %+v", a)
		}
		want := traffic.Fields{field("Host", "other.test"), field("X-Kept", "1"), field("Authorization", "Bearer test")}
		if s.sent.Method != "PUT" || s.sent.URL.String() != "https://other.test/v2?a=1" || s.sent.Target != "/v2?a=1" ||
			string(s.sentBody) != "new\x00\xff" || s.sent.Length != 5 || !sameHeader(s.sent.Header, want) {
			t.Errorf("the origin got %+v with %q", s.sent, s.sentBody)
		}
		wantLines(t, s.told(), "1 hit b request", "1 continue by api", "b: breakpoint")
	})
}

func sameHeader(a, b traffic.Fields) bool {
	return string(headerText(a)) == string(headerText(b))
}

func headerText(fields traffic.Fields) []byte {
	var text []byte
	for _, f := range fields {
		text = append(text, f.Name+": "+f.Value+"\n"...)
	}
	return text
}

// content returns what a body of a hit holds.
func content(b *traffic.Body) string {
	if b == nil {
		return ""
	}
	p, _ := b.Bytes()
	return string(p)
}

func TestUntouchedRequestPassesAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		req := post(t, "same")
		done := s.begin(t.Context(), req)
		synctest.Wait()
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, By: "api"}); err != nil {
			t.Fatal(err)
		}
		<-done
		if string(s.sentBody) != "same" || !sameHeader(s.sent.Header, req.Header) {
			t.Errorf("the origin got %+v with %q", s.sent, s.sentBody)
		}
		wantLines(t, s.told(), "1 hit b request", "1 continue by api")
	})
}

func TestResponseGoesOnAsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: response, when: 'status:5xx'}]\n")
		s.answer = func(*traffic.Request) *traffic.Response {
			return newAnswer(503, "Busy", traffic.Fields{field("Retry-After", "9"), field("ETag", "x")}, []byte("busy"))
		}
		done := s.begin(t.Context(), post(t, "order"))
		synctest.Wait()
		hit, err := s.Hits().Get(1)
		if err != nil || hit.Response.Status != 503 || content(hit.ResponseBody) != "busy" {
			t.Fatalf("held: %+v, error %v", hit, err)
		}
		edit := &traffic.Edit{Status: 200, Remove: []string{"Retry-After"}, Set: traffic.Fields{field("X-A", "1"), field("X-A", "2")}, Body: []byte("fine"), HasBody: true}
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, Response: edit, By: "api"}); err != nil {
			t.Fatal(err)
		}
		a := <-done
		if a.err != nil || a.resp.Status != 200 || a.resp.Reason != "OK" || a.body != "fine" || a.resp.Length != 4 {
			t.Errorf("the client got %+v", a)
		}
		if got := a.resp.Header.Values("X-A"); len(got) != 2 || a.resp.Header.Has("Retry-After") || a.resp.Header.Has("ETag") {
			t.Errorf("header: %v", a.resp.Header)
		}
	})
}

func TestConditionsDecideWhatIsHeld(t *testing.T) {
	tests := map[string]struct {
		when  string
		phase string
		held  bool
	}{
		"status of another class": {"status:5xx", "response", false},
		"status":                  {"status:200", "response", true},
		"header of the answer":    {"header:x-slow=1", "response", true},
		"duration":                {"dur>1s", "response", true},
		"duration that is less":   {"dur>1m", "response", false},
		"body of the answer":      {"body:origin", "response", true},
		"body of the request":     {"body:order", "request", true},
		"no answer there yet":     {"status:200", "request", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, fmt.Sprintf("breakpoints: [{name: b, on: %s, when: %q}]\n", test.phase, test.when))
				answer := s.answer
				s.answer = func(req *traffic.Request) *traffic.Response {
					time.Sleep(2 * time.Second)
					resp := answer(req)
					resp.Header.Add("X-Slow", "1")
					return resp
				}
				done := s.begin(t.Context(), post(t, "an order"))
				<-done
				if held := len(s.told()) > 0; held != test.held {
					t.Errorf("held: %v", held)
				}
			})
		})
	}
}

func TestHitsEndInTime(t *testing.T) {
	tests := map[string]struct {
		settings string
		after    time.Duration
		failure  string
		told     string
	}{
		"by default":   {"", 30 * time.Second, "", "1 timed out: continue"},
		"as told":      {", timeout: 2s", 2 * time.Second, "", "1 timed out: continue"},
		"giving it up": {", timeout: 2s, on_timeout: abort", 2 * time.Second, `aborted at breakpoint "b": nobody has resumed it in time`, "1 timed out: abort"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, "breakpoints: [{name: b, on: request"+test.settings+"}]\n")
				began := time.Now()
				a := <-s.begin(t.Context(), post(t, "x"))
				if took := time.Since(began); took != test.after {
					t.Errorf("it took %v", took)
				}
				lines := s.told()
				if test.failure != "" {
					wantFailure(t, a.err, traffic.FailAborted, test.failure)
					wantLines(t, lines, "1 hit b request", test.told, "b: breakpoint")
				} else {
					wantLines(t, lines, "1 hit b request", test.told)
				}
				if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue}); !errors.Is(err, ErrResumed) {
					t.Errorf("resuming it afterwards: %v", err)
				}
			})
		})
	}
}

func TestHitWithoutDeadlineWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: request, timeout: 0s}]\n")
		done := s.begin(t.Context(), post(t, "x"))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if hits := s.Hits().Hits(); len(hits) != 1 || !hits[0].Deadline.IsZero() {
			t.Fatalf("held: %v", hits)
		}
		s.Hits().Close()
		<-done
	})
}

func TestClientThatLeavesEndsItsHit(t *testing.T) {
	for _, phase := range []string{"request", "response"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStation(t, "breakpoints: [{name: b, on: "+phase+"}]\n")
			ctx, leave := context.WithCancel(t.Context())
			done := s.begin(ctx, post(t, "x"))
			synctest.Wait()
			leave()
			wantFailure(t, (<-done).err, traffic.FailReset, "the client left while a breakpoint held it")
			wantLines(t, s.told(), "1 hit b "+phase, "1 abort by client")
		})
	}
}

func TestClosingReleasesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		first, second := s.begin(t.Context(), post(t, "1")), s.begin(t.Context(), post(t, "2"))
		synctest.Wait()
		s.Hits().Close()
		for _, done := range []<-chan asked{first, second, s.begin(t.Context(), post(t, "3"))} {
			if a := <-done; a.err != nil || a.body != "from the origin" {
				t.Errorf("answer: %+v", a)
			}
		}
		if told := strings.Join(s.told(), ","); strings.Count(told, "by shutdown") != 2 || strings.Count(told, "hit b") != 2 {
			t.Errorf("told: %s", told)
		}
	})
}

func BenchmarkNoBreakpointMatches(b *testing.B) {
	s := newStation(b, "breakpoints: [{name: b, match: {path: /other}, on: both}]\n")
	s.answer = func(*traffic.Request) *traffic.Response { return new(traffic.Response) }
	layer := s.Layer(traffic.RoundTripperFunc(func(context.Context, *traffic.Request) (*traffic.Response, error) {
		return &traffic.Response{Status: 200}, nil
	}))
	req := request(b, "GET", "https://api.test/orders")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := layer.RoundTrip(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
