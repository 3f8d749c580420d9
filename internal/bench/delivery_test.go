//go:build linux

package main

import (
	"errors"
	"testing"
	"time"
)

// The bytes that are checked here are necto's own: if the entries of NectoProxy's
// events change, so must publishedEntry.
func TestDeliveryOfNecto(t *testing.T) {
	l := testLab(t)
	deliver(t, mustHelper(t, l, "events", nil), 1)
	deliver(t, mustHelper(t, l, "events", nil), 20)
}

func TestDeliveryOfNode(t *testing.T) {
	l := testLab(t)
	c, err := startNode(loadDelivery(20))(t.Context(), l, nil)
	if errors.Is(err, errUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	for range 2 { // between them it has nobody to publish to
		deliver(t, c.process, 20)
	}
}

// deliver lets n clients follow p for a while.
func deliver(t *testing.T, p *process, n int) {
	t.Helper()
	s, err := deliveryLoad{subscribers: n, of: newBatches()}.open(t.Context(), p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, d := range []time.Duration{0, 100 * time.Millisecond} {
		got, err := s.run(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if got.ops < 1 || got.took < d {
			t.Errorf("run for %v: %v entries in %v", d, got.ops, got.took)
		}
	}
}

func TestDeliveryNoticesThatTheServerEnds(t *testing.T) {
	l := testLab(t)
	p := mustHelper(t, l, "events", nil)
	s, err := deliveryLoad{subscribers: 2, of: newBatches()}.open(t.Context(), p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	p.kill()
	if _, err := s.run(t.Context(), time.Minute); err == nil {
		t.Error("the end of the connections is no error")
	}
}
