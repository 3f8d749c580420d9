package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/fleet"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/traffic"
)

// member is a node of a space with what it was told of the others.
type member struct {
	*fleet.Space
	seen  nectest.Collect
	holds holds

	mu     sync.Mutex // guards joined
	joined map[string]uint64
	log    nectest.Buffer
}

// holds is what a node holds, and what it was asked to do.
type holds struct {
	mu      sync.Mutex // guards what follows
	hits    []*traffic.Hit
	resumed map[traffic.HitID]traffic.Resume
	frames  []traffic.Injection
	// stuck, if not nil, keeps frames as a connection does that takes nothing.
	stuck chan struct{}
}

var errNoHit = errors.New("there is no such hit")

func (h *holds) Resume(id traffic.HitID, r traffic.Resume) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, hit := range h.hits {
		if hit.ID == id {
			if h.resumed == nil {
				h.resumed = map[traffic.HitID]traffic.Resume{}
			}
			h.resumed[id] = r
			return nil
		}
	}
	return errNoHit
}

func (h *holds) Inject(_ traffic.ExchangeID, i traffic.Injection) error {
	if h.stuck != nil {
		h.stuck <- struct{}{} // it was asked
		<-h.stuck
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.frames = append(h.frames, i)
	return nil
}

// join lets a node join the space in a Redis.
func join(t *testing.T, server *nectest.Redis, session string) *member {
	t.Helper()
	to, err := fleet.ParseTarget("redis://" + server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{joined: map[string]uint64{}}
	m.Space, err = fleet.Join(t.Context(), to, fleet.SpaceOptions{
		Session: session, Name: "run " + session, Observer: &m.seen, Breakpoints: &m.holds, Frames: &m.holds, Log: m.log.Logger(),
		Joined: func(node uint64, session, name string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if name != "run "+session {
				t.Errorf("%s is called %q", session, name)
			}
			m.joined[session] = node
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *member) leave(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := m.Close(ctx); err != nil {
		t.Error(err)
	}
}

// sees waits until the node knows another, and returns the number of that.
func (m *member) sees(t *testing.T, session string) uint64 {
	t.Helper()
	var node uint64
	eventually(t, "nodes know each other", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		node = m.joined[session]
		return node != 0
	})
	return node
}

// told returns what the node was told of others, in words.
func (m *member) told() []string {
	var all []string
	for _, e := range m.seen.Events() {
		all = append(all, describe(e))
	}
	return all
}

const numberThere = 1<<traffic.NodeShift - 1

func describe(e traffic.Event) string {
	name := func(x *traffic.Exchange) string { return fmt.Sprintf("%d %s", x.ID&numberThere, x.Request.URL.Target) }
	switch e := e.(type) {
	case traffic.RequestStarted:
		return "started " + name(e.Exchange)
	case traffic.RequestDone:
		return fmt.Sprintf("request %s, %d bytes", name(e.Exchange), e.RequestBody.Size())
	case traffic.ResponseStarted:
		return fmt.Sprintf("response %s: %d", name(e.Exchange), e.Response.Status)
	case traffic.ExchangeDone:
		return fmt.Sprintf("done %s, %d bytes", name(e.Exchange), e.ResponseBody.Size())
	case traffic.ExchangeAborted:
		return fmt.Sprintf("aborted %s: %s", name(e.Exchange), e.Failure)
	case traffic.WSOpened:
		return "opened " + name(e.Exchange)
	case traffic.FrameSeen:
		return fmt.Sprintf("frame %d of %s: %s", e.Seq, name(e.Exchange), e.Payload)
	case traffic.WSClosed:
		return fmt.Sprintf("closed %s: %d", name(e.Exchange), e.Close.Code)
	case traffic.BreakpointHit:
		return fmt.Sprintf("hit %d of %s", e.ID&numberThere, name(e.Exchange))
	case traffic.BreakpointResumed:
		return fmt.Sprintf("resumed %d by %s", e.ID&numberThere, e.By)
	case traffic.BreakpointTimedOut:
		return fmt.Sprintf("timed out %d", e.ID&numberThere)
	case traffic.TLSFailed:
		return "tls " + e.SNI
	case traffic.ClientError:
		return "client " + e.Failure.Text
	default:
		return fmt.Sprintf("%T", e)
	}
}

// whole returns an exchange that has ended, with content both ways.
func whole(id traffic.ExchangeID) *traffic.Exchange {
	x := exchange(id, 5)
	x.RequestBody, x.RequestDone, x.ResponseStarted, x.Duration = traffic.BodyOf([]byte("abc")), 1, 2, 3
	return x
}

func TestASpaceTellsWhatOthersSee(t *testing.T) {
	server := nectest.NewRedis(t)
	one, two := join(t, server, "ONE"), join(t, server, "TWO")
	node := two.sees(t, "ONE")
	one.sees(t, "TWO")

	x := whole(1)
	one.Observe(traffic.RequestStarted{Exchange: x}) // told by itself
	eventually(t, "the beginning is told", func() bool { return len(two.told()) == 1 })
	one.Observe(traffic.RequestDone{Exchange: x})
	one.Observe(traffic.ResponseStarted{Exchange: x})
	one.Observe(traffic.ExchangeDone{Exchange: x})
	failed := whole(2)
	failed.Failure = &traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideClient, Text: "it left"}
	one.Observe(traffic.RequestStarted{Exchange: failed})
	one.Observe(traffic.ExchangeAborted{Exchange: failed})
	socket := whole(3)
	socket.WS = &traffic.WebSocket{Subprotocol: "chat"}
	one.Observe(traffic.RequestStarted{Exchange: socket})
	one.Observe(traffic.WSOpened{Exchange: socket})
	payload := []byte("hello")
	one.Observe(traffic.FrameSeen{Frame: &traffic.Frame{Exchange: socket, Seq: 1, Opcode: traffic.OpText, Payload: payload, Length: 5, Size: 5}})
	copy(payload, "gone!") // frames are valid only during Observe
	one.Observe(traffic.WSClosed{Exchange: socket, Close: &traffic.WSClose{Code: 1000}})
	one.Observe(traffic.TLSFailed{SNI: "pinned.example"})
	one.Observe(traffic.ClientError{Failure: &traffic.Failure{Text: "no request"}})
	want := []string{
		"started 1 /1", "request 1 /1, 3 bytes", "response 1 /1: 200", "done 1 /1, 5 bytes",
		"started 2 /2", "request 2 /2, 3 bytes", "response 2 /2: 200", "aborted 2 /2: it left",
		"started 3 /3", "request 3 /3, 3 bytes", "response 3 /3: 200", "opened 3 /3", "frame 1 of 3 /3: hello", "closed 3 /3: 1000",
		"tls pinned.example", "client no request",
	}
	eventually(t, "everything is told", func() bool { return len(two.told()) >= len(want) })
	if diff := cmp.Diff(want, two.told()); diff != "" {
		t.Error(diff)
	}
	for _, e := range two.seen.Events() {
		if done, ok := e.(traffic.ExchangeDone); ok {
			content, err := io.ReadAll(done.ResponseBody.Open())
			if uint64(done.ID) != node<<traffic.NodeShift|1 || !bytes.Equal(content, []byte("aaaaa")) || err != nil {
				t.Errorf("exchange %d of node %d, content %q, %v", done.ID, node, content, err)
			}
		}
	}
	one.leave(t)
	two.leave(t)
	if told := one.told(); len(told) != 0 {
		t.Errorf("a node is told of itself: %q", told)
	}
}

// TestTrailersMayComeLater writes them after the events that come before them, as the
// proxy does; the race detector looks on.
func TestTrailersMayComeLater(t *testing.T) {
	server := nectest.NewRedis(t)
	one, two := join(t, server, "ONE"), join(t, server, "TWO")
	two.sees(t, "ONE")
	x := whole(1)
	one.Observe(traffic.RequestStarted{Exchange: x})
	one.Observe(traffic.ResponseStarted{Exchange: x})
	eventually(t, "the beginning is told", func() bool {
		x.Request.Trailer, x.Response.Trailer = traffic.Fields{{Name: "a", Value: "1"}}, traffic.Fields{{Name: "b", Value: "2"}}
		return len(two.told()) == 2
	})
	one.Observe(traffic.RequestDone{Exchange: x})
	one.Observe(traffic.ExchangeDone{Exchange: x})
	eventually(t, "the end is told", func() bool { return len(two.told()) == 4 })
	for _, e := range two.seen.Events() {
		if done, ok := e.(traffic.ExchangeDone); ok {
			if a, b := done.Request.Trailer.Get("a"), done.Response.Trailer.Get("b"); a != "1" || b != "2" {
				t.Errorf("trailers %q and %q", a, b)
			}
		}
	}
	one.leave(t)
	two.leave(t)
}

func TestHitsAreResumedFromAnyNode(t *testing.T) {
	server := nectest.NewRedis(t)
	one := join(t, server, "ONE")
	x := whole(1)
	hit := &traffic.Hit{ID: 7, Exchange: x, Breakpoint: "b", Phase: traffic.PhaseRequest, Time: time.Now(), Request: x.Request}
	one.holds.hits = []*traffic.Hit{hit}
	one.Observe(traffic.RequestStarted{Exchange: x})
	one.Observe(traffic.BreakpointHit{Hit: hit})

	two := join(t, server, "TWO") // later: it is told of what is held all the same
	node := two.sees(t, "ONE")
	eventually(t, "the hit is told", func() bool { return len(two.told()) == 2 })
	r := traffic.Resume{Action: traffic.ResumeMock, By: "api", Mock: &traffic.Edit{
		Status: 418, Set: traffic.Fields{{Name: "X", Value: "y"}}, Remove: []string{"Z"}, Body: []byte{0, 255}, HasBody: true,
	}}
	if err := two.Resume(traffic.HitID(node<<traffic.NodeShift|7), r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[traffic.HitID]traffic.Resume{7: r}, one.holds.resumed, cmp.AllowUnexported(traffic.Field{})); diff != "" {
		t.Error(diff)
	}
	one.Observe(traffic.BreakpointResumed{Hit: hit, Resumed: time.Now(), Action: r.Action, By: r.By})
	eventually(t, "the end of the hit is told", func() bool { return len(two.told()) == 3 })
	if diff := cmp.Diff([]string{"started 1 /1", "hit 7 of 1 /1", "resumed 7 by api"}, two.told()); diff != "" {
		t.Error(diff)
	}
	// The owner takes its own numbers, and those that others have for them.
	for _, id := range []traffic.HitID{7, traffic.HitID(node<<traffic.NodeShift | 7)} {
		if err := one.Resume(id, r); err != nil {
			t.Errorf("hit %d: %v", id, err)
		}
	}
	if err := two.Resume(traffic.HitID(node<<traffic.NodeShift|8), r); err == nil || err.Error() != errNoHit.Error() {
		t.Errorf("a hit that is not held: %v", err)
	}
	i := traffic.Injection{Dir: traffic.ServerToClient, Opcode: traffic.OpText, Payload: []byte("hi")}
	if err := two.Inject(traffic.ExchangeID(node<<traffic.NodeShift|1), i); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]traffic.Injection{i}, one.holds.frames); diff != "" {
		t.Error(diff)
	}
	one.leave(t)
	eventually(t, "the node is gone", func() bool { return len(two.told()) == 4 })
	if last := two.told()[3]; last != "aborted 1 /1: the node has left" {
		t.Errorf("told %q", last)
	}
	two.leave(t)
	if err := two.Resume(traffic.HitID(node<<traffic.NodeShift|7), r); err == nil {
		t.Error("a node that has left resumes a hit of another")
	}
}

func TestASpaceWhileRedisIsAway(t *testing.T) {
	server := nectest.NewRedis(t)
	one, two := join(t, server, "ONE"), join(t, server, "TWO")
	two.sees(t, "ONE")
	open := whole(1)
	one.Observe(traffic.RequestStarted{Exchange: open})
	eventually(t, "the beginning is told", func() bool { return len(two.told()) == 1 })
	server.Stop()
	const many = 100 // with so much content that not all of them may wait
	content := make([]byte, 256<<10)
	began := time.Now()
	one.Observe(traffic.ExchangeDone{Exchange: open})
	for id := range traffic.ExchangeID(many) {
		x := whole(id + 2)
		x.ResponseBody = traffic.BodyOf(content)
		one.Observe(traffic.ExchangeDone{Exchange: x})
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("traffic waited for redis: %v", took)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nodes know of what was lost", func() bool { return strings.Contains(one.log.String(), "too many waited for redis") })
	one.Observe(traffic.ExchangeDone{Exchange: whole(many + 5)})
	last := fmt.Sprintf("done %d /%d, 5 bytes", many+5, many+5)
	eventually(t, "events go on", func() bool {
		told := two.told()
		return told[len(told)-1] == last
	})
	ends := 0
	for _, e := range two.seen.Events() {
		if _, ok := e.(traffic.ExchangeDone); ok {
			ends++
		}
	}
	if ends < 30 || ends >= many {
		t.Errorf("%d of %d exchanges were told", ends, many)
	}
	one.leave(t)
	two.leave(t)
}
