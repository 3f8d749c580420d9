package eventserver

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// archive is a Recording in memory.
type archive struct {
	mu        sync.Mutex // guards the fields below
	exchanges map[traffic.ExchangeID]*traffic.Exchange
	closed    map[traffic.ExchangeID]*traffic.WSClosed
	frames    map[traffic.ExchangeID][]*traffic.Frame
	err       error
}

func newArchive() *archive {
	return &archive{
		exchanges: map[traffic.ExchangeID]*traffic.Exchange{}, closed: map[traffic.ExchangeID]*traffic.WSClosed{},
		frames: map[traffic.ExchangeID][]*traffic.Frame{},
	}
}

func (a *archive) Observe(e traffic.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch e := e.(type) {
	case traffic.ExchangeDone:
		a.exchanges[e.ID] = e.Exchange
	case traffic.WSOpened:
		a.exchanges[e.ID] = e.Exchange
	case traffic.FrameSeen:
		id := e.Exchange.ID
		a.frames[id] = append(a.frames[id], e.Frame)
	case traffic.WSClosed:
		a.closed[e.Exchange.ID] = &e
	default:
	}
}

func (a *archive) Below(id traffic.ExchangeID) (below traffic.ExchangeID, there bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for x := range a.exchanges {
		if x < id && x > below {
			below, there = x, true
		}
	}
	return below, there, a.err
}

func (a *archive) Exchange(id traffic.ExchangeID) (*traffic.Exchange, *traffic.WSClosed, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.exchanges[id], a.closed[id], a.err
}

func (a *archive) Frames(x *traffic.Exchange, after uint64, fn func(*traffic.Frame) bool) error {
	a.mu.Lock()
	frames := slices.Clone(a.frames[x.ID])
	a.mu.Unlock()
	for _, f := range frames {
		if f.Seq > after && !fn(f) {
			break
		}
	}
	return a.err
}

// startRecorded is start with a Recording, whose Server keeps little in memory. What
// is observed through the Tee is recorded first.
func startRecorded(t *testing.T) (*Server, *archive, traffic.Tee, string) {
	t.Helper()
	recording := newArchive()
	s, address := start(t, Options{Recording: recording, HistoryItems: 2, RingItems: 8})
	return s, recording, traffic.Tee{recording, s}, address
}

// exchanges tells of exchanges from their beginning to their end, each with its
// number as content.
func exchanges(to traffic.Observer, ids ...traffic.ExchangeID) {
	for _, id := range ids {
		x := newExchange(id, fmt.Sprintf("http://a.test/%d", id))
		to.Observe(traffic.RequestStarted{Exchange: x})
		to.Observe(traffic.ExchangeDone{Exchange: answered(x, 200, fmt.Sprint(id))})
	}
}

// conversation tells of a connection with so many frames, and of its end.
func conversation(to traffic.Observer, id traffic.ExchangeID, frames int) {
	x := newExchange(id, "ws://a.test/")
	to.Observe(traffic.RequestStarted{Exchange: x})
	x = answered(x, 101, "")
	x.WS, x.ResponseBody = new(traffic.WebSocket), nil
	to.Observe(traffic.WSOpened{Exchange: x})
	for n := range uint64(frames) { //nolint:gosec // a small number
		to.Observe(traffic.FrameSeen{Frame: &traffic.Frame{
			Exchange: x, Seq: n + 1, Opcode: traffic.OpText, Fin: true, First: testTime, Last: testTime, Payload: []byte{byte('a' + n%26)},
		}})
	}
	to.Observe(traffic.WSClosed{Exchange: x, Close: &traffic.WSClose{Code: 1000, Frames: [2]uint64{uint64(frames), 0}}}) //nolint:gosec // as above
}

func TestRESTLooksBackOnTheRecording(t *testing.T) {
	s, recording, all, address := startRecorded(t)
	a := newAPI(t, address)
	slow := newExchange(1, "http://slow.test/")
	all.Observe(traffic.RequestStarted{Exchange: slow})
	exchanges(all, 2, 3, 4, 5, 6, 7)
	list := func(query string) []string { return ids(a.call(200, "GET", "/api/traffic?"+query, "")["entries"]) }
	if diff := cmp.Diff([]string{entryID(7), entryID(6), entryID(5)}, list("limit=3")); diff != "" {
		t.Errorf("the latest (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{entryID(4), entryID(3), entryID(2), entryID(1)}, list("before="+entryID(5))); diff != "" {
		t.Errorf("what is before (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{entryID(3)}, list("filter=path:/3")); diff != "" {
		t.Errorf("with a filter (-want +got):\n%s", diff)
	}
	checkMembers(t, a.call(200, "GET", "/api/traffic/"+entryID(2), ""), map[string]any{"isComplete": true, "responseBody": "Mg=="})
	if _, got := a.do("GET", "/api/traffic/"+entryID(3)+"/body/response", ""); string(got) != "3" {
		t.Errorf("content: %q", got)
	}
	a.call(404, "GET", "/api/traffic/"+entryID(99), "")
	if err := s.ClearSession(testSession); err != nil {
		t.Fatal(err)
	}
	exchanges(all, 8)
	if diff := cmp.Diff([]string{entryID(8)}, list("")); diff != "" {
		t.Errorf("after clearing (-want +got):\n%s", diff)
	}
	recording.mu.Lock()
	recording.err = errors.New("disk on fire")
	recording.mu.Unlock()
	a.call(500, "GET", "/api/traffic", "")
}

func TestSessionsOfWhatWasRecorded(t *testing.T) {
	s, _, all, address := startRecorded(t)
	a := newAPI(t, address)
	exchanges(all, 1, 2)
	other := s.CreateSession("other")
	if _, err := s.ActivateSession(other.ID); err != nil {
		t.Fatal(err)
	}
	exchanges(all, 3, 4, 5, 6)
	got := ids(a.call(200, "GET", "/api/traffic?sessionId="+testSession, "")["entries"])
	if diff := cmp.Diff([]string{entryID(2), entryID(1)}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got = ids(a.call(200, "GET", "/api/traffic?sessionId="+other.ID, "")["entries"])
	if len(got) != 4 || got[3] != other.ID+"-3" {
		t.Errorf("the other session: %q", got)
	}
	a.call(404, "GET", "/api/traffic/"+entryID(3), "")
}

func TestFramesOfWhatWasRecorded(t *testing.T) {
	_, _, all, address := startRecorded(t)
	a := newAPI(t, address)
	conversation(all, 1, 30)
	exchanges(all, 2, 3, 4)
	said := func(query string) string {
		var text strings.Builder
		for _, f := range a.call(200, "GET", "/api/websocket/"+entryID(1)+"/frames?"+query, "")["frames"].([]any) {
			fmt.Fprintf(&text, "%v ", f.(map[string]any)["seq"])
		}
		return text.String()
	}
	got := []string{said("limit=3"), said("after=4&limit=2"), said("after=29"), said("after=30")}
	if diff := cmp.Diff([]string{"28 29 30 ", "5 6 ", "30 ", ""}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHARHasWhatWasRecorded(t *testing.T) {
	var told []string
	recording := newArchive()
	s, address := start(t, Options{Recording: recording, HistoryItems: 1, HAR: func(retell func(traffic.Observer) error) (io.ReadCloser, error) {
		err := retell(observerFunc(func(e traffic.Event) { told = append(told, fmt.Sprintf("%T", e)) }))
		return io.NopCloser(strings.NewReader(`{"log":{}}`)), err
	}})
	all := traffic.Tee{recording, s}
	conversation(all, 1, 2)
	exchanges(all, 2, 3)
	newAPI(t, address).call(200, "GET", "/api/har", "")
	want := []string{
		"traffic.RequestStarted", "traffic.WSOpened", "traffic.FrameSeen", "traffic.FrameSeen", "traffic.WSClosed",
		"traffic.RequestStarted", "traffic.ExchangeDone", "traffic.RequestStarted", "traffic.ExchangeDone",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestBacklogFromTheRecording asks for more than the ring has: each entry comes once,
// before what is said of it, and so does what is still going on.
func TestBacklogFromTheRecording(t *testing.T) {
	s, _, all, address := startRecorded(t)
	slow := newExchange(1, "http://slow.test/")
	all.Observe(traffic.RequestStarted{Exchange: slow})
	conversation(all, 2, 3)
	for id := range traffic.ExchangeID(200) {
		exchanges(all, id+3)
	}
	p := dial(t, address)
	answer := p.call("traffic:subscribe", map[string]any{"since": 1})
	checkMembers(t, answer, map[string]any{"since": 1.0, "dropped": 0.0})
	all.Observe(traffic.ExchangeDone{Exchange: answered(slow, 200, "at last")})
	mark(s)
	entries, ended, frames := map[string]int{}, map[string]int{}, 0
	for g := p.next(); g.name != marked; g = p.next() {
		switch g.name {
		case eventBatch:
			for _, e := range g.args[0].([]any) {
				entries[e.(map[string]any)["id"].(string)]++
			}
		case eventUpdate:
			u := g.args[0].(map[string]any)
			if entries[u["id"].(string)] != 1 {
				t.Errorf("update of %v after %d entries of it", u["id"], entries[u["id"].(string)])
			}
			if u["isComplete"] == true {
				ended[u["id"].(string)]++
			}
		case eventSocketFrame:
			frames++
		}
	}
	for id := range 202 {
		if one := entryID(id + 1); entries[one] != 1 || ended[one] != 1 {
			t.Errorf("%s: %d entries, %d ends", one, entries[one], ended[one])
		}
	}
	if frames != 3 {
		t.Errorf("%d frames", frames)
	}
}

func TestBacklogFromTheRecordingBeginsWhereItIsAskedTo(t *testing.T) {
	s, _, all, address := startRecorded(t)
	exchanges(all, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	mark(s)
	p := subscribed(t, address, map[string]any{"filter": "path:/4 or path:/2 or path:/9", "since": 5})
	var got []string
	for _, id := range []int{4, 9} {
		got = append(got, ids(p.expect(eventBatch))...)
		if p.expect(eventUpdate).(map[string]any)["id"] != entryID(id) {
			t.Errorf("no update of %d", id)
		}
	}
	if diff := cmp.Diff([]string{entryID(4), entryID(9)}, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	p.expect(marked)
}
