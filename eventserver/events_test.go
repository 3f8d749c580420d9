package eventserver

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestExchangeIsABatchEntryThenAnUpdate(t *testing.T) {
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	x := newExchange(7, "https://api.example.com:8443/users?a=1")
	x.Request.Method = "POST"
	x.Request.Header = append(x.Request.Header,
		traffic.Field{Name: "X-Two", Value: "a"}, traffic.Field{Name: "x-two", Value: "b"})
	x.TLS = &traffic.TLSInfo{Version: "1.3"}
	s.Observe(traffic.RequestStarted{Exchange: x})
	x.RequestBody = traffic.BodyOf([]byte("asked"))
	s.Observe(traffic.RequestDone{Exchange: x})
	s.Observe(traffic.ExchangeDone{Exchange: answered(x, 201, "answer")})

	entries := p.batch()
	if len(entries) != 1 {
		t.Fatalf("got %d entries", len(entries))
	}
	want := map[string]any{
		"id": entryID(7), "sessionId": testSession, "timestamp": float64(testTime.UnixMilli()),
		"method": "POST", "url": "https://api.example.com:8443/users?a=1", "protocol": "https",
		"host": "api.example.com", "path": "/users?a=1",
		"requestHeaders": map[string]any{"host": "api.example.com:8443", "x-two": []any{"a", "b"}},
		"requestBody":    "binary asked", "requestBodySize": 5.0,
		"status": nil, "statusText": nil, "responseHeaders": nil, "responseBody": nil,
		"responseBodySize": nil, "duration": nil, "remoteAddress": "127.0.0.1", "tlsVersion": "TLSv1.3",
		"error": nil, "isComplete": false, "isMocked": false, "isBreakpointed": false, "isTruncated": false,
		"httpVersion": "HTTP/1.1", "conn": 1.0,
	}
	if diff := cmp.Diff(want, entries[0]); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	update := map[string]any{
		"id": entryID(7), "status": 201.0, "statusText": "OK",
		"responseHeaders": map[string]any{"content-type": "text/plain"},
		"responseBody":    "binary answer", "responseBodySize": 6.0,
		"duration": 12.0, "isComplete": true, "error": nil,
	}
	if diff := cmp.Diff(any(update), p.expect("traffic:update")); diff != "" {
		t.Errorf("update (-want +got):\n%s", diff)
	}
}

func TestFailuresHaveTheStatusOfNectoProxy(t *testing.T) {
	tests := []struct {
		name    string
		failure traffic.Failure
		want    map[string]any
	}{
		{"of the origin", traffic.Failure{Kind: traffic.FailDNS, Side: traffic.SideUpstream, Text: "no such host"}, map[string]any{
			"status": 502.0, "statusText": "Bad Gateway", "error": "no such host", "isComplete": true,
			"failure": map[string]any{"kind": "dns", "side": "upstream"},
		}},
		{"of the client", traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideClient, Text: "reset"}, map[string]any{
			"status": 499.0, "statusText": "Client Closed Request", "error": "reset",
		}},
		{"aborted at a breakpoint", traffic.Failure{Kind: traffic.FailAborted, Side: traffic.SideNecto, Text: "given up"}, map[string]any{
			"status": 499.0, "error": "given up",
		}},
	}
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	for i, test := range tests {
		x := newExchange(traffic.ExchangeID(i+1), "http://a.test/")
		s.Observe(traffic.RequestStarted{Exchange: x})
		x.Failure = &test.failure
		s.Observe(traffic.ExchangeAborted{Exchange: x})
		p.batch()
		t.Run(test.name, func(t *testing.T) { checkMembers(t, p.expect("traffic:update"), test.want) })
	}
}

func TestWebSocketConnection(t *testing.T) {
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	x := newExchange(3, "http://chat.example.com:8080/room")
	x.Request.Header.Add("Upgrade", "websocket")
	s.Observe(traffic.RequestStarted{Exchange: x})
	open := answered(x, 101, "")
	open.ResponseBody = nil
	open.WS = &traffic.WebSocket{Subprotocol: "chat"}
	s.Observe(traffic.WSOpened{Exchange: open})
	payload := []byte("hello")
	rules := []string{"drop presence"}
	s.Observe(traffic.FrameSeen{Frame: &traffic.Frame{
		Exchange: open, Seq: 1, Last: testTime, Dir: traffic.ServerToClient, Opcode: traffic.OpText, Fin: true,
		Payload: payload, Size: 5, Length: 5, Dropped: true, Rules: rules,
	}})
	copy(payload, "xxxxx") // it was valid only while it was observed
	rules[0] = "x"
	s.Observe(traffic.WSClosed{Exchange: open, Close: &traffic.WSClose{
		Code: 1006, By: traffic.SideClient, Cause: "reset", Frames: [2]uint64{2, 3}, Duration: time.Second,
	}})

	checkMembers(t, p.batch()[0], map[string]any{"url": "ws://chat.example.com:8080/room", "protocol": "ws"})
	checkMembers(t, p.expect("traffic:update"), map[string]any{"status": 101.0, "isComplete": false})
	ids := func(more map[string]any) map[string]any {
		more["trafficId"], more["id"] = entryID(3), entryID(3)+"-ws"
		return more
	}
	at := float64(testTime.UnixMilli())
	for _, want := range []struct {
		event string
		arg   map[string]any
	}{
		{"websocket:open", ids(map[string]any{
			"url": "ws://chat.example.com:8080/room", "timestamp": at + 12, "sessionId": testSession, "subprotocol": "chat",
		})},
		{"websocket:frame", map[string]any{
			"id": entryID(3) + "-1", "trafficId": entryID(3), "timestamp": at, "direction": "server-to-client",
			"opcode": 1.0, "data": "aGVsbG8=", "isBinary": false, "length": 5.0, "seq": 1.0, "fin": true,
			"dropped": true, "rules": []any{"drop presence"},
		}},
		{"websocket:error", ids(map[string]any{
			"error": "connection ended without a close frame: reset (client)", "timestamp": at + 1000,
		})},
		{"websocket:close", ids(map[string]any{
			"code": 1006.0, "reason": "", "timestamp": at + 1000, "frameCount": 5.0, "frames": []any{2.0, 3.0},
			"by": "client", "cause": "reset",
		})},
	} {
		if diff := cmp.Diff(any(want.arg), p.expect(want.event)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.event, diff)
		}
	}
	checkMembers(t, p.expect("traffic:update"), map[string]any{"isComplete": true, "duration": 1000.0})
}

func TestWebSocketThatDoesNotOpen(t *testing.T) {
	s, address := start(t, Options{})
	p := dial(t, address) // events of connections need no subscription
	x := newExchange(1, "ws://a.test/")
	s.Observe(traffic.RequestStarted{Exchange: x})
	x.Failure = &traffic.Failure{Kind: traffic.FailConnect, Side: traffic.SideUpstream, Text: "refused"}
	s.Observe(traffic.ExchangeAborted{Exchange: x})
	checkMembers(t, p.expect("websocket:error"), map[string]any{"trafficId": entryID(1), "error": "refused"})
}

func TestBreakpointEvents(t *testing.T) {
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	x := newExchange(1, "http://a.test/orders")
	s.Observe(traffic.RequestStarted{Exchange: x})
	hit := &traffic.Hit{
		ID: 9, Exchange: x, Breakpoint: "edit orders", Phase: traffic.PhaseResponse, Time: testTime,
		Deadline: testTime.Add(time.Minute), Request: x.Request, RequestBody: traffic.BodyOf([]byte("in")),
		Response:     &traffic.Response{Status: 200, Reason: "Fine", Header: traffic.Fields{{Name: "A", Value: "b"}}},
		ResponseBody: traffic.BodyOf([]byte("out")),
	}
	s.Observe(traffic.BreakpointHit{Hit: hit})
	s.Observe(traffic.BreakpointResumed{Hit: hit, Resumed: testTime})
	s.Observe(traffic.BreakpointTimedOut{Hit: hit, Resumed: testTime})

	p.batch()
	checkMembers(t, p.expect("traffic:update"), map[string]any{"id": entryID(1), "isBreakpointed": true})
	want := map[string]any{
		"id": "hit-9", "breakpointId": "edit orders", "trafficId": entryID(1), "type": "response",
		"timestamp": float64(testTime.UnixMilli()), "deadline": float64(testTime.UnixMilli() + 60_000),
		"method": "GET", "url": "http://a.test/orders", "requestHeaders": map[string]any{"host": "a.test"},
		"requestBody": "binary in", "status": 200.0, "statusText": "Fine",
		"responseHeaders": map[string]any{"a": "b"}, "responseBody": "binary out",
	}
	if diff := cmp.Diff(any(want), p.expect("breakpoint:hit")); diff != "" {
		t.Errorf("hit (-want +got):\n%s", diff)
	}
	for _, name := range []string{"breakpoint:resumed", "breakpoint:timeout"} {
		checkMembers(t, p.expect("traffic:update"), map[string]any{"isBreakpointed": false})
		if got := p.expect(name); got != "hit-9" {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestLongContentIsCut(t *testing.T) {
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	observe(s, 1, "http://a.test/long", strings.Repeat("x", previewMax+1))
	p.batch()
	update := p.expect("traffic:update")
	checkMembers(t, update, map[string]any{
		"isTruncated": true, "responseBodySize": float64(previewMax + 1),
		"responseBodyUrl": "/api/traffic/" + entryID(1) + "/body/response",
	})
	if body := update.(map[string]any)["responseBody"].(string); len(body) != len("binary ")+previewMax {
		t.Errorf("got %d bytes", len(body))
	}
}

func TestBatchesAreSplitWhereClientsRefuseThem(t *testing.T) {
	s, address := start(t, Options{})
	p := subscribed(t, address, nil)
	const all = 2*segmentEntries + 5
	for id := range traffic.ExchangeID(all) {
		x := newExchange(id+1, "http://a.test/"+strconv.Itoa(int(id)))
		s.Observe(traffic.RequestStarted{Exchange: x})
		if id < segmentEntries { // those of the first segment
			x.RequestBody = traffic.BodyOf([]byte("body"))
			s.Observe(traffic.RequestDone{Exchange: x})
		}
	}
	seen := 0
	for seen < all {
		e, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Attachments) > maxAttachments {
			t.Errorf("%s with %d attachments", e.Name, len(e.Attachments))
		}
		n := strings.Count(string(e.Args[0]), `"sessionId"`)
		if e.Name == eventBatch && n > segmentEntries {
			t.Errorf("a batch of %d", n)
		}
		seen += n
	}
}

func TestUnknownContentCodingIsShownAsItIs(t *testing.T) {
	c := contentOf(traffic.BodyOf([]byte("no gzip at all")))
	p := c.preview(traffic.Fields{{Name: "Content-Encoding", Value: "gzip"}})
	if string(p.data) != "no gzip at all" || p.size != 14 || p.cut {
		t.Errorf("got %q of %d, cut %v", p.data, p.size, p.cut)
	}
}
