package ports

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	twoTargets = `
bindings:
	- {port: 60000, target: "http://a.test"}
	- {port: 60001, raw: "b.test:1"}
`
	threeCandidates = `
candidates:
	- {id: us-1, upstream: "http://us1.test", labels: {country: US, city: Boston, public_ip: 192.0.2.1}}
	- {id: ca-1, upstream: "socks5://ca1.test", labels: {country: CA}}
	- {id: us-2, upstream: "https://us2.test", labels: {country: US}}
`
)

// TestForward asks for ports in every way, and compares what is told.
func TestForward(t *testing.T) {
	const unreached = "|message:connection refused"
	for name, c := range map[string]struct {
		config  string
		prepare func(*stage)
		request Request
		want    []string
		ports   []int
	}{
		"all that have a binding": {
			config: twoTargets, request: Request{ID: "r"}, ports: []int{60000, 60001},
			want: []string{"portStateUpdate 60000", "portStateUpdate 60001", "forwardListCompleted r"},
		},
		"one is not reached": {
			config: twoTargets, prepare: func(s *stage) { s.set("b.test:1", false) }, request: Request{ID: "r"}, ports: []int{60000},
			want: []string{"portStateUpdate 60000", "proxyError r:req_proxy_config_error@dial_failed|port:60001" + unreached, "forwardListCompleted r"},
		},
		"none is reached": {
			config: twoTargets, prepare: func(s *stage) { s.set("b.test:1", false) }, request: Request{ID: "r", Ports: []int{60001}},
			want: []string{"proxyError r:req_proxy_config_error@dial_failed|port:60001" + unreached},
		},
		"somebody else listens": {
			config: twoTargets, prepare: func(s *stage) { s.busy["127.0.0.1:60000"] = true }, request: Request{ID: "r"}, ports: []int{60001},
			want: []string{"portStateUpdate 60001", "proxyError r:req_proxy_config_error@port_busy|port:60000|message:cannot listen: address already in use", "forwardListCompleted r"},
		},
		"none of the pool": {
			config: twoTargets, request: Request{ID: "r", Ports: []int{70000, 60001}}, ports: []int{60001},
			want: []string{"portStateUpdate 60001", "proxyError r:req_proxy_config_error@status:400|port:70000|message:VALIDATE_FAILED", "forwardListCompleted r"},
		},
		"no binding": {
			config: twoTargets, request: Request{ID: "r", Ports: []int{60005}},
			want: []string{"proxyError r:req_proxy_config_error@no port available"},
		},
		"no candidate": {
			config: twoTargets, request: Request{ID: "r", Ports: []int{60005}, Any: true},
			want: []string{"proxyError r:req_proxy_config_error@no_candidate|port:60005"},
		},
		"recording missing": {
			config: "bindings: [{port: 60000, replay: missing.jsonl}]", request: Request{ID: "r"},
			want: []string{"proxyError r:req_proxy_config_error@binding_failed|port:60000|message:the recording cannot be read"},
		},
		"any candidate": {
			config: threeCandidates, request: Request{ID: "r", Ports: []int{60003}, Any: true}, ports: []int{60003},
			want: []string{"portStateUpdate 60003", "forwardListCompleted r"},
		},
		"as many as that, past one where somebody listens": {
			config: threeCandidates, prepare: func(s *stage) { s.busy["127.0.0.1:60001"] = true },
			request: Request{ID: "r", Count: 2, Labels: Labels{"country": {"CA"}}}, ports: []int{60000, 60002},
			want: []string{
				"portStateUpdate 60000", "portStateUpdate 60002",
				"proxyError r:req_proxy_config_error@port_busy|port:60001|message:cannot listen: address already in use", "forwardListCompleted r",
			},
		},
		"more than there are": {
			config: twoTargets, request: Request{ID: "r", Count: 3}, ports: []int{60000, 60001},
			want: []string{"portStateUpdate 60000", "portStateUpdate 60001", "proxyError r:req_proxy_config_error@no port available", "forwardListCompleted r"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, c.config, func(s *stage) {
				for _, number := range []int{60000, 60001} { // they are in use from the start
					_ = s.Remove(number)
				}
				s.said()
				if c.prepare != nil {
					c.prepare(s)
				}
				result := s.forward(c.request)
				s.expectSorted(c.want)
				if diff := cmp.Diff(c.ports, result.Ports); diff != "" {
					t.Errorf("ports (-want +got):\n%s", diff)
				}
				if n := len(s.Statuses()); n != len(c.ports) {
					t.Errorf("%d ports are in use, want %d", n, len(c.ports))
				}
			})
		})
	}
}

// expectSorted compares events, those of ports in any order before all others.
func (s *stage) expectSorted(want []string) {
	s.t.Helper()
	said := s.said()
	n := 0
	for n < len(said) && strings.HasPrefix(said[n], "portStateUpdate") {
		n++
	}
	for i := range n {
		for j := range i {
			if said[j] > said[i] {
				said[i], said[j] = said[j], said[i]
			}
		}
	}
	if diff := cmp.Diff(want, said); diff != "" {
		s.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestForwardAgain leads elsewhere what is in use, unless only free ports are asked for.
func TestForwardAgain(t *testing.T) {
	play(t, twoTargets+threeCandidates, func(s *stage) {
		s.forward(Request{ID: "free", OnlyFree: true})
		s.expect("only free ones", "proxyError free:req_proxy_config_error@no port available")
		s.forward(Request{ID: "again", Ports: []int{60000}, Labels: Labels{"country": {"US"}}})
		s.expect("led elsewhere", "portStateUpdate 60000", "forwardListCompleted again")
		if got := s.through(60000); got != "us-1" {
			t.Errorf("led through %q", got)
		}
		s.set("ca1.test:1080", false)
		s.forward(Request{ID: "lost", Ports: []int{60000}, Labels: Labels{"country": {"CA"}}})
		s.expect("and nowhere", "portRemoved 60000", "proxyError lost:req_proxy_config_error@dial_failed|port:60000|message:connection refused")
		s.busy["127.0.0.1:60001"] = true
		s.forward(Request{ID: "taken", Ports: []int{60001}})
		s.expect("taken meanwhile", "portRemoved 60001", "proxyError taken:req_proxy_config_error@port_busy|port:60001|message:cannot listen: address already in use")
	})
}

// TestCandidatesAreShared leads ports through those that are used least.
func TestCandidatesAreShared(t *testing.T) {
	play(t, threeCandidates, func(s *stage) {
		s.forward(Request{Ports: []int{60000}, Any: true})
		s.forward(Request{Count: 4, Any: true})
		got := map[string]int{}
		for _, status := range s.Statuses() {
			got[status.ProxyID]++
		}
		if diff := cmp.Diff(map[string]int{"us-1": 2, "ca-1": 2, "us-2": 1}, got); diff != "" {
			t.Errorf("ports by candidate (-want +got):\n%s", diff)
		}
	})
}

// TestFirstCandidateIsDead takes the next one from the start.
func TestFirstCandidateIsDead(t *testing.T) {
	play(t, threeCandidates, func(s *stage) {
		s.set("us1.test:80", false)
		s.forward(Request{ID: "r", Ports: []int{60000}, Labels: Labels{"country": {"US"}}})
		s.expect("the second", "portStateUpdate 60000", "forwardListCompleted r")
		if got := s.through(60000); got != "us-2" {
			t.Errorf("led through %q", got)
		}
	})
}

// TestLead leads a port through a candidate by its id.
func TestLead(t *testing.T) {
	play(t, threeCandidates, func(s *stage) {
		lead := func(id string, number int, candidate string) error {
			_, err := s.Lead(s.t.Context(), id, number, candidate)
			return err
		}
		if err := lead("", 60000, "us-2"); err != nil {
			t.Error(err)
		}
		s.expect("a free port; the candidate's id is the request's", "portStateUpdate 60000", "forwardListCompleted us-2")
		if err := lead("swap", 60000, "ca-1"); err != nil {
			t.Error(err)
		}
		s.expect("one in use", "portStateUpdate 60000", "forwardListCompleted swap")
		s.set("us1.test:80", false)
		if err := lead("dead", 60000, "us-1"); err != nil {
			t.Error(err)
		}
		s.expect("a dead one", "proxyError dead:req_proxy_config_error@dial_failed|port:60000|message:connection refused")
		if status, _ := s.Status(60000); status.ProxyID != "ca-1" || !status.IsOnline || status.CountRefresh != 1 {
			t.Errorf("now %+v, want it as it was", status)
		}
		if err := lead("dead", 60001, "us-1"); err != nil {
			t.Error(err)
		}
		s.expect("a dead one, at a free port", "proxyError dead:req_proxy_config_error@dial_failed|port:60001|message:connection refused")
		if err := lead("", 60001, "nobody"); !errors.Is(err, ErrUnknownCandidate) {
			t.Errorf("unknown candidate: %v", err)
		}
		if err := lead("", 1, "us-2"); err != nil {
			t.Error(err)
		}
		s.expect("none of the pool", "proxyError us-2:req_proxy_config_error@status:400|port:1|message:VALIDATE_FAILED")
	})
}

// TestBind leads a port to what was never configured.
func TestBind(t *testing.T) {
	play(t, "", func(s *stage) {
		b, err := parseBinding("test", []byte(`{"target": "http://c.test", "tags": "x"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Bind(s.t.Context(), "b", 60009, b); err != nil {
			t.Error(err)
		}
		s.expect("bound", "portStateUpdate 60009", "forwardListCompleted b")
		if err := s.SetBinding(60008, b); err != nil {
			t.Error(err)
		}
		s.expect("only noted")
		s.forward(Request{ID: "config"})
		s.expect("and put to use", "portStateUpdate 60008", "forwardListCompleted config")
		if err := s.SetBinding(60010, b); err == nil {
			t.Error("a port outside of the pool was configured")
		}
	})
}

// TestRequestIDs refuses ids that events cannot have, and tells nothing then.
func TestRequestIDs(t *testing.T) {
	play(t, twoTargets, func(s *stage) {
		for _, id := range []string{"a:b", ":", "a\nb", strings.Repeat("x", 201)} {
			if _, err := s.Forward(s.t.Context(), Request{ID: id}); !errors.Is(err, ErrRequestID) {
				t.Errorf("id %.10q: %v", id, err)
			}
			if _, err := s.Bind(s.t.Context(), id, 60000, Binding{Raw: "x:1"}); !errors.Is(err, ErrRequestID) {
				t.Errorf("id %.10q: %v", id, err)
			}
		}
		s.expect("refused")
		if result := s.forward(Request{}); len(result.RequestID) != 26 {
			t.Errorf("made the id %q", result.RequestID)
		}
	})
}

// TestForwardForNobody tries no further ports when the one who asked has left.
func TestForwardForNobody(t *testing.T) {
	play(t, threeCandidates, func(s *stage) {
		for i := range s.config.Candidates {
			s.set(s.config.Candidates[i].Upstream.Host, false)
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Millisecond)
		defer cancel()
		result, err := s.Forward(ctx, Request{ID: "left", Count: 1, Any: true})
		if err != nil || len(result.Ports) != 0 || len(result.Errors) != 2 {
			t.Errorf("forwarded %+v, %v; want the errors of one port and of the request", result, err)
		}
	})
}

// TestCloseEndsRequests does not wait for what may still be reached, and saves what
// ports were used for before.
func TestCloseEndsRequests(t *testing.T) {
	for name, ask := range map[string]func(*stage) Result{
		"forward": func(s *stage) Result { return s.forward(Request{ID: "r", Ports: []int{60000, 60001}}) },
		"lead": func(s *stage) Result {
			result, err := s.Lead(s.t.Context(), "r", 60000, "us-2")
			if err != nil {
				s.t.Error(err)
			}
			return result
		},
		"restore": func(s *stage) Result {
			delete(s.busy, "127.0.0.1:60002")
			s.Restore(s.t.Context())
			return Result{Errors: []*OpenError{{Err: ErrClosed}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state.json")
			w := newWorld()
			w.busy["127.0.0.1:60002"] = true
			const bindings = `
bindings:
	- {port: 60000, labels: {country: US}}
	- {port: 60001, raw: "b.test:1"}
	- {port: 60002, raw: "b.test:1"}
`
			restart(t, threeCandidates+bindings, state, w, func(s *stage) {
				s.start()
				for _, addr := range []string{"us1.test:80", "us2.test:443", "b.test:1"} {
					w.mute[addr] = true
				}
				var asking sync.WaitGroup
				asking.Go(func() {
					result := ask(s)
					if len(result.Ports) > 0 || !errors.Is(result.Errors[0], ErrClosed) {
						t.Errorf("ports %v, errors %v", result.Ports, result.Errors)
					}
				})
				s.wait(10 * time.Millisecond)
				began := time.Now()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > 10*time.Millisecond {
					t.Errorf("closing took %v", took)
				}
				asking.Wait()
				if _, err := s.Bind(t.Context(), "late", 60001, Binding{Raw: "b.test:1"}); err != nil {
					t.Error(err)
				}
			})
			saved, err := newState(state).load()
			if err != nil || len(saved) != 3 || saved[60000].Candidate != "us-1" {
				t.Errorf("saved %v, %v", saved, err)
			}
		})
	}
}
