package ports

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// world is a network without sockets. It implements Opener.
type world struct {
	mu   sync.Mutex
	down map[string]bool // nobody is at these addresses
	busy map[string]bool // somebody else listens at these
	mute map[string]bool // who is at these takes no connection and refuses none
	open map[string]*fakeListener
	// released counts the listeners that are done with.
	released int
}

// fakeListener is a listener in a world.
type fakeListener struct {
	w     *world
	route Route
}

func newWorld() *world {
	return &world{down: map[string]bool{}, busy: map[string]bool{}, mute: map[string]bool{}, open: map[string]*fakeListener{}}
}

var errRefused = errors.New("connection refused")

func (w *world) Open(_ context.Context, r Route) (Listener, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.busy[r.Addr]:
		return nil, fmt.Errorf("%w: address already in use", ErrBusy)
	case w.open[r.Addr] != nil:
		return nil, fmt.Errorf("%w: it is open twice", ErrBusy)
	case r.Replay == "missing.jsonl":
		return nil, fmt.Errorf("%w: no such file", ErrRecording)
	}
	l := &fakeListener{w, r}
	w.open[r.Addr] = l
	return l, nil
}

func (l *fakeListener) Reach(ctx context.Context, via *url.URL) error {
	time.Sleep(time.Millisecond)
	if l.w.isMute(l.target(via)) {
		<-ctx.Done()
	}
	return errors.Join(ctx.Err(), l.w.connect(l.target(via)))
}

// target returns the address behind the listener.
func (l *fakeListener) target(via *url.URL) string {
	switch l.route.Kind {
	case KindTarget:
		return l.route.Target.HostPort()
	case KindRaw:
		return l.route.Raw
	case KindUpstream:
		return via.Host
	default:
		return ""
	}
}

func (w *world) isMute(addr string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mute[addr]
}

// connect is what becomes of an attempt to connect.
func (w *world) connect(addr string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down[addr] {
		return errRefused
	}
	return nil
}

func (l *fakeListener) Close() error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	delete(l.w.open, l.route.Addr)
	return nil
}

func (l *fakeListener) Release() {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.w.released++
}

// listener returns what listens at a port, nil for nobody.
func (w *world) listener(number int) *fakeListener {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open[fmt.Sprintf("127.0.0.1:%d", number)]
}

// done returns how many listeners were released.
func (w *world) done() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.released
}

// set says whether somebody is at an address.
func (w *world) set(addr string, up bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[addr] = !up
}

// request lets a client use a port, which leads to an attempt to connect.
func (w *world) request(number int) {
	l := w.listener(number)
	var via *url.URL
	if l.route.Kind == KindUpstream {
		via = l.route.Upstream()
	}
	addr := l.target(via)
	l.route.Dialed(addr, w.connect(addr))
}

// stage is a pool in a world, whose events it notes.
type stage struct {
	*Pool
	t testing.TB
	*world

	mu     sync.Mutex
	events []string
}

// config reads the rest of a ports file with ten ports from 60000.
func config(t testing.TB, rest string) Config {
	t.Helper()
	c, err := Parse("ports.yaml", []byte("version: 1\nports: {start: 60000, count: 10}\n"+strings.ReplaceAll(rest, "\t", "  ")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// play calls fn with a pool that was started, in a bubble.
func play(t *testing.T, rest string, fn func(*stage)) {
	t.Helper()
	c := config(t, rest)
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, c, newWorld(), "")
		s.start()
		s.said()
		fn(s)
		s.end()
	})
}

func newStage(t testing.TB, c Config, w *world, state string) *stage {
	s := &stage{t: t, world: w}
	s.Pool = New(Options{Config: c, Opener: w, State: state, Events: s.note})
	return s
}

func (s *stage) note(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, strings.TrimSpace(string(e.Type)+" "+e.Payload))
}

// start starts the pool and waits until all ports were tried.
func (s *stage) start() {
	s.t.Helper()
	if err := s.Start(s.t.Context()); err != nil {
		s.t.Errorf("start: %v", err)
	}
	s.wait(5 * time.Millisecond)
}

// end closes the pool.
func (s *stage) end() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Errorf("close: %v", err)
	}
	s.wait(removeGrace)
}

// wait lets time pass.
func (s *stage) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// said returns the events since the last call.
func (s *stage) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.events
	s.events = nil
	return said
}

// expect compares the events since the last call.
func (s *stage) expect(what string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.said()); diff != "" {
		s.t.Errorf("%s: events (-want +got):\n%s", what, diff)
	}
}

// forward puts ports to use.
func (s *stage) forward(r Request) Result {
	s.t.Helper()
	result, err := s.Forward(s.t.Context(), r)
	if err != nil {
		s.t.Errorf("forward: %v", err)
	}
	return result
}

// through returns the id of the candidate that a port is led through.
func (s *stage) through(number int) string {
	s.t.Helper()
	status, err := s.Status(number)
	if err != nil {
		s.t.Error(err)
	}
	return status.ProxyID
}
