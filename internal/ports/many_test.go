package ports

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestManyAtOnce does everything at the same time, while upstream proxies come and go,
// and holds what is told against the rules for it.
func TestManyAtOnce(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	c := config(t, twoTargets+threeCandidates+"probe: {interval: 20ms, retry: 10ms}\n")
	s := newStage(t, c, newWorld(), state)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var working sync.WaitGroup
	for worker := range 8 {
		working.Go(func() {
			for i := range 40 {
				s.anything(fmt.Sprintf("r%d-%d", worker, i))
				time.Sleep(rand.N(10 * time.Millisecond))
			}
		})
	}
	working.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	checkRequests(t, s.said())
	if open, used := len(s.world.open), len(s.Statuses()); open != used {
		t.Errorf("%d listeners are open for %d ports", open, used)
	}
	if _, err := newState(state).load(); err != nil {
		t.Error(err)
	}
}

// anything does one of all things, for a request of that id if it is one.
func (s *stage) anything(id string) {
	number := 60000 + rand.IntN(10)
	candidate := []string{"us-1", "ca-1", "us-2"}[rand.IntN(3)]
	switch rand.IntN(9) {
	case 0:
		s.forward(Request{ID: id, Ports: []int{number, number + 1}, Any: true})
	case 1:
		s.forward(Request{ID: id, Count: 2, Labels: Labels{"country": {"US"}}})
	case 2:
		if _, err := s.Lead(s.t.Context(), id, number, candidate); err != nil {
			s.t.Error(err)
		}
	case 3:
		_ = s.Remove(number)
	case 4:
		if err := s.SetRange(60000, 8+rand.IntN(5)); err != nil {
			s.t.Error(err)
		}
	case 5:
		s.Restore(s.t.Context())
	case 6:
		s.Test(s.t.Context(), []int{number})
	case 7:
		addr := []string{"us1.test:80", "ca1.test:1080", "us2.test:443", "a.test:80"}[rand.IntN(4)]
		s.set(addr, rand.IntN(3) > 0)
	case 8:
		_ = s.SetBinding(number, Binding{Labels: Labels{}, Refresh: Refresh{Enabled: true}, Rotation: 30 * time.Millisecond})
	}
}

// checkRequests checks that of each request there are errors, and then one end if
// there is one, or neither.
func checkRequests(t *testing.T, events []string) {
	t.Helper()
	ended := map[string]bool{}
	for _, e := range events {
		name, payload, _ := strings.Cut(e, " ")
		id, _, _ := strings.Cut(payload, ":")
		switch name {
		case "forwardListCompleted":
			if ended[id] {
				t.Errorf("request %s has two ends", id)
			}
			ended[id] = true
		case "proxyError":
			if ended[id] {
				t.Errorf("%s behind its end", e)
			}
		}
	}
	if len(ended) == 0 {
		t.Error("no request has ended")
	}
}
