package traffic_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// told is an Observer that keeps what it is told.
type told []traffic.Event

func (l *told) Observe(e traffic.Event) { *l = append(*l, e) }

type contextKey struct{}

func TestNotesComeWithTheContext(t *testing.T) {
	x := &traffic.Exchange{ID: 7}
	ctx, notes := traffic.WithNotes(context.WithValue(t.Context(), contextKey{}, "v"), x, new(told), new(sync.Mutex))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if traffic.NotesFrom(ctx) != notes || traffic.ExchangeFrom(ctx) != x || ctx.Value(contextKey{}) != "v" {
		t.Error("the context has other notes, another exchange or other values")
	}
	if traffic.NotesFrom(t.Context()) != nil || traffic.ExchangeFrom(t.Context()) != nil {
		t.Error("a context without notes has some")
	}
}

func TestNotesBecomeRulesAndTags(t *testing.T) {
	x := &traffic.Exchange{ID: 7}
	var events told
	_, notes := traffic.WithNotes(t.Context(), x, &events, new(sync.Mutex))
	notes.Rule("a", "modify")
	notes.Tag("t", "u", "t")
	notes.Rule("b", "delay")
	notes.Rule("a", "modify")
	rules, tags := notes.End()
	if diff := cmp.Diff([][]string{{"a", "b"}, {"t", "u"}}, [][]string{rules, tags}); diff != "" {
		t.Errorf("rules and tags (-want +got):\n%s", diff)
	}
	notes.Rule("late", "modify")
	notes.Tag("late")
	var applied []string
	last := time.Time{}
	for _, e := range events {
		rule, ok := e.(traffic.RuleApplied)
		if !ok || rule.Exchange != x || rule.Time.Before(last) {
			t.Errorf("told %+v", e)
		}
		applied, last = append(applied, rule.Rule+" "+rule.Action), rule.Time
	}
	if diff := cmp.Diff([]string{"a modify", "b delay", "a modify"}, applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	if again, _ := notes.End(); len(again) != 2 {
		t.Errorf("after the end the rules are %q", again)
	}
}

func TestNoNotes(t *testing.T) {
	var notes *traffic.Notes
	notes.Rule("a", "modify")
	notes.Tag("t")
	if notes.Tell(func(time.Time) traffic.Event { panic("called") }) {
		t.Error("told nobody")
	}
	if rules, tags := notes.End(); rules != nil || tags != nil {
		t.Errorf("rules %q, tags %q", rules, tags)
	}
}

func TestNotesAreToldInOrder(t *testing.T) {
	var events told
	_, notes := traffic.WithNotes(t.Context(), new(traffic.Exchange), &events, new(sync.Mutex))
	var telling sync.WaitGroup
	for i := range 20 {
		telling.Go(func() {
			for range 50 {
				notes.Rule(fmt.Sprint(i), "modify")
			}
		})
	}
	telling.Wait()
	for i := 1; i < len(events); i++ {
		if events[i].At().Before(events[i-1].At()) {
			t.Fatalf("event %d happened before the one before", i)
		}
	}
	if rules, _ := notes.End(); len(rules) != 20 || len(events) != 1000 {
		t.Errorf("%d rules, %d events", len(rules), len(events))
	}
}

func TestBodiesOfExchangesAreKept(t *testing.T) {
	x := &traffic.Exchange{RequestBody: traffic.NewBody(-1), ReceivedBody: traffic.NewBody(-1)}
	appendIn(x.RequestBody, pattern(memoryLimit+1), 64<<10)
	appendIn(x.ReceivedBody, pattern(memoryLimit+1), 64<<10)
	x.KeepBodies()
	x.ReleaseBodies()
	for _, b := range []*traffic.Body{x.RequestBody, x.ReceivedBody} {
		if _, err := io.Copy(io.Discard, b.Open()); err != nil {
			t.Errorf("after the first of two releases: %v", err)
		}
	}
	x.ReleaseBodies()
	if !x.Edited() || new(traffic.Exchange).Edited() {
		t.Error("an exchange with a body of the origin's own is edited, a new one is not")
	}
}
