package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// mockttpScenario is something that happens, of which a client of /mockttp is
// told.
type mockttpScenario struct {
	name    string
	options mockttpOptions
	run     func(*mockttpLab)
}

// step says in a line what an event tells.
func (e mockttpEvent) step() string {
	p := e.payload
	words := []any{e.name}
	add := func(members ...string) {
		for _, m := range members {
			if v, ok := p[m]; ok {
				words = append(words, v)
			}
		}
	}
	switch e.name {
	case "rule-event":
		add("eventType")
	case "abort":
		if err, ok := p["error"].(map[string]any); ok {
			words = append(words, err["code"])
		}
	case "request-body-data", "response-body-data":
		if p["isEnded"] == true {
			words = append(words, "end")
		}
	case "raw-passthrough-data":
		add("direction")
	default:
		add("statusCode", "failureCause", "closeCode", "errorCode")
	}
	return strings.TrimSuffix(fmt.Sprintln(words...), "\n")
}

// steps returns the steps of events.
func steps(events []mockttpEvent) []string {
	lines := make([]string, len(events))
	for i, e := range events {
		lines[i] = e.step()
	}
	return lines
}

// expected is what is told of a scenario: see scenarios.yaml.
type expected struct {
	Scenario string
	Mockttp  []string
	Necto    []string
	Because  string
}

// want returns what necto is to tell.
func (e *expected) want() []string {
	if e.Necto != nil {
		return e.Necto
	}
	return e.Mockttp
}

// readTestdata reads a file of testdata/mockttp.
func readTestdata(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "mockttp", name))
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// ordered is a list of steps in the parts whose order Mockttp promises: events of
// rules and pieces of content come in between at will, and answers may begin before
// the end of requests.
type ordered struct {
	Main, Request, Rules, Up, Down []string
}

func inOrder(steps []string) ordered {
	var o ordered
	for _, step := range steps {
		switch name, rest, _ := strings.Cut(step, " "); name {
		case "rule-event":
			o.Rules = append(o.Rules, rest)
		case "request-body-data":
			o.Up = []string{"data " + rest}
		case "response-body-data":
			o.Down = []string{"data " + rest}
		case "request":
			o.Request = append(o.Request, step)
		default:
			o.Main = append(o.Main, step)
		}
	}
	return o
}

func allScenarios() []mockttpScenario {
	return slices.Concat(mockttpHTTP, mockttpSockets, mockttpConnections)
}

func TestMockttpScenarios(t *testing.T) {
	var expectations []expected
	readTestdata(t, "scenarios.yaml", &expectations)
	checker, ran := newPayloadChecker(t), 0
	t.Run("all", func(t *testing.T) {
		for _, s := range allScenarios() {
			t.Run(s.name, func(t *testing.T) {
				ran++
				i := slices.IndexFunc(expectations, func(e expected) bool { return e.Scenario == s.name })
				if i < 0 {
					t.Fatal("scenarios.yaml does not have it")
				}
				t.Parallel()
				l := newMockttpLab(t, s.options)
				s.run(l)
				l.finish()
				testScenario(t, l, expectations[i], checker)
			})
		}
	})
	if ran == len(allScenarios()) { // and not only some of them
		checker.reportUnseen(t)
	}
}

// testScenario compares what was told live, and of the recording.
func testScenario(t *testing.T, l *mockttpLab, want expected, checker *payloadChecker) {
	live := l.events.all()
	if diff := cmp.Diff(inOrder(want.want()), inOrder(steps(live))); diff != "" {
		t.Errorf("live (-want +got):\n%s\nall: %q", diff, steps(live))
	}
	checkOrder(t, live)
	checker.check(t, live, false)
	recorded := l.republish()
	wantRecorded := inOrder(recordedSteps(checker, steps(live)))
	if diff := cmp.Diff(wantRecorded, inOrder(recordedSteps(checker, steps(recorded)))); diff != "" {
		t.Errorf("recorded (-live +recorded):\n%s\nall: %q", diff, steps(recorded))
	}
	checkOrder(t, recorded)
	checker.check(t, recorded, true)
}

// recordedSteps returns what a recording can tell of steps.
func recordedSteps(checker *payloadChecker, steps []string) []string {
	var told []string
	for _, step := range steps {
		name, _, _ := strings.Cut(step, " ")
		switch {
		case slices.Contains(checker.Live, name):
		case strings.HasPrefix(step, "abort E_RULE_"):
			told = append(told, "abort E_RULE") // how a rule broke it is not recorded
		default:
			told = append(told, step)
		}
	}
	return told
}

// checkOrder holds events against what Mockttp promises: a request begins with
// request-initiated, ends with one of two events, and nothing comes behind that.
func checkOrder(t *testing.T, events []mockttpEvent) {
	t.Helper()
	byID := map[string][]string{}
	for _, e := range events {
		for _, name := range []string{"id", "streamId", "requestId"} {
			if id, ok := e.payload[name].(string); ok {
				byID[id] = append(byID[id], e.name)
			}
		}
	}
	last := []string{"response", "abort", "websocket-close", "tls-passthrough-closed", "raw-passthrough-closed"}
	for id, names := range byID {
		first := names[0]
		if slices.Contains(names, "request") && first != "request-initiated" {
			t.Errorf("%s begins with %s", id, first)
		}
		ends := slices.IndexFunc(names, func(name string) bool { return slices.Contains(last, name) })
		if ends != len(names)-1 {
			t.Errorf("%s ends with event %d of %q", id, ends+1, names)
		}
	}
}

func TestEveryMockttpScenarioIsTested(t *testing.T) {
	var expectations []expected
	readTestdata(t, "scenarios.yaml", &expectations)
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "mockttp.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range expectations {
		if !slices.ContainsFunc(allScenarios(), func(s mockttpScenario) bool { return s.name == e.Scenario }) {
			t.Errorf("%q of scenarios.yaml is not tested", e.Scenario)
		}
		if (e.Necto == nil) != (e.Because == "") {
			t.Errorf("%q: a difference has a reason, and a reason a difference", e.Scenario)
		}
		if !strings.Contains(strings.ToLower(string(docs)), strings.ToLower(e.Because)) {
			t.Errorf("docs/mockttp.md does not say that %s", e.Because)
		}
	}
}
