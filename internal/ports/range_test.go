package ports

import (
	"errors"
	"testing"
	"time"
)

// TestRange says what is no range of ports.
func TestRange(t *testing.T) {
	for name, c := range map[string]struct {
		r  Range
		ok bool
	}{
		"as 9Proxy's":     {Range{60000, 20, DefaultFormat}, true},
		"to the last one": {Range{65535, 1, "[::1]:%d"}, true},
		"all interfaces":  {Range{1, 65535, "0.0.0.0:%d"}, true},
		"past the last":   {Range{65535, 2, DefaultFormat}, false},
		"from none":       {Range{0, 2, DefaultFormat}, false},
		"none":            {Range{60000, 0, DefaultFormat}, false},
		"no host":         {Range{60000, 1, ":%d"}, false},
		"no port":         {Range{60000, 1, "127.0.0.1"}, false},
		"port in front":   {Range{60000, 1, "%d:127.0.0.1"}, false},
		"another verb":    {Range{60000, 1, "%s:%d"}, false},
		"colons":          {Range{60000, 1, "::1:%d"}, false},
	} {
		if err := c.r.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := Range{60000, 20, DefaultFormat}
	if r.Has(59999) || !r.Has(60000) || !r.Has(60019) || r.Has(60020) {
		t.Error("the bounds are wrong")
	}
	if got := r.Addr(60001) + " " + r.String(); got != "127.0.0.1:60001 60000:20" {
		t.Error(got)
	}
}

// TestShrink takes ports away that are in use.
func TestShrink(t *testing.T) {
	play(t, twoTargets, func(s *stage) {
		if err := s.SetRange(60000, 10); err != nil {
			t.Error(err)
		}
		s.expect("the same as before")
		if err := s.SetRange(60001, 5); err != nil {
			t.Error(err)
		}
		s.expect("one is outside", "portRemoved 60000", "settingPortChange 60001:5")
		if err := s.SetRange(60001, 70000); err == nil {
			t.Error("more ports than there are")
		}
		s.expect("no range")
		if s.listener(60000) != nil || s.done() != 1 {
			t.Error("the listener is not closed and released")
		}
		if len(s.Statuses()) != 1 || s.Range().String() != "60001:5" {
			t.Errorf("in use of %s: %+v", s.Range(), s.Statuses())
		}
	})
}

// TestRemove frees a port, and nothing is told of it afterwards.
func TestRemove(t *testing.T) {
	play(t, twoTargets, func(s *stage) {
		s.set("a.test:80", false)
		s.request(60000)
		s.request(60000)
		if err := s.Remove(60000); err != nil {
			t.Error(err)
		}
		s.wait(time.Minute)
		s.expect("removed before it was told that it is offline", "portRemoved 60000")
		if err := s.Remove(60000); !errors.Is(err, ErrNotInUse) {
			t.Errorf("again: %v", err)
		}
		if _, err := s.Status(60000); !errors.Is(err, ErrNotInUse) {
			t.Errorf("its status: %v", err)
		}
	})
}
