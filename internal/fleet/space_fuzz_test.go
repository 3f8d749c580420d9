package fleet_test

import (
	"testing"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/traffic"
)

// takeBatch lets a space take a batch of another node, and the leaving of that.
func takeBatch(text string, o traffic.Observer) {
	l := fleet.NewListener(fleet.SpaceOptions{Observer: o})
	l.Entry(2, 1, `[{"kind":"hello","session":"S"}]`)
	l.Entry(2, 2, text)
	l.Leave()
}

// A hit whose end was not told ends with its exchange.
func TestAHitEndsWithItsExchange(t *testing.T) {
	const exchange = `"exchange":{"id":1,"started":"2026-01-02T03:04:05Z","request":{"method":"GET"},"response":{"status":200},"ws":{}}`
	const hit = `{"kind":"breakpoint-hit",` + exchange + `,"hit":{"id":1,"phase":"request","request":{}}},`
	for _, end := range []string{
		`{"kind":"exchange-done",` + exchange + `}`, `{"kind":"exchange-aborted",` + exchange + `}`,
		`{"kind":"ws-opened",` + exchange + `},{"kind":"ws-closed","id":1,"close":{}}`, `{"kind":"lost","ids":[1]}`,
	} {
		var seen nectest.Collect
		takeBatch(`[`+hit+end+`]`, &seen)
		resumed, ended := -1, -1
		for i, e := range seen.Events() {
			if _, ok := e.(traffic.BreakpointResumed); ok {
				resumed = i
			}
			if nectest.Ended(e) != nil {
				ended = i
			}
		}
		if resumed < 0 || ended < resumed {
			t.Errorf("%s: event %d ends the hit, %d the exchange", end, resumed, ended)
		}
	}
}

// Whatever is in Redis, observers are told what they count on: one beginning of an
// exchange, then one end.
func FuzzBatch(f *testing.F) {
	const exchange = `"exchange":{"id":1,"started":"2026-01-02T03:04:05Z","request":{"method":"GET","header":[]},` +
		`"requestDone":1,"response":{"status":200},"ws":{}}`
	for _, seed := range []string{
		`[{"kind":"request-started",` + exchange + `},{"kind":"exchange-done",` + exchange + `}]`,
		`[{"kind":"ws-opened",` + exchange + `},{"kind":"frame-seen","id":1,"frame":{"seq":9,"payload":"aGk="}},{"kind":"ws-closed","id":1,"close":{"Code":1000}}]`,
		`[{"kind":"breakpoint-hit",` + exchange + `,"hit":{"id":1,"phase":"request","request":{}}},{"kind":"breakpoint-resumed","id":1},{"kind":"lost","ids":[1]}]`,
		`[{"kind":"response-started",` + exchange + `},{"kind":"request-done",` + exchange + `},{"kind":"exchange-aborted",` + exchange + `}]`,
		`[{"kind":"resume","to":1,"resume":{}},{"kind":"inject","to":1,"inject":{}},{"kind":"answer","to":1},{"kind":"bye"}]`,
		`[{"kind":"exchange-done"}]`, `[{"kind":"tls-failed"},{"kind":"client-error","client":{}}]`, `{}`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var seen nectest.Collect
		takeBatch(text, &seen)
		open := map[traffic.ExchangeID]bool{}
		for _, e := range seen.Events() {
			if start, ok := e.(traffic.RequestStarted); ok {
				if open[start.ID] {
					t.Fatalf("exchange %d begins twice", start.ID)
				}
				open[start.ID] = true
				continue
			}
			if x := nectest.Ended(e); x != nil {
				if !open[x.ID] {
					t.Fatalf("exchange %d ends and is not open", x.ID)
				}
				delete(open, x.ID)
			}
		}
		if len(open) > 0 {
			t.Fatalf("exchanges without an end: %v", open)
		}
	})
}

// Fields reach other nodes as they are, whatever bytes they have.
func FuzzWireFields(f *testing.F) {
	for _, seed := range [][2]string{{"Host", "h"}, {"X", "gr\xfc\xdfe"}, {"\xff", "<&>\u2028\x00"}, {"latin1", "\u00fc"}, {"", ""}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		want := traffic.Fields{{Name: name, Value: value}, {Name: value, Value: name}}
		got, err := fleet.ThroughRedis(want)
		if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Fatalf("%q became %q, %v", want, got, err)
		}
	})
}
