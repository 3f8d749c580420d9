package ports

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const onePort = "bindings: [{port: 60000, target: \"http://a.test\"}]\n"

// TestOfflineIsToldOnce has clients find out that nobody is there any more, and a
// probe that somebody is again.
func TestOfflineIsToldOnce(t *testing.T) {
	play(t, onePort+"probe: {interval: 1h}", func(s *stage) {
		s.set("a.test:80", false)
		s.request(60000)
		s.wait(time.Second)
		s.expect("one bad attempt")
		s.request(60000)
		s.wait(settle)
		s.expect("the second", "portStateUpdate 60000")
		for range 5 {
			s.request(60000)
			s.wait(time.Second)
		}
		s.expect("more of them")
		if status, _ := s.Status(60000); status.IsOnline || status.Error != "connection refused" {
			t.Errorf("status %+v", status)
		}
		s.set("a.test:80", true)
		s.wait(1200 * time.Millisecond) // the next probe, and what it takes to tell
		s.expect("recovered", "portStateUpdate 60000")
		s.wait(time.Minute)
		s.expect("all is well")
		if status, _ := s.Status(60000); !status.IsOnline || status.Error != "" {
			t.Errorf("status %+v", status)
		}
	})
}

// TestClientRecovers has a client find out that somebody is there again.
func TestClientRecovers(t *testing.T) {
	play(t, onePort+"probe: {interval: 1h, retry: 1h}", func(s *stage) {
		s.set("a.test:80", false)
		s.request(60000)
		s.request(60000)
		s.wait(settle)
		s.set("a.test:80", true)
		s.request(60000)
		s.wait(settle)
		s.expect("told", "portStateUpdate 60000", "portStateUpdate 60000")
	})
}

// TestFailuresInARow counts from the last good attempt.
func TestFailuresInARow(t *testing.T) {
	play(t, onePort+"probe: {interval: 1h, failures: 3}", func(s *stage) {
		for range 4 {
			for _, up := range []bool{false, false, true} {
				s.set("a.test:80", up)
				s.request(60000)
			}
		}
		s.wait(time.Second)
		s.expect("never three in a row")
	})
}

// TestProbeFails tells what a single probe has found.
func TestProbeFails(t *testing.T) {
	play(t, onePort+"probe: {interval: 500ms}", func(s *stage) {
		s.set("a.test:80", false)
		s.wait(time.Second)
		s.expect("offline", "portStateUpdate 60000")
	})
}

// TestFlickerIsNotTold tells nothing of what does not last.
func TestFlickerIsNotTold(t *testing.T) {
	play(t, onePort+"probe: {interval: 1h, retry: 1h}", func(s *stage) {
		for range 3 {
			s.set("a.test:80", false)
			s.request(60000)
			s.request(60000)
			s.wait(settle / 2)
			s.set("a.test:80", true)
			s.request(60000)
			s.wait(time.Second)
		}
		s.expect("flicker")
	})
}

// TestChangesHaveToLast counts from the last change.
func TestChangesHaveToLast(t *testing.T) {
	play(t, onePort+"probe: {interval: 1h, retry: 1h, failures: 1}", func(s *stage) {
		for _, up := range []bool{false, true, false} {
			s.set("a.test:80", up)
			s.request(60000)
			s.wait(settle * 2 / 3)
		}
		s.expect("it has lasted 66 ms")
		s.wait(settle/3 + time.Millisecond)
		s.expect("and 100", "portStateUpdate 60000")
	})
}

// TestOtherAddresses leaves alone a port whose client has asked for another origin.
func TestOtherAddresses(t *testing.T) {
	play(t, onePort+"probe: {interval: 1h}", func(s *stage) {
		for range 3 {
			s.listener(60000).route.Dialed("other.test:80", errRefused)
		}
		s.wait(time.Second)
		s.expect("not this port's")
	})
}

// TestStartWithNobodyThere keeps ports that the file has, and tells when somebody
// comes.
func TestStartWithNobodyThere(t *testing.T) {
	play(t, onePort, func(s *stage) {
		_ = s.Remove(60000)
		s.said()
		s.set("a.test:80", false)
		s.saved[60000] = savedPort{Binding: s.bindings[60000]}
		s.Restore(s.t.Context())
		s.expect("restored", "restoreDone")
		s.set("a.test:80", true)
		s.wait(2 * time.Second)
		s.expect("somebody came", "portStateUpdate 60000")
	})
}

// TestRefresh takes the next candidate when one is gone, and that as often as allowed.
func TestRefresh(t *testing.T) {
	config := threeCandidates + `
probe: {interval: 1h}
bindings:
	- {port: 60000, labels: {}, refresh: {max: 2, interval: 1m}}
`
	play(t, config, func(s *stage) {
		fail := func(addr string) {
			s.set(addr, false)
			s.request(60000)
			s.request(60000)
			s.wait(settle)
		}
		fail("us1.test:80")
		s.expect("the first is gone", "portStateUpdate 60000", "portStateUpdate 60000")
		if status, _ := s.Status(60000); status.ProxyID != "ca-1" || status.CountRefresh != 1 || status.LastRefresh == 0 || !status.IsOnline {
			t.Errorf("status %+v", status)
		}
		fail("ca1.test:1080")
		s.expect("the second, too soon", "portStateUpdate 60000")
		s.wait(time.Minute)
		s.expect("a minute later", "portStateUpdate 60000")
		if got := s.through(60000); got != "us-2" {
			t.Errorf("led through %q", got)
		}
		s.wait(time.Minute)
		fail("us2.test:443")
		s.set("us1.test:80", true)
		s.wait(time.Hour)
		s.expect("twice was enough", "portStateUpdate 60000")
	})
}

// TestRefreshWithNobodyLeft goes on trying, and tells that the port is offline once.
func TestRefreshWithNobodyLeft(t *testing.T) {
	config := threeCandidates + `
probe: {interval: 500ms}
bindings: [{port: 60000, labels: {country: US}, refresh: true}]
`
	play(t, config, func(s *stage) {
		s.set("us1.test:80", false)
		s.set("us2.test:443", false)
		s.wait(10 * time.Second)
		s.expect("all are gone", "portStateUpdate 60000")
		s.set("us2.test:443", true)
		s.wait(2 * time.Second)
		s.expect("one is back", "portStateUpdate 60000")
		if got := s.through(60000); got != "us-2" {
			t.Errorf("led through %q", got)
		}
	})
}

// TestRotation takes the next candidate that is there, again and again.
func TestRotation(t *testing.T) {
	config := threeCandidates + "bindings: [{port: 60000, labels: {}, rotation: 1m}]\n"
	play(t, config, func(s *stage) {
		var got []string
		for i := range 4 {
			if i == 2 {
				s.set("us1.test:80", false)
			}
			s.wait(time.Minute)
			got = append(got, s.through(60000))
		}
		if diff := cmp.Diff([]string{"ca-1", "us-2", "ca-1", "us-2"}, got); diff != "" {
			t.Errorf("led through (-want +got):\n%s", diff)
		}
		s.expect("each is told", "portStateUpdate 60000", "portStateUpdate 60000", "portStateUpdate 60000", "portStateUpdate 60000")
	})
}

// TestRotationWithNobodyElse stays where it is.
func TestRotationWithNobodyElse(t *testing.T) {
	config := threeCandidates + "bindings: [{port: 60000, labels: {country: CA}, rotation: 1m}]\n"
	play(t, config, func(s *stage) {
		s.wait(time.Hour)
		s.expect("nothing to tell")
	})
}

// TestTest probes at once.
func TestTest(t *testing.T) {
	play(t, twoTargets+"probe: {interval: 1h}", func(s *stage) {
		s.set("a.test:80", false)
		got := s.Test(s.t.Context(), []int{60000, 60001, 60002})
		if diff := cmp.Diff(map[int]bool{60000: false, 60001: true}, got); diff != "" {
			t.Errorf("online (-want +got):\n%s", diff)
		}
		s.wait(settle)
		s.expect("and tells what it finds", "portStateUpdate 60000")
	})
}

// TestDebug tells what the pool does.
func TestDebug(t *testing.T) {
	play(t, onePort+"debug: true", func(s *stage) {
		s.set("a.test:80", false)
		s.Test(s.t.Context(), []int{60000})
		s.wait(settle)
		s.expect("as log events", "log port 60000: connection refused", "portStateUpdate 60000")
	})
}

// TestClientComesFirst has a client reach what the first try does not reach any more.
func TestClientComesFirst(t *testing.T) {
	c := config(t, onePort+"probe: {interval: 1h, retry: 1h}")
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, c, newWorld(), "")
		if err := s.Start(t.Context()); err != nil {
			t.Error(err)
		}
		s.request(60000)
		s.set("a.test:80", false)
		s.wait(2 * settle)
		s.expect("it did not last")
		s.set("a.test:80", true)
		s.request(60000)
		s.wait(settle)
		s.expect("another client", "portStateUpdate 60000")
		s.end()
	})
}
