package main

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/necto-dev/necto/internal/nectest"
)

// mockttpCheck looks closer at what is told of a scenario: among others at what
// Mockttp gets wrong.
type mockttpCheck struct {
	scenario string
	check    func(t *testing.T, events []mockttpEvent)
}

var mockttpChecks = []mockttpCheck{
	{"get through the proxy", func(t *testing.T, events []mockttpEvent) {
		initiated := payloadOf(t, events, "request-initiated")
		checkMember(t, initiated, "protocol", "http")
		checkMember(t, initiated, "path", "/a?b=c")
		checkMember(t, initiated, "headers.x-mixedcase", "v")
		response := payloadOf(t, events, "response")
		checkMember(t, response, "headers.x-dup", []any{"1", "2"})
		checkMember(t, response, "body.buffer", []byte(`{"url":"/a?"}`))
		checkTimes(t, response, "startTimestamp", "bodyReceivedTimestamp", "headersSentTimestamp", "responseSentTimestamp")
	}},
	{"http/2 in a tunnel", func(t *testing.T, events []mockttpEvent) {
		request := payloadOf(t, events, "request")
		checkMember(t, request, "httpVersion", "2.0")
		checkMember(t, request, "headers.:path", "/json")
		checkMember(t, request, "headers.:authority", nectest.OriginHost)
		checkMember(t, payloadOf(t, events, "response"), "headers.:status", "200")
	}},
	{"client leaves inside the answer", func(t *testing.T, events []mockttpEvent) {
		var content []byte
		for _, e := range events {
			if e.name == "response-body-data" {
				content = append(content, e.payload["content"].([]byte)...)
			}
		}
		if string(content) != "partial" { // no text of an error behind it
			t.Errorf("content %q", content)
		}
	}},
	{"origin refuses", func(t *testing.T, events []mockttpEvent) {
		response := payloadOf(t, events, "response")
		checkMember(t, response, "tags", []any{"passthrough-error:ECONNREFUSED"})
		checkMember(t, response, "statusMessage", "Bad Gateway")
		abort := ruleEventOf(t, events, "passthrough-abort")
		checkMember(t, abort, "error.code", "ECONNREFUSED")
		checkMember(t, abort, "tags", []any{"passthrough-error:ECONNREFUSED"}) // not nested
		checkMember(t, abort, "downstreamAborted", false)
	}},
	{"gzip", func(t *testing.T, events []mockttpEvent) {
		checkMember(t, payloadOf(t, events, "response"), "body.decodedBuffer", []byte("hello hello hello"))
	}},
	{"trailers", func(t *testing.T, events []mockttpEvent) {
		checkMember(t, payloadOf(t, events, "request"), "rawTrailers", []any{[]any{"X-Up", "1"}})
		checkMember(t, payloadOf(t, events, "response"), "trailers", map[string]any{"x-t": "tv"})
	}},
	{"mocked answer", func(t *testing.T, events []mockttpEvent) {
		checkMember(t, payloadOf(t, events, "request"), "matchedRuleId", "teapot")
	}},
	{"rule edits both sides", func(t *testing.T, events []mockttpEvent) {
		checkMember(t, payloadOf(t, events, "request"), "body.buffer", []byte("orig"))
		checkMember(t, ruleEventOf(t, events, "passthrough-request-body"), "rawBody", []byte("REPLACED"))
		checkMember(t, ruleEventOf(t, events, "passthrough-response-body"), "rawBody", []byte("answer"))
		checkMember(t, payloadOf(t, events, "response"), "body.buffer", []byte("OTHER"))
		added := slices.ContainsFunc(ruleEventOf(t, events, "passthrough-request-head")["rawHeaders"].([]any), func(v any) bool {
			return cmp.Equal(v, []any{"X-Added", "req"})
		})
		if !added {
			t.Error("what the origin got lacks a field that a rule has set")
		}
	}},
	{"tags in credentials", func(t *testing.T, events []mockttpEvent) {
		for _, e := range events {
			if tags, ok := e.payload["tags"]; ok && !cmp.Equal(tags, []any{"socket-metadata:run-7"}) {
				t.Errorf("%s has the tags %v", e.name, tags)
			}
		}
	}},
	{"content over the limit", func(t *testing.T, events []mockttpEvent) {
		body := payloadOf(t, events, "request")["body"].(map[string]any)
		if n := len(body["buffer"].([]byte)); n != 1<<20 || body["isTruncated"] != true || body["size"] != 1<<20+10.0 {
			t.Errorf("%d bytes, truncated %v, size %v", n, body["isTruncated"], body["size"])
		}
	}},
	{"origin rejects a socket", func(t *testing.T, events []mockttpEvent) {
		checkMember(t, payloadOf(t, events, "response"), "body.buffer", []byte("no"))
	}},
	{"socket echoes and closes", func(t *testing.T, events []mockttpEvent) {
		request := payloadOf(t, events, "websocket-request")
		checkMember(t, request, "protocol", "ws")
		checkMember(t, ruleEventOf(t, events, "passthrough-websocket-connect"), "subprotocols", []any{"chat", "other"})
		closed := payloadOf(t, events, "websocket-close")
		checkMember(t, closed, "closeReason", "bye")
		checkMember(t, closed, "closedBy", "client")
		checkTimes(t, closed, "startTimestamp", "bodyReceivedTimestamp", "wsAcceptedTimestamp", "wsClosedTimestamp")
		if !strings.HasPrefix(request["url"].(string), "ws://") {
			t.Errorf("url %v", request["url"])
		}
	}},
	{"origin closes a socket", func(t *testing.T, events []mockttpEvent) {
		checkMember(t, payloadOf(t, events, "websocket-close"), "closedBy", "upstream")
	}},
	{"client resets the handshake", func(t *testing.T, events []mockttpEvent) {
		failed := payloadOf(t, events, "tls-client-error")
		checkMember(t, failed, "destination", map[string]any{"hostname": nectest.OriginHost, "port": 443.0})
		checkMember(t, failed, "tlsMetadata.sniHostname", nectest.OriginHost)
		checkTimes(t, failed, "connectTimestamp", "tunnelTimestamp", "failureTimestamp")
	}},
	{"client closes behind the handshake", func(t *testing.T, events []mockttpEvent) {
		checkTimes(t, payloadOf(t, events, "tls-client-error"), "connectTimestamp", "tunnelTimestamp", "handshakeTimestamp", "failureTimestamp")
	}},
	{"passthrough", func(t *testing.T, events []mockttpEvent) {
		opened, closed := payloadOf(t, events, "tls-passthrough-opened"), payloadOf(t, events, "tls-passthrough-closed")
		checkMember(t, opened, "id", closed["id"])
		checkMember(t, opened, "tags", []any{})
		checkMember(t, opened, "tlsMetadata.clientAlpn", []any{"http/1.1"})
		checkTimes(t, closed, "connectTimestamp", "tunnelTimestamp", "disconnectTimestamp")
	}},
	{"header that is too large", func(t *testing.T, events []mockttpEvent) {
		failed := payloadOf(t, events, "client-error")
		checkMember(t, failed, "request.url", "http://h.test/")
		checkMember(t, failed, "request.method", "GET")
		checkMember(t, failed, "request.tags", []any{"client-error:HPE_HEADER_OVERFLOW", "header-overflow"})
		checkMember(t, failed, "response.statusCode", 431.0)
	}},
	{"half a head, reset", func(t *testing.T, events []mockttpEvent) {
		failed := payloadOf(t, events, "client-error")
		checkMember(t, failed, "request.protocol", "https")
		checkMember(t, failed, "request.path", "/half")
		checkMember(t, failed, "request.destination", map[string]any{"hostname": nectest.OriginHost, "port": 443.0})
		checkMember(t, failed, "response", "aborted")
	}},
}

func TestMockttpPayloads(t *testing.T) {
	for _, c := range mockttpChecks {
		t.Run(c.scenario, func(t *testing.T) {
			t.Parallel()
			all := allScenarios()
			s := all[slices.IndexFunc(all, func(s mockttpScenario) bool { return s.name == c.scenario })]
			l := newMockttpLab(t, s.options)
			s.run(l)
			l.finish()
			c.check(t, l.events.all())
		})
	}
}

// TestMockttpTellsWhatTheClientGot compares the answers that necto makes up with
// what their clients read.
func TestMockttpTellsWhatTheClientGot(t *testing.T) {
	for name, c := range map[string]struct{ request, event string }{
		"no origin":   {"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", "response"},
		"HEAD":        {"HEAD http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", "response"},
		"bad request": {"GET / HTTP/1.1\r\nbad field\r\n\r\n", "client-error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newMockttpLab(t, mockttpOptions{})
			conn := nectest.Dial(t, l.addr)
			conn.Send(c.request)
			got := conn.ReadAll()
			response := l.events.waitFor(c.event).payload
			if c.event == "client-error" {
				response = response["response"].(map[string]any)
			}
			want := fmt.Sprintf("HTTP/1.1 %v %v\r\n", response["statusCode"], response["statusMessage"])
			for _, field := range response["rawHeaders"].([]any) {
				want += fmt.Sprintf("%v: %v\r\n", field.([]any)[0], field.([]any)[1])
			}
			want += "\r\n" + string(response["body"].(map[string]any)["buffer"].([]byte))
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("answer (-client +event):\n%s", diff)
			}
		})
	}
}

// TestMockttpTagsOfSOCKS has a client that gives its tags to a SOCKS proxy.
func TestMockttpTagsOfSOCKS(t *testing.T) {
	l := newMockttpLab(t, mockttpOptions{})
	user, password := "metadata", base64.RawURLEncoding.EncodeToString([]byte(`{"tags":["run-8"]}`))
	c := nectest.Dial(t, l.addr)
	c.Send("\x05\x01\x02")
	c.ReadN(2)
	c.Send("\x01" + string(rune(len(user))) + user + string(rune(len(password))) + password)
	c.ReadN(2)
	c.Send("\x05\x01\x00\x03\x0bmocked.test\x00\x50")
	c.ReadN(10)
	c.CloseWrite()
	c.ReadAll()
	checkMember(t, l.events.waitFor("raw-passthrough-opened", "request-initiated").payload, "tags", []any{"socket-metadata:run-8"})
}

// TestMockttpMidway has a client that comes when a connection is open already.
func TestMockttpMidway(t *testing.T) {
	l := newMockttpLab(t, mockttpOptions{})
	c := l.dialSocket("ws://" + l.socketOrigin(echoSocket))
	l.say(c, websocket.TextMessage, "before")
	l.events.waitFor("websocket-message-sent")
	late := watchMockttp(t, l.address)
	l.say(c, websocket.TextMessage, "after")
	l.closeSocket(c, websocket.FormatCloseMessage(1000, ""))
	checkMember(t, late.waitFor("websocket-message-received").payload, "content", []byte("after"))
	closed := late.waitFor("websocket-close").payload
	checkMember(t, closed, "streamId", l.events.waitFor("websocket-accepted").payload["id"])
	if n := len(late.all()); n > 4 { // two messages, and the end
		t.Errorf("events of before: %q", steps(late.all()))
	}
}

// payloadOf returns the payload of the first event of that name.
func payloadOf(t *testing.T, events []mockttpEvent, name string) map[string]any {
	t.Helper()
	for _, e := range events {
		if e.name == name {
			return e.payload
		}
	}
	t.Fatalf("no %s among %q", name, steps(events))
	return nil
}

// ruleEventOf returns the data of the first rule-event of that type.
func ruleEventOf(t *testing.T, events []mockttpEvent, eventType string) map[string]any {
	t.Helper()
	for _, e := range events {
		if e.name == "rule-event" && e.payload["eventType"] == eventType {
			return e.payload["eventData"].(map[string]any)
		}
	}
	t.Fatalf("no %s among %q", eventType, steps(events))
	return nil
}

// checkMember compares a member, "a.b" for one inside another.
func checkMember(t *testing.T, payload map[string]any, path string, want any) {
	t.Helper()
	var got any = payload
	for name := range strings.SplitSeq(path, ".") {
		object, _ := got.(map[string]any)
		got = object[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// checkTimes expects these members of timingEvents, in an order that does not run
// backwards, and no others but startTime.
func checkTimes(t *testing.T, payload map[string]any, names ...string) {
	t.Helper()
	timing := payload["timingEvents"].(map[string]any)
	if len(timing) != len(names)+1 {
		t.Errorf("timing %v, want %q", timing, names)
	}
	last := 0.0
	for _, name := range names {
		at, ok := timing[name].(float64)
		if !ok || at < last {
			t.Errorf("%s is %v after %v", name, timing[name], last)
		}
		last = at
	}
}
