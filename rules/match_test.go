package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// request returns a request as clients send it.
func request(t testing.TB, method, target string, fields ...traffic.Field) *traffic.Request {
	t.Helper()
	u, err := traffic.ParseURL(target)
	if err != nil {
		t.Fatal(err)
	}
	return &traffic.Request{Method: method, Target: u.Target, URL: u, Header: fields}
}

func field(name, value string) traffic.Field { return traffic.Field{Name: name, Value: value} }

// one returns the View of a rule with a matcher.
func one(t testing.TB, match string) *View {
	t.Helper()
	return NewStore(mustParse(t, "version: 1\nrules:\n  - {name: r, match: "+match+", tag: t}\n")).View()
}

// applies reports whether the only rule of a View is applied.
func applies(v *View, s *Subject) bool {
	m, ok := v.Next(0, s)
	return ok && (!m.Pending || m.Confirm(s))
}

func TestMatchers(t *testing.T) {
	tests := []struct {
		match string
		want  bool
	}{
		{"{}", true},
		{"{method: post}", true},
		{"{method: [GET, PUT]}", false},
		{"{scheme: https}", true},
		{"{scheme: [http, ws]}", false},
		{"{host: api.example.test}", true},
		{"{host: '*.example.test'}", true},
		{"{host: .example.test}", true},
		{"{host: other.test}", false},
		{"{host: 'api.example.test:8443'}", false},
		{"{url: 'https://api.example.test/users?page=1*'}", true}, // the default port is left out
		{"{url: 'http://*'}", false},
		{"{path: /users}", true},
		{"{path: '/users?page=1'}", false},
		{"{query: {page: '1'}}", true},
		{"{query: {page: ['2', '1']}}", true},
		{"{query: {page: '2'}}", false},
		{"{query: {name: 'Ada L*'}}", true},
		{"{query: {debug: true}}", true},
		{"{query: {debug: false}}", false},
		{"{query: {gone: false}}", true},
		{"{query: {gone: '*'}}", false},
		{"{header: {accept: '*JSON*'}}", true},
		{"{header: {x-gone: true}}", false},
		{"{cookie: {session: abc}}", true},
		{"{cookie: {theme: dark}}", true},
		{"{cookie: {gone: true}}", false},
		{"{body: {contains: Ada}}", true},
		{"{body: {contains: ada}}", false},
		{"{body: {contains: [x, Ada]}}", true},
		{"{body: {regex: 'A[a-d]a'}}", true},
		{"{body: {json: {user.name: 'a*'}}}", true},
		{"{body: {json: {user.id: 3}}}", true},
		{"{body: {json: {user.id: 3.0}}}", true},
		{"{body: {json: {user.id: '3'}}}", false},
		{"{body: {json: {user.admin: false}}}", true},
		{"{body: {json: {user.boss: null}}}", true},
		{"{body: {json: {user.gone: null}}}", false},
		{"{body: {json: {user.tags: [a, b]}}}", true},
		{"{body: {json: {user.tags: a}}}", false},
		{"{body: {json: {'list.#.n': 2}}}", true},
		{"{body: {json: {'list.#.n': 3}}}", false},
		{"{body: {json: {'list.0': {n: 1}}}}", true},
		{"{body: {form: {user: '*'}}}", false},
		{"{body: {graphql: {operation: Get*}}}", true},
		{"{body: {graphql: {operation: Put*}}}", false},
		{"{when: 'host:example and method:POST'}", true},
		{"{when: 'tag:warm'}", true},
		{"{when: 'not tag:warm'}", false},
		{"{when: 'body:Ada'}", true},
		{"{any: [{path: /a}, {path: /users}]}", true},
		{"{any: [{path: /a}, {path: /b}]}", false},
		{"{not: {path: /users}}", false},
		{"{not: {body: {contains: x-x}}}", true},
		{"{any: [{not: {method: GET}}], not: {any: [{path: /a}]}}", true},
	}
	for _, test := range tests {
		s := &Subject{
			Request: request(t, "POST", "https://api.example.test:443/users?page=1&debug&name=Ada+L%C3%B6",
				field("Accept", "text/html, application/json"), field("Cookie", "session=abc; theme=dark"),
				field("Content-Type", "application/json")),
			Tags: []string{"warm"},
			Content: func(traffic.Direction) ([]byte, error) {
				return []byte(`{"user":{"id":3,"name":"Ada","admin":false,"boss":null,"tags":["a","b"]},` +
					`"list":[{"n":1},{"n":2}],"query":"query GetUser { user }"}`), nil
			},
		}
		if got := applies(one(t, test.match), s); got != test.want {
			t.Errorf("%s: got %v", test.match, got)
		}
	}
}

func TestBodiesOfOtherKinds(t *testing.T) {
	form := field("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	tests := map[string]struct {
		match, target, body string
		header              traffic.Field
		want                bool
	}{
		"a form":                    {"{body: {form: {k: 'a b', x: true}}}", "/", "k=a+b&x", form, true},
		"a form of another type":    {"{body: {form: {k: true}}}", "/", "k=a", field("Content-Type", "text/plain"), false},
		"JSON that is none":         {"{body: {json: {a: 1}}}", "/", `{"a":1`, form, false},
		"JSON nested too deep":      {"{body: {json: {a: 1}}}", "/", `{"a":1,"b":` + strings.Repeat("[", maxContent), form, false},
		"an operation too deep":     {"{body: {graphql: {operation: '*'}}}", "/", strings.Repeat("[", maxContent), form, false},
		"no content":                {"{body: {contains: x}}", "/", "", form, false}, // NectoProxy skips the condition
		"an operation by name":      {"{body: {graphql: {operation: B}}}", "/", `{"operationName":"B","query":"query A {a} query B {b}"}`, form, true},
		"a batch":                   {"{body: {graphql: {operation: B}}}", "/", `[{"query":"{a}"},{"query":"mutation B {b}"}]`, form, true},
		"an operation in the query": {"{body: {graphql: {operation: B}}}", "/?query=query+B+%7Bb%7D", "", form, true},
		"an operation without name": {"{body: {graphql: {operation: '*'}}}", "/", `{"query":"{a}"}`, form, false},
	}
	for name, test := range tests {
		s := &Subject{
			Request: request(t, "POST", "http://example.test"+test.target, test.header),
			Content: func(traffic.Direction) ([]byte, error) { return []byte(test.body), nil },
		}
		if got := applies(one(t, test.match), s); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestContentIsAskedForLast(t *testing.T) {
	v := one(t, "{path: /other, body: {contains: x}}")
	s := &Subject{Request: request(t, "GET", "http://example.test/"), Content: func(traffic.Direction) ([]byte, error) {
		t.Error("content was asked for")
		return nil, nil
	}}
	if applies(v, s) {
		t.Error("the rule was applied")
	}
}

func TestRulesWhoseContentIsNotToBeHadAreSkipped(t *testing.T) {
	tooLong := errors.New("body over 8 MiB")
	for _, match := range []string{
		"{body: {contains: x}}", "{not: {body: {contains: x}}}", "{any: [{body: {contains: x}}]}", "{when: 'not body:x'}",
	} {
		var skipped []string
		s := &Subject{
			Request: request(t, "POST", "http://example.test/"),
			Content: func(traffic.Direction) ([]byte, error) { return nil, tooLong },
			Skipped: func(name string, err error) { skipped = append(skipped, fmt.Sprint(name, ": ", err)) },
		}
		if applies(one(t, match), s) {
			t.Errorf("%s: the rule was applied", match)
		}
		if !cmp.Equal(skipped, []string{"r: body over 8 MiB"}) {
			t.Errorf("%s: skipped %q", match, skipped)
		}
	}
}

func TestMatchesThatCount(t *testing.T) {
	tests := map[string]string{
		"{times: 3}":                 "xxx.......",
		"{every: 3}":                 "..x..x..x.",
		"{every: 2, times: 2}":       ".x.x......",
		"{probability: 0}":           "..........",
		"{probability: 1}":           "xxxxxxxxxx",
		"{probability: 1, times: 1}": "x.........",
	}
	for match, want := range tests {
		v := one(t, match)
		var got strings.Builder
		for range 10 {
			got.WriteByte(map[bool]byte{true: 'x', false: '.'}[applies(v, &Subject{Request: request(t, "GET", "http://a.test/")})])
		}
		if got.String() != want {
			t.Errorf("%s: got %s, want %s", match, got.String(), want)
		}
	}
}

func TestProbabilityIsTheSameInEveryRun(t *testing.T) {
	run := func(name string) (decisions string, n int) {
		for i := range uint64(10000) {
			if chosen(name, i+1, 0.2) {
				decisions += "x"
				n++
			} else {
				decisions += "."
			}
		}
		return decisions, n
	}
	first, n := run("flaky")
	again, _ := run("flaky")
	other, _ := run("flaky2")
	if first != again || first == other || n < 1850 || n > 2150 {
		t.Errorf("%d of 10000; same again: %v, same for another rule: %v", n, first == again, first == other)
	}
}

func TestRulesComeInOrderAndSeeEdits(t *testing.T) {
	v := NewStore(mustParse(t, `version: 1
rules:
  - {name: a, match: {host: a.test}, tag: t, enabled: true}
  - {name: any, tag: t}
  - {name: off, tag: t, enabled: false}
  - {name: b, match: {host: [b.test, .c.test]}, tag: t}
  - {name: c, match: {host: .c.test}, tag: t}
  - {name: star, match: {host: "*.test"}, tag: t}
  - {name: glob, match: {host: "no*where*"}, tag: t}
`)).View()
	names := func(target, then string) (got []string) {
		s := &Subject{Request: request(t, "GET", target)}
		for m, ok := v.Next(0, s); ok; m, ok = v.Next(m.Index+1, s) {
			got = append(got, m.Name)
			if then != "" {
				s.Request = request(t, "GET", then)
			}
		}
		return got
	}
	for target, want := range map[string][]string{
		"http://a.test/":   {"a", "any", "star"},
		"http://b.test/":   {"any", "b", "star"},
		"http://c.test/":   {"any", "b", "c", "star"},
		"http://x.c.test/": {"any", "b", "c", "star"},
		"http://other/":    {"any"},
	} {
		if got := names(target, ""); !cmp.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	if got := names("http://a.test/", "http://b.test/"); !cmp.Equal(got, []string{"a", "any", "b", "star"}) {
		t.Errorf("host edited: got %q", got)
	}
}

func TestFramesMatchHandshakesOnly(t *testing.T) {
	v := NewStore(mustParse(t, "version: 1\nrules: [{name: f, match: {url: 'wss://a.test/*'}, frames: [{drop: true}]}]\n")).View()
	plain := &Subject{Request: request(t, "GET", "https://a.test/chat")}
	handshake := &Subject{Request: request(t, "GET", "https://a.test/chat", field("Upgrade", "websocket"))}
	_, first := v.Next(0, plain)
	_, second := v.Next(0, handshake)
	if first || !second {
		t.Errorf("plain request %v, handshake %v", first, second)
	}
}

func TestWhenOfAResponse(t *testing.T) {
	v := NewStore(mustParse(t, `version: 1
rules:
  - {name: bad, match: {when: "status:5xx", times: 1}, modify: {response: {status: 200}}}
`)).View()
	s := &Subject{Request: request(t, "GET", "http://a.test/")}
	for _, step := range []struct {
		status int
		want   bool
	}{{200, false}, {500, true}, {500, false}} {
		m, ok := v.Next(0, s)
		if !ok || !m.Pending {
			t.Fatalf("match %v, pending %v", ok, m.Pending)
		}
		s.Response = &traffic.Response{Status: step.status}
		if got := m.Confirm(s); got != step.want {
			t.Errorf("status %d: confirmed %v", step.status, got)
		}
		s.Response = nil
	}
}

func TestCaptures(t *testing.T) {
	v := one(t, "{any: [{path: '/users/{id}'}, {path: '/posts/{post}'}]}")
	s := &Subject{Request: request(t, "GET", "http://a.test/posts/7?x=1")}
	m, ok := v.Next(0, s)
	if !ok || !cmp.Equal(m.Captures(s), map[string]string{"post": "7"}) {
		t.Errorf("match %v, captures %v", ok, m.Captures(s))
	}
}

func TestFrameMatchers(t *testing.T) {
	tests := []struct {
		match   string
		opcode  traffic.Opcode
		payload string
		want    bool
	}{
		{"{dir: server-to-client}", traffic.OpText, "a", true},
		{"{dir: client-to-server}", traffic.OpText, "a", false},
		{"{opcode: binary}", traffic.OpBinary, "a", true},
		{"{opcode: binary}", traffic.OpText, "a", false},
		{"{text: '*PASS*'}", traffic.OpText, "my password", true},
		{"{text: ['x', '/w.rd$/']}", traffic.OpText, "my password", true},
		{"{text: '*'}", traffic.OpBinary, "a", false},
		{"{json: {type: presence}}", traffic.OpText, `{"type":"presence"}`, true},
		{"{json: {type: presence}}", traffic.OpText, `{"type":"price"}`, false},
		{"{json: {type: presence}}", traffic.OpText, `type presence`, false},
	}
	for _, test := range tests {
		set := mustParse(t, "version: 1\nrules: [{name: f, frames: [{match: "+test.match+", drop: true}]}]\n")
		f := &traffic.Frame{Dir: traffic.ServerToClient, Opcode: test.opcode, Payload: []byte(test.payload)}
		if got := set.Rules()[0].Frames[0].Match.Holds(f); got != test.want {
			t.Errorf("%s, %q: got %v", test.match, test.payload, got)
		}
	}
}

func TestBreakpointsHold(t *testing.T) {
	v := NewStore(mustParse(t, `version: 1
breakpoints:
  - {name: off, on: request, enabled: false}
  - {name: errors, match: {path: /orders}, on: response, when: "status:5xx"}
  - {name: both, match: {path: /orders, times: 2}, on: both}
  - {name: chat, match: {path: /chat}, on: frame, when: "text:secret"}
`)).View()
	order := request(t, "POST", "http://a.test/orders")
	chat := request(t, "GET", "http://a.test/chat")
	steps := []struct {
		phase traffic.Phase
		s     *Subject
		want  string
	}{
		{traffic.PhaseRequest, &Subject{Request: request(t, "GET", "http://a.test/")}, ""},
		{traffic.PhaseRequest, &Subject{Request: order}, "both"},
		{traffic.PhaseResponse, &Subject{Request: order, Response: &traffic.Response{Status: 503}}, "errors"},
		{traffic.PhaseResponse, &Subject{Request: order, Response: &traffic.Response{Status: 200}}, "both"},
		{traffic.PhaseResponse, &Subject{Request: order, Response: &traffic.Response{Status: 200}}, ""},
		{traffic.PhaseFrame, &Subject{Request: chat, Frame: &traffic.Frame{Opcode: traffic.OpText, Payload: []byte("a secret")}}, "chat"},
		{traffic.PhaseFrame, &Subject{Request: chat, Frame: &traffic.Frame{Opcode: traffic.OpText, Payload: []byte("hello")}}, ""},
	}
	for i, step := range steps {
		got := ""
		if b := v.Breakpoint(step.phase, step.s); b != nil {
			got = b.Name
		}
		if got != step.want {
			t.Errorf("step %d, %s: held by %q, want %q", i, step.phase, got, step.want)
		}
	}
	if !v.Breaks(traffic.PhaseFrame, &Subject{Request: chat}) || v.Breaks(traffic.PhaseFrame, &Subject{Request: order}) {
		t.Error("which connections breakpoints may hold frames of")
	}
}
