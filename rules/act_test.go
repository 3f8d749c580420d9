package rules

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/traffic"
)

// road is a station with rules from a file, and what it logs.
type road struct {
	*station
	dir  string
	log  nectest.Buffer
	fail error    // what the network comes to, nil for the origin
	tags []string // of the last exchange
}

// ask sends a request along the road.
func (r *road) ask(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	x := &traffic.Exchange{ID: 1, Started: time.Now(), Request: req}
	ctx, notes := traffic.WithNotes(ctx, x, &r.collect, &r.order)
	next := r.origin
	if r.fail != nil {
		next = func(context.Context, *traffic.Request) (*traffic.Response, error) { return nil, r.fail }
	}
	resp, err := r.Layer(traffic.RoundTripperFunc(next)).RoundTrip(ctx, req)
	_, r.tags = notes.End()
	return resp, err
}

// newRoad returns a road with rules in YAML and, by name, files beside them.
func newRoad(t testing.TB, rules string, files map[string]string) *road {
	t.Helper()
	r := &road{station: newStation(t, ""), dir: t.TempDir()}
	path := filepath.Join(r.dir, "rules.yaml")
	files["rules.yaml"] = "version: 1\nrules:\n" + rules
	for name, text := range files {
		full := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Engine = NewEngine(NewStore(set), r.log.Logger())
	return r
}

// get asks for a URL.
func (r *road) get(t testing.TB, target string, fields ...traffic.Field) (*traffic.Response, string) {
	t.Helper()
	return r.do(t, request(t, "GET", target, fields...))
}

// do asks, and returns the answer and its content.
func (r *road) do(t testing.TB, req *traffic.Request) (*traffic.Response, string) {
	t.Helper()
	resp, err := r.ask(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp, readAll(resp)
}

// applied returns the rules that were told as applied, in order.
func (r *road) applied() []string {
	var names []string
	for _, e := range r.collect.Events() {
		if a, ok := e.(traffic.RuleApplied); ok {
			names = append(names, a.Rule)
		}
	}
	return names
}

// answering lets the origin answer with a status, fields and content.
func (r *road) answering(status int, content string, fields ...traffic.Field) {
	r.answer = func(*traffic.Request) *traffic.Response {
		return newAnswer(status, "", append(traffic.Fields{}, fields...), []byte(content))
	}
}

// TestRulesApplyInOrder holds what NectoProxy promised and did not keep: edits
// compose, each seeing what the one before made.
func TestRulesApplyInOrder(t *testing.T) {
	tests := map[string]struct {
		rules   string
		method  string
		url     string
		header  []string // fields that the origin gets
		missing []string // and does not get
		applied []string
	}{
		"edits of one field": {
			rules:  "- {name: a, modify: {request: {headers: {set: {X-A: one}, add: {X-B: b}}}}}\n- {name: b, match: {header: {X-A: one}}, modify: {request: {headers: {set: {X-A: two}}}}}\n",
			header: []string{"X-A: two", "X-B: b"}, applied: []string{"a", "b"},
		},
		"removal": {
			rules:   "- {name: a, modify: {request: {headers: {remove: [X-Old, cookie]}}}}\n",
			missing: []string{"X-Old", "Cookie"}, applied: []string{"a"},
		},
		"an edit behind another origin": {
			rules:  "- {name: a, map_remote: {url: 'https://b.example/base/'}}\n- {name: b, match: {host: b.example}, modify: {request: {query: {set: {n: '1 2'}}}}}\n",
			url:    "https://b.example/base/p%2Fq?x=1&n=1+2",
			header: []string{"Host: b.example"}, applied: []string{"a", "b"},
		},
		"a rule that no longer matches": {
			rules: "- {name: a, modify: {request: {path: /other}}}\n- {name: b, match: {path: '/p%2Fq'}, modify: {request: {path: /never}}}\n",
			url:   "http://a.example/other?x=1", applied: []string{"a"},
		},
		"path and query kept or not": {
			rules: "- {name: a, map_remote: {url: 'http://b.example:81/new?k=v', keep_path: false}}\n",
			url:   "http://b.example:81/new?k=v&x=1", header: []string{"Host: b.example:81"}, applied: []string{"a"},
		},
		"nothing kept but Host": {
			rules: "- {name: a, map_remote: {url: 'http://b.example/new', keep_path: false, keep_query: false, keep_host: true}}\n",
			url:   "http://b.example/new", header: []string{"Host: a.example"}, applied: []string{"a"},
		},
		"a whole URL": {
			rules: "- {name: a, modify: {request: {url: 'https://b.example/x?y', method: PUT}}}\n",
			url:   "https://b.example/x?y", method: "PUT", header: []string{"Host: b.example"}, applied: []string{"a"},
		},
		"scheme and host": {
			rules: "- {name: a, modify: {request: {scheme: https, host: 'b.example:444'}}}\n",
			url:   "https://b.example:444/p%2Fq?x=1", applied: []string{"a"},
		},
		"query parameters, byte for byte where nobody names them": {
			rules: "- {name: a, modify: {request: {query: {remove: x, set: {l: [a, b&c]}}}}}\n",
			url:   "http://a.example/p%2Fq?l=a&l=b%26c", applied: []string{"a"},
		},
		"turned off": {rules: "- {name: a, enabled: false, modify: {request: {path: /no}}}\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, test.rules, map[string]string{})
			req := request(t, "GET", "http://a.example/p%2Fq?x=1", field("Host", "a.example"), field("X-Old", "1"), field("Cookie", "a=b"))
			before := *req.Clone()
			r.do(t, req)
			if test.url == "" {
				test.url = "http://a.example/p%2Fq?x=1"
			}
			if got := r.sent.URL.String(); got != test.url || r.sent.Target != r.sent.URL.Target {
				t.Errorf("sent to %s (target %s), want %s", got, r.sent.Target, test.url)
			}
			if test.method != "" && r.sent.Method != test.method {
				t.Errorf("method %s", r.sent.Method)
			}
			for _, want := range test.header {
				name, value, _ := strings.Cut(want, ": ")
				if got := r.sent.Header.Get(name); got != value {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
			for _, name := range test.missing {
				if r.sent.Header.Has(name) {
					t.Errorf("%s is still there", name)
				}
			}
			if diff := cmp.Diff(test.applied, r.applied()); diff != "" {
				t.Errorf("applied: %s", diff)
			}
			if !sameHeader(before.Header, req.Header) || req.URL != before.URL {
				t.Error("the client's request was changed")
			}
		})
	}
}

func TestTheFirstAnswerEndsTheRules(t *testing.T) {
	r := newRoad(t, `
  - {name: before, modify: {response: {headers: {set: {X-Before: "1"}}}}}
  - {name: answers, mock: {body: mocked}}
  - {name: behind, modify: {response: {headers: {set: {X-Behind: "1"}}}}}
  - {name: blocks, block: {status: 403}}
`, map[string]string{})
	resp, body := r.get(t, "http://a.example/")
	if body != "mocked" || resp.Header.Get("X-Before") != "1" || resp.Header.Has("X-Behind") || r.sent != nil {
		t.Errorf("%q, %v", body, resp.Header)
	}
	if resp.Source != traffic.SourceRule {
		t.Errorf("source %q", resp.Source)
	}
	if diff := cmp.Diff([]string{"answers", "before"}, r.applied()); diff != "" {
		t.Error(diff)
	}
}

func TestAnUntouchedExchangePassesAsItIs(t *testing.T) {
	r := newRoad(t, "- {name: a, match: {path: /other}, mock: {}}\n", map[string]string{})
	req := request(t, "GET", "http://a.example/")
	answer := newAnswer(200, "", nil, []byte("x"))
	r.answer = func(*traffic.Request) *traffic.Response { return answer }
	resp, err := r.ask(t.Context(), req)
	if err != nil || resp != answer || r.sent != req {
		t.Errorf("another request or answer: %v", err)
	}
}

func TestRequestsThatGoInCircles(t *testing.T) {
	r := newRoad(t, `
  - {name: there, match: {host: a.example}, map_remote: {url: "http://b.example"}}
  - {name: back, match: {host: b.example}, map_remote: {url: "http://a.example"}}
`, map[string]string{})
	for range 3 {
		r.get(t, "http://a.example/x")
		if r.sent.URL.Authority != "b.example" {
			t.Errorf("sent to %s", r.sent.URL)
		}
	}
	text := r.log.String()
	if n := strings.Count(text, "rule skipped"); n != 1 {
		t.Errorf("told %d times, want once", n)
	}
	for _, want := range []string{"rule=back", "rules.yaml:5:5", "back to a.example", `rule \"there\"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told: %s", want, text)
		}
	}
}

func TestARuleThatLeadsToNectoIsNamed(t *testing.T) {
	r := newRoad(t, "- {name: home, map_remote: {url: 'http://127.0.0.1:1'}}\n", map[string]string{})
	loop := &traffic.Failure{Kind: traffic.FailLoop, Side: traffic.SideUpstream, Text: "the target is necto itself"}
	r.fail = loop
	_, err := r.ask(t.Context(), request(t, "GET", "http://a.example/"))
	wantFailure(t, err, traffic.FailLoop, `rule "home" (`+filepath.Join(r.dir, "rules.yaml")+`:3:3) sends the request to necto itself: the target is necto itself`)
}

func TestTags(t *testing.T) {
	r := newRoad(t, `
  - {name: always, match: {path: "/v/{id}"}, tag: [a, "{{.Path.id}}-{{.Count}}", "{{.JSON.user.name}}"]}
  - {name: moves, modify: {request: {path: /elsewhere}}}
  - {name: failures, match: {when: "status:5xx"}, tag: bad}
`, map[string]string{})
	r.answering(500, "")
	req := post(t, `{"user":{"name":"Ada"}}`)
	req.URL.Target = "/v/7"
	if _, err := r.ask(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "7-1", "Ada", "bad"}, r.tags); diff != "" {
		t.Error(diff)
	}
}

func TestRulesSeeTheTagsOfThoseBefore(t *testing.T) {
	r := newRoad(t, `
  - {name: mark, match: {path: /warm}, tag: warmup}
  - {name: mine, match: {when: "not tag:warmup"}, mock: {body: mine}}
`, map[string]string{})
	for path, want := range map[string]string{"/warm": "from the origin", "/": "mine"} {
		if _, got := r.get(t, "http://a.example"+path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// TestLeavingTheHostIsTold once for each rule: files may come from strangers.
func TestLeavingTheHostIsTold(t *testing.T) {
	r := newRoad(t, `
  - {name: stay, match: {path: /stay}, map_remote: {url: 'https://A.example:8443'}}
  - {name: leave, match: {path: /leave}, map_remote: {url: 'http://b.example'}}
  - {name: edit, match: {path: /edit}, modify: {request: {host: c.example}}}
`, map[string]string{})
	for range 2 {
		for _, path := range []string{"/stay", "/leave", "/edit"} {
			r.get(t, "http://a.example"+path)
		}
	}
	log := r.log.String()
	if n := strings.Count(log, "another host"); n != 2 || strings.Contains(log, "rule=stay") ||
		!strings.Contains(log, "rule=leave") || !strings.Contains(log, "from=a.example to=c.example") {
		t.Errorf("told %s", log)
	}
}
