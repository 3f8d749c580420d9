package mockttp

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestPayloadsOfAnExchange(t *testing.T) {
	m, c := newMapper(t)
	x := newExchange(7, "GET", "https://a.test:8443/p?q")
	x.ClientTags = []string{"mine"}
	x.Tags = []string{"mine", "of a rule"}
	play(m, x, "content")
	request := map[string]any{
		"id": "x7", "protocol": "https", "httpVersion": "1.1", "method": "GET", "url": "https://a.test:8443/p?q", "path": "/p?q",
		"remoteIpAddress": "127.0.0.1", "remotePort": 50312.0,
		"destination": map[string]any{"hostname": "a.test", "port": 8443.0},
		"headers":     map[string]any{"host": "a.test:8443", "x-dup": []any{"1", "2"}},
		"rawHeaders":  []any{[]any{"Host", "a.test:8443"}, []any{"X-Dup", "1"}, []any{"x-dup", "2"}},
		"timingEvents": map[string]any{
			"startTime": 1.79e12, "startTimestamp": 1.79e12, "bodyReceivedTimestamp": 1.79e12 + 1,
		},
		"tags": []any{"socket-metadata:mine"},
		"body": map[string]any{"buffer": "", "size": 0.0}, "rawTrailers": []any{}, "trailers": map[string]any{},
	}
	if diff := cmp.Diff(request, c.payload(Request)); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	response := map[string]any{
		"id": "x7", "statusCode": 200.0, "statusMessage": "OK",
		"headers": map[string]any{"x-a": "1"}, "rawHeaders": []any{[]any{"X-A", "1"}},
		"timingEvents": map[string]any{
			"startTime": 1.79e12, "startTimestamp": 1.79e12, "bodyReceivedTimestamp": 1.79e12 + 1,
			"headersSentTimestamp": 1.79e12 + 5, "responseSentTimestamp": 1.79e12 + 9,
		},
		"tags": []any{"socket-metadata:mine", "of a rule"},
		"body": map[string]any{"buffer": "content", "size": 7.0}, "rawTrailers": []any{}, "trailers": map[string]any{},
	}
	if diff := cmp.Diff(response, c.payload(Response)); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
}

func TestOnlyWhatIsWanted(t *testing.T) {
	m, c := newMapper(t)
	for _, k := range Kinds() {
		if again, ok := ParseKind(k.String()); !ok || again != k {
			t.Errorf("%s is %v", k, again)
		}
	}
	m.Want(SetOf(Response, Abort))
	play(m, newExchange(1, "GET", "http://a.test/"), "content")
	if diff := cmp.Diff([]string{"response"}, c.names()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if m.WantsBodyData() || m.WantsTunnelData() {
		t.Error("pieces are wanted")
	}
	m.Want(SetOf(RequestBodyData, RawPassthroughData))
	if !m.WantsBodyData() || !m.WantsTunnelData() {
		t.Error("pieces are not wanted")
	}
	if _, ok := ParseKind("requests"); ok {
		t.Error("there is an event requests")
	}
}

func TestNothingIsRememberedOfWhatNobodyWants(t *testing.T) {
	m, c := newMapper(t)
	x := newExchange(1, "POST", "http://a.test/")
	m.Observe(traffic.RequestStarted{Exchange: x})
	x.RequestBody, x.RequestDone = spilled(), 0
	m.Observe(traffic.RequestDone{Exchange: x})
	tunnel := &traffic.Tunnel{Target: "a.test:1", Started: began}
	m.Observe(traffic.TunnelOpened{Tunnel: tunnel})
	m.Want(0)
	if len(m.exchanges)+len(m.tunnels)+len(m.late) != 0 {
		t.Error("something is remembered")
	}
	for _, e := range c.take() {
		e.Release()
	}
	x.RequestBody.Release() // the creator's
	if _, err := io.Copy(io.Discard, x.RequestBody.Open()); err == nil {
		t.Error("content is kept")
	}
	m.Observe(traffic.TunnelClosed{Tunnel: tunnel})
	play(m, newExchange(2, "GET", "http://a.test/"), "")
	if names := c.names(); names != nil {
		t.Errorf("published %q", names)
	}
}

// spilled returns a body that is in a file until its last Release.
func spilled() *traffic.Body {
	b := traffic.NewBody(-1)
	b.Append(bytes.Repeat([]byte("x"), 300<<10))
	return b
}

func TestContentIsReadableUntilRelease(t *testing.T) {
	m, c := newMapper(t)
	m.Want(SetOf(Response))
	x := newExchange(1, "GET", "http://a.test/")
	m.Observe(traffic.RequestStarted{Exchange: x})
	answer(x, 200)
	x.ResponseBody = spilled()
	m.Observe(traffic.ExchangeDone{Exchange: x})
	x.ReleaseBodies()
	response := c.payload(Response)["body"].(map[string]any)
	if n := len(response["buffer"].(string)); n != 300<<10 || response["isTruncated"] != nil {
		t.Errorf("%d bytes of content, truncated %v", n, response["isTruncated"])
	}
	if cost := c.events[0].Cost(); cost < 300<<10 {
		t.Errorf("costs %d", cost)
	}
	c.events[0].Release()
	if _, err := io.Copy(io.Discard, x.ResponseBody.Open()); err == nil {
		t.Error("content is kept for ever")
	}
}

func TestPiecesAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newMapper(t)
		x := newExchange(1, "POST", "http://a.test/")
		x.Started = time.Now()
		m.Observe(traffic.RequestStarted{Exchange: x})
		chunk := func(dir traffic.Direction, data string) {
			m.Observe(traffic.BodyChunk{Exchange: x, Dir: dir, Time: time.Now(), Data: []byte(data)})
		}
		chunk(traffic.ClientToServer, "a")
		time.Sleep(5 * time.Millisecond)
		chunk(traffic.ClientToServer, "b")
		time.Sleep(patience)
		synctest.Wait()
		chunk(traffic.ClientToServer, "c")
		x.RequestDone = time.Since(x.Started)
		m.Observe(traffic.RequestDone{Exchange: x})
		time.Sleep(patience)
		synctest.Wait()
		answer(x, 200)
		m.Observe(traffic.ResponseStarted{Exchange: x})
		for range 4 {
			chunk(traffic.ServerToClient, "d")
			time.Sleep(2 * patience)
		}
		x.Duration = time.Since(x.Started)
		m.Observe(traffic.ExchangeDone{Exchange: x})
		want := []string{
			"request-initiated", "request-body-data ab", "request-body-data c end", "request", "response-initiated",
			"response-body-data d", "response-body-data d", "response-body-data d", "response-body-data d",
			"response-body-data  end", "response",
		}
		if diff := cmp.Diff(want, withContent(t, c.take())); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// withContent returns the names of events, those of pieces with the content.
func withContent(t *testing.T, events []*Event) []string {
	var lines []string
	for _, e := range events {
		line := e.Kind.String()
		if e.Kind == RequestBodyData || e.Kind == ResponseBodyData {
			p := decodePayload(t, e)
			line += " " + p["content"].(string)
			if p["isEnded"] == true {
				line += " end"
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestContentThatWasNotToldIsToldAtTheEnd(t *testing.T) {
	m, c := newMapper(t)
	m.Want(SetOf(ResponseBodyData))
	for name, test := range map[string]struct {
		body *traffic.Body
		want []string
	}{
		"at once": {traffic.BodyOf([]byte("all")), []string{"response-body-data all end"}},
		"in pieces": {
			traffic.StoredBody(traffic.Stored{Size: 6, Content: []byte("abcdef"), Chunks: []traffic.Chunk{
				{At: 10 * time.Millisecond, Size: 1}, {At: 15 * time.Millisecond, Size: 2}, {At: 50 * time.Millisecond, Size: 3},
			}}),
			[]string{"response-body-data abc", "response-body-data def end"},
		},
		"decoded": {
			traffic.StoredBody(traffic.Stored{Size: 6, Codings: "gzip", DecodedSize: 7, Content: []byte("decoded"), Chunks: []traffic.Chunk{
				{At: 10 * time.Millisecond, Size: 1}, {At: 50 * time.Millisecond, Size: 5},
			}}),
			[]string{"response-body-data decoded end"},
		},
		"none": {nil, []string{"response-body-data  end"}},
	} {
		x := newExchange(1, "GET", "http://a.test/")
		answer(x, 200)
		x.ResponseBody, x.Duration = test.body, 60*time.Millisecond
		m.Observe(traffic.ExchangeDone{Exchange: x})
		if diff := cmp.Diff(test.want, withContent(t, c.take())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRequestsNameTheirRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newMapper(t)
		m.Want(SetOf(Request, RuleEvent))
		x := newExchange(1, "GET", "http://a.test/")
		x.RequestDone = 0
		m.Observe(traffic.RequestStarted{Exchange: x})
		m.Observe(traffic.RequestDone{Exchange: x})
		if len(c.events) != 0 {
			t.Error("the request does not wait for its rule")
		}
		m.Observe(traffic.RuleApplied{Exchange: x, Time: began, Rule: "first", Action: "tag"})
		m.Observe(traffic.RuleApplied{Exchange: x, Time: began, Rule: "second", Action: "mock"})
		if got := c.payload(Request)["matchedRuleId"]; got != "first" {
			t.Errorf("the rule is %v", got)
		}
		if diff := cmp.Diff([]string{"request", "rule-event", "rule-event"}, c.names()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		slow := newExchange(2, "GET", "http://a.test/")
		slow.RequestDone = 0
		m.Observe(traffic.RequestDone{Exchange: slow})
		time.Sleep(patience)
		synctest.Wait()
		if _, has := c.payload(Request)["matchedRuleId"]; has {
			t.Error("a request has a rule that nobody has applied")
		}
	})
}

func TestClock(t *testing.T) {
	c := clock{zero: time.Now()}
	for want, at := range map[string]time.Time{
		"1.500000":             c.zero.Add(1500 * time.Microsecond),
		"-0.000001":            c.zero.Add(-1),
		"0.000000":             c.zero,
		"1790000000000.000000": began,
	} {
		if got := string(c.appendTimestamp(nil, at)); got != want {
			t.Errorf("%v: got %s, want %s", at, got, want)
		}
	}
}

func TestSubjectsHaveWhatWasAnnounced(t *testing.T) {
	m, c := newMapper(t)
	x := newExchange(1, "GET", "http://a.test/")
	play(m, x, "content")
	for _, e := range c.take() {
		s := e.Subject()
		switch e.Kind {
		case RequestInitiated, Request:
			if !s.Pending || s.Exchange.Response != nil || s.Exchange.Request == nil {
				t.Errorf("%s: %+v", e.Kind, s)
			}
		case ResponseInitiated:
			if !s.Pending || s.Exchange.Response == nil || s.Exchange.ResponseBody != nil {
				t.Errorf("%s: %+v", e.Kind, s)
			}
		case Response:
			if s.Pending || s.Exchange != x || string(e.Content(traffic.ServerToClient)) != "content" || e.Content(traffic.ClientToServer) != nil {
				t.Errorf("%s: %+v", e.Kind, s)
			}
		default:
		}
	}
}
