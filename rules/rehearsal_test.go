package rules

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// recorded returns an exchange as recordings have it.
func recorded(t testing.TB) *traffic.Exchange {
	t.Helper()
	return &traffic.Exchange{
		ID: 1, Request: request(t, "POST", "https://api.test/orders?a=1", field("Host", "api.test"), field("X-Old", "1")),
		RequestBody:  traffic.BodyOf([]byte(`{"a":1}`)),
		Response:     &traffic.Response{Status: 200, Reason: "OK", Header: traffic.Fields{field("Content-Encoding", "gzip")}},
		ResponseBody: storedBody("gzip", "an answer"), ResponseStarted: 2 * time.Second,
	}
}

// storedBody is content whose coding a recording has undone.
func storedBody(codings, content string) *traffic.Body {
	return traffic.StoredBody(traffic.Stored{Size: 3, Codings: codings, DecodedSize: int64(len(content)), Content: []byte(content)})
}

func TestRehearsals(t *testing.T) {
	text := func(s string) *string { return &s }
	tests := map[string]struct {
		rules string
		want  Rehearsal
	}{
		"nothing": {"rules: [{name: r, match: {path: /other}, tag: t}]", Rehearsal{}},
		"edits, late and early": {
			"rules:\n" +
				"  - {name: req, modify: {request: {method: PUT, url: 'https://b.test/', headers: {remove: [X-Old]}, body: {json: {set: {b: 2}}}}}}\n" +
				"  - {name: slow, delay: {time: 1h}}\n" +
				"  - {name: narrow, throttle: {down: 1B/s, up: 1B/s, latency: 1h}}\n" +
				"  - {name: resp, modify: {response: {status: 202, body: {replace: [{regex: an, with: no}]}}}}\n",
			Rehearsal{
				Applied: []Applied{{"req", "modify"}, {"slow", "delay"}, {"narrow", "throttle"}, {"resp", "modify"}},
				Differences: []Difference{
					{"request.method", text("POST"), text("PUT")},
					{"request.url", text("https://api.test/orders?a=1"), text("https://b.test/")},
					{"request.header.Host", text("api.test"), text("b.test")},
					{"request.header.X-Old", text("1"), nil},
					{"request.body", text(`{"a":1}`), text(`{"a":1,"b":2}`)},
					{"response.status", text("200 OK"), text("202 Accepted")},
					{"response.body", text("an answer"), text("no noswer")},
				},
			},
		},
		"answers": {
			"rules: [{name: mine, mock: {status: 201, headers: {X-A: ['1', '2']}, body: mine, delay: 1h}}]",
			Rehearsal{Applied: []Applied{{"mine", "mock"}}, Differences: []Difference{
				{"response.status", text("200 OK"), text("201 Created")},
				{"response.header.Content-Encoding", text("gzip"), nil},
				{"response.header.X-A", nil, text("1\n2")},
				{"response.header.Content-Type", nil, text("text/plain; charset=utf-8")},
				{"response.body", text("an answer"), text("mine")},
			}},
		},
		"answers that took a time": {
			"rules: [{name: r, match: {when: 'dur>=2s and dur<3s'}, tag: t}]", Rehearsal{Applied: []Applied{{"r", "tag"}}},
		},
		"faults": {
			"rules: [{name: off, fault: {reset: true}}]",
			Rehearsal{Applied: []Applied{{"off", "fault"}}, Differences: []Difference{
				{"failure", nil, text(`connection reset (rule "off")`)},
			}},
		},
		"breakpoints": {
			"breakpoints: [{name: b, on: both, timeout: 0s}]",
			Rehearsal{Held: []Held{{"b", traffic.PhaseRequest}, {"b", traffic.PhaseResponse}}},
		},
		"scripted breakpoints": {
			"breakpoints: [{name: b, on: request, resume: {action: continue, request: {method: PUT}}}]",
			Rehearsal{Held: []Held{{"b", traffic.PhaseRequest}}, Differences: []Difference{{"request.method", text("POST"), text("PUT")}}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				got, err := NewEngine(NewStore(mustParse(t, "version: 1\n"+test.rules)), nil).Rehearse(t.Context(), recorded(t))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&test.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if time.Since(began) != 0 {
					t.Errorf("it took %v", time.Since(began))
				}
			})
		})
	}
}

func TestRehearsalOfAFailure(t *testing.T) {
	x := recorded(t)
	x.Response, x.ResponseBody = nil, nil
	x.Failure = &traffic.Failure{Kind: traffic.FailConnect, Text: "refused"}
	e := NewEngine(NewStore(mustParse(t, "version: 1\nrules: [{name: m, match: {path: /orders}, mock: {body: x}}]")), nil)
	got, err := e.Rehearse(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	refused, status := "refused", "200 OK"
	want := []Difference{{"failure", &refused, nil}, {"response.status", nil, &status}}
	if diff := cmp.Diff(want, got.Differences[:2]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	e = NewEngine(NewStore(nil), nil)
	if got, err := e.Rehearse(t.Context(), x); err != nil || got.Differences != nil {
		t.Errorf("without rules: %+v, %v", got, err)
	}
}

func TestRehearsalOfAConnection(t *testing.T) {
	x := &traffic.Exchange{
		Request:  request(t, "GET", "https://api.test/chat", field("Connection", "Upgrade"), field("Upgrade", "websocket")),
		Response: &traffic.Response{Status: 101}, WS: new(traffic.WebSocket),
	}
	e := NewEngine(NewStore(mustParse(t, "version: 1\n"+
		"rules: [{name: f, frames: [{drop: true}, {on: open, inject: {dir: server-to-client, text: x}}]}]\n"+
		"breakpoints: [{name: b, on: frame}, {name: other, match: {path: /other}, on: frame}]")), nil)
	got, err := e.Rehearse(t.Context(), x)
	want := &Rehearsal{Applied: []Applied{{"f", "frames"}}, Held: []Held{{"b", traffic.PhaseFrame}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
}

func TestRehearsalOfLongContent(t *testing.T) {
	x := recorded(t)
	long := bytes.Repeat([]byte("x"), maxContent+100)
	x.RequestBody = traffic.BodyOf(long)
	e := NewEngine(NewStore(mustParse(t, "version: 1\nrules: [{name: r, modify: {request: {body: {replace: [{regex: x, with: y}]}}}}]")), nil)
	if got, err := e.Rehearse(t.Context(), x); err != nil || got.Differences != nil {
		t.Errorf("got %d differences, error %v", len(got.Differences), err)
	}
}
