package traffic

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Notes is where layers say what they do to the exchange that they work on. It
// comes with the context of RoundTrip:
//
//	traffic.NotesFrom(ctx).Rule("users are mocked", "mock")
//
// Its methods may be called concurrently, also on nil, and while bodies are
// read. What is said once the exchange has ended goes nowhere.
type Notes struct {
	x    *Exchange
	tell Observer

	lock        sync.Locker // guards the fields below; held while tell is told
	rules, tags []string
	ended       bool
}

type notesKey struct{}

// notesContext is a context and the Notes in it, in one piece.
type notesContext struct {
	context.Context
	notes Notes
}

// Value returns the Notes, or what the context inside has.
func (c *notesContext) Value(key any) any {
	if key == (notesKey{}) {
		return &c.notes
	}
	return c.Context.Value(key)
}

// WithNotes returns a context with Notes about x. They tell o, holding lock,
// which is to be the one that keeps all events of x in order.
func WithNotes(ctx context.Context, x *Exchange, o Observer, lock sync.Locker) (context.Context, *Notes) {
	c := &notesContext{Context: ctx, notes: Notes{x: x, tell: o, lock: lock}}
	return c, &c.notes
}

// NotesFrom returns the Notes that a context has, nil for none.
func NotesFrom(ctx context.Context) *Notes {
	n, _ := ctx.Value(notesKey{}).(*Notes)
	return n
}

// ExchangeFrom returns the exchange that a context belongs to, nil for none.
// Fields may be read as far as its events have announced them, which is to say
// those of RequestStarted.
func ExchangeFrom(ctx context.Context) *Exchange {
	if n := NotesFrom(ctx); n != nil {
		return n.x
	}
	return nil
}

// Rule notes that a rule did something: it becomes one of Exchange.Rules, once,
// and is told as RuleApplied, each time. action is the key of the rules file, as
// "map_remote".
func (n *Notes) Rule(name, action string) {
	n.Tell(func(at time.Time) Event {
		n.rules = appendNew(n.rules, name)
		return RuleApplied{Exchange: n.x, Time: at, Rule: name, Action: action}
	})
}

// Tag adds to Exchange.Tags what is not among them.
func (n *Notes) Tag(tags ...string) {
	n.Tell(func(time.Time) Event {
		n.tags = appendNew(n.tags, tags...)
		return nil
	})
}

// Tell tells the event that makeEvent returns, none for nil, in order with all
// others of the exchange. at is the time for it. It reports whether makeEvent was
// called: otherwise the exchange has ended.
func (n *Notes) Tell(makeEvent func(at time.Time) Event) bool {
	if n == nil {
		return false
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.ended {
		return false
	}
	if e := makeEvent(time.Now()); e != nil {
		n.tell.Observe(e)
	}
	return true
}

// End ends the notes and returns what is to become Exchange.Rules and Tags.
func (n *Notes) End() (rules, tags []string) {
	if n == nil {
		return nil, nil
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	n.ended = true
	return n.rules, n.tags
}

// appendNew appends to list what it does not have.
func appendNew(list []string, names ...string) []string {
	for _, name := range names {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}
