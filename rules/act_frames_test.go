package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// wire is a traffic.FrameWriter that notes what it is told.
type wire struct {
	mu     sync.Mutex // guards the fields below
	lines  []string
	closed bool
}

func (w *wire) Inject(i traffic.Injection) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return traffic.ErrFramesClosed
	}
	w.lines = append(w.lines, fmt.Sprintf("%s %d %s by %s", i.Dir, i.Opcode, i.Payload, i.Rule))
	return nil
}

func (w *wire) Close(code int, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("close %d %s", code, reason))
	w.closed = true
}

func (w *wire) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.lines)
}

// connect opens a WebSocket connection and returns what decides about its
// messages.
func (r *road) connect(ctx context.Context, t testing.TB, target string, out traffic.FrameWriter) traffic.FrameFilter {
	t.Helper()
	r.answer = func(*traffic.Request) *traffic.Response { return &traffic.Response{Status: 101} }
	req := request(t, "GET", target, field("Upgrade", "websocket"), field("Connection", "Upgrade"))
	x := &traffic.Exchange{ID: 1, Started: time.Now(), Request: req}
	noted, notes := traffic.WithNotes(ctx, x, &r.collect, &r.order)
	defer notes.End()
	if _, err := r.Layer(traffic.RoundTripperFunc(r.origin)).RoundTrip(noted, req); err != nil {
		t.Fatal(err)
	}
	return r.Frames(noted, x, out)
}

func messageOf(dir traffic.Direction, opcode traffic.Opcode, payload string) *traffic.Frame {
	return &traffic.Frame{Dir: dir, Opcode: opcode, Fin: true, Payload: []byte(payload)}
}

func TestMessagesAreFiltered(t *testing.T) {
	const up, down = traffic.ClientToServer, traffic.ServerToClient
	tests := map[string]struct {
		rules   string
		message *traffic.Frame
		want    string // payload, "" for untouched, "-" for dropped
		after   int
		by      []string
	}{
		"drop":                {"[{match: {dir: server-to-client, json: {type: presence}}, drop: true}]", messageOf(down, traffic.OpText, `{"type":"presence"}`), "-", 0, []string{"a"}},
		"other direction":     {"[{match: {dir: server-to-client}, drop: true}]", messageOf(up, traffic.OpText, "x"), "", 0, nil},
		"other opcode":        {"[{match: {opcode: binary}, drop: true}]", messageOf(up, traffic.OpText, "x"), "", 0, nil},
		"binary":              {"[{match: {opcode: binary}, drop: true}]", messageOf(up, traffic.OpBinary, "x"), "-", 0, []string{"a"}},
		"text is no binary":   {"[{match: {text: '*'}, drop: true}]", messageOf(up, traffic.OpBinary, "x"), "", 0, nil},
		"glob":                {"[{match: {text: '*Password*'}, replace: '***'}]", messageOf(up, traffic.OpText, "my password"), "***", 0, []string{"a"}},
		"regex":               {"[{match: {text: '/^[0-9]+$/'}, replace: n}]", messageOf(up, traffic.OpText, "42"), "n", 0, []string{"a"}},
		"replace by nothing":  {"[{replace: ''}]", messageOf(up, traffic.OpText, "42"), "", 0, []string{"a"}},
		"json":                {"[{json: {set: {value: 0}, remove: ssn}}]", messageOf(up, traffic.OpText, `{"value":1.5,"ssn":1}`), `{"value":0}`, 0, []string{"a"}},
		"json of something":   {"[{json: {set: {value: 0}}}]", messageOf(up, traffic.OpText, `hello`), "", 0, nil},
		"later sees earlier":  {"[{replace: one}, {match: {text: one}, replace: two}]", messageOf(up, traffic.OpText, "x"), "two", 0, []string{"a"}},
		"inject behind":       {"[{match: {text: ask}, inject: {dir: server-to-client, text: answer}}, {inject: {dir: client-to-server, base64: AA==}}]", messageOf(up, traffic.OpText, "ask"), "", 2, []string{"a"}},
		"drop ends the rules": {"[{drop: true}, {inject: {dir: server-to-client, text: never}}]", messageOf(up, traffic.OpText, "x"), "-", 0, []string{"a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, "- {name: a, frames: "+test.rules+"}\n", map[string]string{})
			f := r.connect(t.Context(), t, "http://a.example/chat", &wire{})
			before := string(test.message.Payload)
			v, err := f.Filter(t.Context(), test.message)
			if err != nil {
				t.Fatal(err)
			}
			got := string(v.Payload)
			if v.Drop {
				got = "-"
			}
			if got != test.want || len(v.After) != test.after || !slices.Equal(v.Rules, test.by) {
				t.Errorf("%+v", v)
			}
			if string(test.message.Payload) != before {
				t.Error("the message itself was changed")
			}
		})
	}
}

func TestConnectionsThatNoRuleIsForAreLeftAlone(t *testing.T) {
	r := newRoad(t, "- {name: a, match: {path: /chat}, frames: [{drop: true}]}\n", map[string]string{})
	if f := r.connect(t.Context(), t, "http://a.example/other", &wire{}); f != nil {
		t.Errorf("got %T", f)
	}
	if f := r.connect(t.Context(), t, "http://a.example/chat", &wire{}); f == nil {
		t.Error("got no filter")
	}
	// Refused: nothing may be left of it.
	r.answering(403, "")
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := r.ask(ctx, request(t, "GET", "http://a.example/chat", field("Upgrade", "websocket"))); err != nil {
		t.Fatal(err)
	}
	cancel()
	r.sockets.Range(func(any, any) bool { t.Error("a handshake is remembered"); return false })
}

func TestFramesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad(t, `
  - name: a
    frames:
      - {on: open, inject: {dir: server-to-client, text: hello}}
      - {on: open, inject: {dir: client-to-server, base64: AA==}}
      - {every: 2s, inject: {dir: server-to-client, text: tick}}
  - {name: b, frames: [{match: {text: bye}, close: {code: 4000, reason: enough}}]}
`, map[string]string{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out := new(wire)
		f := r.connect(ctx, t, "http://a.example/chat", out)
		want := []string{"server-to-client 1 hello by a", "client-to-server 2 \x00 by a"}
		if diff := cmp.Diff(want, out.told()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(5 * time.Second)
		if _, err := f.Filter(ctx, messageOf(traffic.ClientToServer, traffic.OpText, "bye")); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // nothing comes behind the end
		want = append(want, "server-to-client 1 tick by a", "server-to-client 1 tick by a", "close 4000 enough")
		if diff := cmp.Diff(want, out.told()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTicksEndWithTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad(t, "- {name: a, frames: [{every: 1s, inject: {dir: server-to-client, text: tick}}]}\n", map[string]string{})
		ctx, cancel := context.WithCancel(t.Context())
		out := new(wire)
		r.connect(ctx, t, "http://a.example/chat", out)
		time.Sleep(2500 * time.Millisecond)
		cancel()
		time.Sleep(time.Minute)
		if got := strings.Join(out.told(), ","); strings.Count(got, "tick") != 2 {
			t.Errorf("told %s", got)
		}
	})
}

func TestMessagesAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad(t, "- {name: a, frames: [{delay: 2s}, {match: {text: hold}, delay: 1h}]}\n", map[string]string{})
		f := r.connect(t.Context(), t, "http://a.example/chat", &wire{})
		start := time.Now()
		if v, err := f.Filter(t.Context(), messageOf(traffic.ClientToServer, traffic.OpText, "x")); err != nil || v.Drop || v.Replace {
			t.Errorf("%+v, %v", v, err)
		}
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("held for %v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		if _, err := f.Filter(ctx, messageOf(traffic.ClientToServer, traffic.OpText, "hold")); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != 7*time.Second {
			t.Errorf("held until %v", d)
		}
	})
}

func TestAMessageClosesItsConnection(t *testing.T) {
	r := newRoad(t, "- {name: a, frames: [{match: {opcode: binary}, close: {}}]}\n", map[string]string{})
	out := new(wire)
	f := r.connect(t.Context(), t, "http://a.example/chat", out)
	v, err := f.Filter(t.Context(), messageOf(traffic.ClientToServer, traffic.OpBinary, "x"))
	if err != nil || !slices.Equal(v.Rules, []string{"a"}) {
		t.Errorf("%+v, %v", v, err)
	}
	if diff := cmp.Diff([]string{"close 1000 "}, out.told()); diff != "" {
		t.Error(diff)
	}
}
