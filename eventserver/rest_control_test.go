package eventserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// fakeHits is what there is held.
type fakeHits struct {
	held    map[traffic.HitID]*traffic.Hit
	resumed []traffic.Resume
}

func (f *fakeHits) Hits() []*traffic.Hit { return nil }

func (f *fakeHits) Resume(id traffic.HitID, r traffic.Resume) error {
	if f.held[id] == nil {
		return fmt.Errorf("%w %d", rules.ErrUnknownHit, id)
	}
	if len(f.resumed) > 0 {
		return rules.ErrResumed
	}
	f.resumed = append(f.resumed, r)
	return nil
}

func TestHitsThroughREST(t *testing.T) {
	x := newExchange(1, "http://a.test/orders")
	response := answered(x, 200, "")
	hit := &traffic.Hit{
		ID: 3, Exchange: x, Breakpoint: "hold", Phase: traffic.PhaseResponse, Time: testTime, Deadline: testTime,
		Request: x.Request, RequestBody: traffic.BodyOf([]byte("asked")),
		Response: response.Response, ResponseBody: traffic.BodyOf([]byte("answer")),
	}
	held := &fakeHits{held: map[traffic.HitID]*traffic.Hit{3: hit}}
	s, address := start(t, Options{Breakpoints: held})
	a := newAPI(t, address)
	s.Observe(traffic.RequestStarted{Exchange: x})
	s.Observe(traffic.BreakpointHit{Hit: hit})

	if got := ids(a.call(200, "GET", "/api/breakpoints/hits", "")["hits"]); !cmp.Equal(got, []string{"hit-3"}) {
		t.Errorf("hits %v", got)
	}
	checkMembers(t, a.call(200, "GET", "/api/breakpoints/hits/hit-3", ""), map[string]any{
		"trafficId": entryID(1), "type": "response", "requestBody": "YXNrZWQ=", "responseBody": "YW5zd2Vy",
		"requestFields": []any{[]any{"Host", "a.test"}}, "responseFields": []any{[]any{"Content-Type", "text/plain"}},
	})
	for side, want := range map[string]string{"request": "asked", "response": "answer"} {
		if _, body := a.do("GET", "/api/breakpoints/hits/hit-3/body/"+side, ""); string(body) != want {
			t.Errorf("%s: %q", side, body)
		}
	}
	checkMembers(t, a.call(200, "GET", "/api/traffic/"+entryID(1), ""), map[string]any{"isBreakpointed": true})
	checkMembers(t, a.call(200, "GET", "/api/status", ""), map[string]any{"hits": 1.0, "proxy": nil, "sessionId": testSession})
	a.call(400, "POST", "/api/breakpoints/hits/hit-3/resume", `{"action":"brake"}`)
	a.call(400, "POST", "/api/breakpoints/hits/hit-3/resume", `{"modifications":{"response":{"body":{"base64":"?"}}}}`)
	a.call(404, "POST", "/api/breakpoints/hits/hit-4/resume", `{}`)
	a.call(404, "POST", "/api/breakpoints/hits/x/abort", "")
	a.call(404, "GET", "/api/breakpoints/hits/hit-4", "")
	a.call(204, "POST", "/api/breakpoints/hits/hit-3/resume", `{"modifications":{"response":{"status":201,"body":{"base64":"AP8="}}}}`)
	want := []traffic.Resume{{
		Action: traffic.ResumeContinue, By: "api", Response: &traffic.Edit{Status: 201, HasBody: true, Body: []byte{0, 0xff}},
	}}
	if diff := cmp.Diff(want, held.resumed); diff != "" {
		t.Errorf("resumed (-want +got):\n%s", diff)
	}
	a.call(410, "POST", "/api/breakpoints/hits/hit-3/abort", "")
	s.Observe(traffic.BreakpointResumed{Hit: hit})
	a.call(404, "GET", "/api/breakpoints/hits/hit-3/body/request", "")
	checkMembers(t, a.call(200, "GET", "/api/traffic/"+entryID(1), ""), map[string]any{"isBreakpointed": false})

	_, without := start(t, Options{})
	newAPI(t, without).call(409, "POST", "/api/breakpoints/hits/hit-3/abort", "")
}

// fakeFrames is a connection.
type fakeFrames struct{ sent []traffic.Injection }

func (f *fakeFrames) Inject(id traffic.ExchangeID, i traffic.Injection) error {
	if id != 1 {
		return traffic.ErrFramesClosed
	}
	f.sent = append(f.sent, i)
	return nil
}

func TestWebSocketThroughREST(t *testing.T) {
	frames := new(fakeFrames)
	s, address := start(t, Options{Frames: frames})
	a := newAPI(t, address)
	x := newExchange(1, "ws://a.test/")
	s.Observe(traffic.RequestStarted{Exchange: x})
	s.Observe(traffic.WSOpened{Exchange: answered(x, 101, "")})
	const sent = frameItems + 10
	for i := range uint64(sent) {
		s.Observe(traffic.FrameSeen{Frame: &traffic.Frame{
			Exchange: x, Seq: i + 1, Last: testTime, Opcode: traffic.OpText, Fin: true, Payload: []byte("hi"), Size: 2,
		}})
	}
	path := "/api/websocket/" + entryID(1) + "/frames"
	for query, want := range map[string][2]float64{ // the first and the last
		"": {sent - 99, sent}, "?limit=2": {sent - 1, sent}, "?after=12&limit=2": {13, 14}, "?after=0&limit=1": {11, 11},
	} {
		got := a.call(200, "GET", path+query, "")
		list := got["frames"].([]any)
		first, last := list[0].(map[string]any), list[len(list)-1].(map[string]any)
		if first["seq"] != want[0] || last["seq"] != want[1] || got["total"] != float64(sent) || got["lost"] != 10.0 {
			t.Errorf("%s: from %v to %v of %v, %v lost", query, first["seq"], last["seq"], got["total"], got["lost"])
		}
	}
	a.call(400, "GET", path+"?after=x", "")
	a.call(400, "GET", path+"?limit=0", "")
	path = "/api/websocket/" + entryID(1) + "/send"
	a.call(204, "POST", path, `{"direction":"client-to-server","data":"hello"}`)
	a.call(204, "POST", path, `{"direction":"server-to-client","data":"AP8=","isBinary":true}`)
	want := []traffic.Injection{
		{Dir: traffic.ClientToServer, Opcode: traffic.OpText, Payload: []byte("hello")},
		{Dir: traffic.ServerToClient, Opcode: traffic.OpBinary, Payload: []byte{0, 0xff}},
	}
	if diff := cmp.Diff(want, frames.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	for _, content := range []string{
		`{}`, `{"direction":"up","data":""}`, `{"direction":"client-to-server"}`,
		`{"direction":"client-to-server","data":"?","isBinary":true}`,
	} {
		a.call(400, "POST", path, content)
	}
	observe(s, 2, "http://a.test/", "")
	a.call(409, "POST", "/api/websocket/"+entryID(2)+"/send", `{"direction":"client-to-server","data":"x"}`)
	a.call(404, "POST", "/api/websocket/"+entryID(3)+"/send", `{"direction":"client-to-server","data":"x"}`)
	a.call(404, "GET", "/api/websocket/"+entryID(3)+"/frames", "")
	_, without := start(t, Options{})
	newAPI(t, without).call(409, "POST", path, `{"direction":"client-to-server","data":"x"}`)
}

func TestHARThroughREST(t *testing.T) {
	var told []string
	har := func(retell func(traffic.Observer) error) (io.ReadCloser, error) {
		err := retell(observerFunc(func(e traffic.Event) { told = append(told, fmt.Sprintf("%T", e)) }))
		return io.NopCloser(strings.NewReader(`{"log":{}}`)), err
	}
	s, address := start(t, Options{HAR: har})
	a := newAPI(t, address)
	observe(s, 1, "http://a.test/", "")
	observeSocket(s, 2, "ws://a.test/")
	failed := newExchange(3, "http://a.test/")
	s.Observe(traffic.RequestStarted{Exchange: failed})
	failed.Failure = &traffic.Failure{Kind: traffic.FailDNS}
	s.Observe(traffic.ExchangeAborted{Exchange: failed})
	s.Observe(traffic.RequestStarted{Exchange: newExchange(4, "http://a.test/")})
	a.call(200, "GET", "/api/har", "")
	want := []string{
		"traffic.RequestStarted", "traffic.ExchangeDone",
		"traffic.RequestStarted", "traffic.WSOpened", "traffic.FrameSeen", "traffic.WSClosed",
		"traffic.RequestStarted", "traffic.ExchangeAborted",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	told = nil
	a.call(200, "GET", "/api/har?filter=ws", "")
	if diff := cmp.Diff(want[2:6], told); diff != "" {
		t.Errorf("told with a filter (-want +got):\n%s", diff)
	}
	a.call(400, "GET", "/api/har?filter=%28", "")
	_, failing := start(t, Options{HAR: func(func(traffic.Observer) error) (io.ReadCloser, error) { return nil, errors.New("disk full") }})
	newAPI(t, failing).call(500, "GET", "/api/har", "")
	_, without := start(t, Options{})
	newAPI(t, without).call(409, "GET", "/api/har", "")
}

type observerFunc func(traffic.Event)

func (f observerFunc) Observe(e traffic.Event) { f(e) }

func TestHealthMetricsAndDescription(t *testing.T) {
	s, address := start(t, Options{})
	a := newAPI(t, address)
	observe(s, 1, "http://a.test/", "content")
	failed := newExchange(2, "http://a.test/")
	s.Observe(traffic.RequestStarted{Exchange: failed})
	failed.Failure = &traffic.Failure{Kind: traffic.FailDNS}
	s.Observe(traffic.ExchangeAborted{Exchange: failed})
	observeSocket(s, 3, "ws://a.test/")
	s.Observe(traffic.RequestStarted{Exchange: newExchange(4, "http://a.test/")})
	p := dial(t, address)
	p.call("traffic:subscribe", nil)
	checkMembers(t, a.call(200, "GET", "/healthz", ""), map[string]any{"status": "ok", "connectedClients": 1.0})
	_, metrics := a.do("GET", "/metrics", "")
	for _, line := range []string{
		`necto_exchanges_total{status="2xx"} 1`, `necto_exchanges_total{status="none"} 1`, `necto_exchanges_total{status="1xx"} 1`,
		`necto_exchange_failures_total{kind="dns"} 1`, `necto_body_bytes_total{direction="server-to-client"} 7`,
		`necto_websocket_frames_total{direction="client-to-server"} 1`, `necto_exchange_duration_seconds_count 3`,
		`necto_exchanges_running 1`, `necto_event_clients 1`, `necto_events_dropped_total 0`, `necto_breakpoint_hits 0`,
	} {
		if !strings.Contains(string(metrics), line+"\n") {
			t.Errorf("no line %q in\n%s", line, metrics)
		}
	}
	resp, body := a.do("GET", "/api/openapi.yaml", "")
	if resp.StatusCode != http.StatusOK || string(body) != string(openAPI) {
		t.Errorf("%s: %d bytes", resp.Status, len(body))
	}
}

// TestDescriptionIsWhole calls what no other test has called, and holds that the
// description is a valid one.
func TestDescriptionIsWhole(t *testing.T) {
	describe(t)
	if err := description.doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	s, _ := start(t, Options{})
	for path, item := range description.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			url := strings.NewReplacer("{id}", "x", "{side}", "request").Replace(path)
			r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if _, pattern := s.mux.Handler(r); pattern != method+" "+path {
				t.Errorf("%s: %s %s is served by %q", operation.OperationID, method, path, pattern)
			}
		}
	}
}

// TestExchangesAreForgotten bounds what REST looks back on.
func TestExchangesAreForgotten(t *testing.T) {
	s, address := start(t, Options{HistoryItems: 3, HistoryBytes: 1 << 20})
	a := newAPI(t, address)
	socket := newExchange(1, "ws://a.test/")
	s.Observe(traffic.RequestStarted{Exchange: socket})
	s.Observe(traffic.WSOpened{Exchange: answered(socket, 101, "")})
	for i := range 4 {
		observe(s, traffic.ExchangeID(i+2), "http://a.test/", "")
		s.Observe(traffic.FrameSeen{Frame: &traffic.Frame{Exchange: socket, Seq: uint64(i + 1), Opcode: traffic.OpText, Fin: true}})
	}
	want := []string{entryID(5), entryID(4), entryID(3), entryID(1)} // the connection is open still
	if diff := cmp.Diff(want, ids(a.call(200, "GET", "/api/traffic", "")["entries"])); diff != "" {
		t.Errorf("by number (-want +got):\n%s", diff)
	}
	observe(s, 6, "http://a.test/", strings.Repeat("x", 2<<20))
	if diff := cmp.Diff([]string{entryID(6), entryID(1)}, ids(a.call(200, "GET", "/api/traffic", "")["entries"])); diff != "" {
		t.Errorf("by size (-want +got):\n%s", diff)
	}
}
