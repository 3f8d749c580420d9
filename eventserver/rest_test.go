package eventserver

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// description is openapi.yaml, and which of its operations tests have called.
var description struct {
	sync.Mutex
	once   sync.Once
	doc    *openapi3.T
	router routers.Router
	called map[string]bool
}

// describe reads the description.
func describe(t testing.TB) {
	t.Helper()
	description.once.Do(func() {
		doc, err := openapi3.NewLoader().LoadFromData(openAPI)
		if err != nil {
			t.Fatal(err)
		}
		doc.Servers = nil // any address
		description.doc, description.called = doc, map[string]bool{}
		if description.router, err = legacy.NewRouter(doc); err != nil {
			t.Fatal(err)
		}
	})
	if description.router == nil {
		t.Fatal("openapi.yaml is no description")
	}
}

// api calls a Server, and holds what goes to and fro against its description.
type api struct {
	t       testing.TB
	address string
}

func newAPI(t testing.TB, address string) *api {
	t.Helper()
	describe(t)
	return &api{t: t, address: address}
}

// do sends a request and returns the answer, whose content is in memory.
func (a *api) do(method, path, content string) (*http.Response, []byte) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.address+path, strings.NewReader(content))
	if err != nil {
		a.t.Fatal(err)
	}
	if content != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	route, params, err := description.router.FindRoute(r)
	if err != nil {
		a.t.Fatalf("%s %s is not described: %v", method, path, err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	}
	invalid := openapi3filter.ValidateRequest(a.t.Context(), input)
	r.Body = io.NopCloser(strings.NewReader(content))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if (invalid != nil) && resp.StatusCode < 300 {
		a.t.Errorf("%s %s %s was obeyed, though it is not as described: %v", method, path, content, invalid)
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
	}
	if kind := resp.Header.Get("Content-Type"); strings.Contains(kind, "json") || len(body) == 0 {
		if err := openapi3filter.ValidateResponse(a.t.Context(), answer); err != nil {
			a.t.Errorf("%s %s: the answer is not as described: %v\n%s", method, path, err, body)
		}
	}
	description.Lock()
	defer description.Unlock()
	description.called[route.Operation.OperationID] = true
	return resp, body
}

// call expects a status and returns the JSON of the answer, nil for none.
func (a *api) call(status int, method, path, content string) map[string]any {
	a.t.Helper()
	resp, body := a.do(method, path, content)
	if resp.StatusCode != status {
		a.t.Fatalf("%s %s %s: %s, want %d: %s", method, path, content, resp.Status, status, body)
	}
	if len(body) == 0 {
		return nil
	}
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		a.t.Fatalf("%s %s: %v: %s", method, path, err, body)
	}
	return v
}

// ids returns the ids of the objects in a list.
func ids(list any) []string {
	names := []string{}
	for _, o := range list.([]any) {
		names = append(names, o.(map[string]any)["id"].(string))
	}
	return names
}

func TestListOfTraffic(t *testing.T) {
	s, address := start(t, Options{})
	a := newAPI(t, address)
	for i := range 5 {
		observe(s, traffic.ExchangeID(i+1), "http://"+string(rune('a'+i%2))+".test/", "content")
	}
	s.Observe(traffic.RequestStarted{Exchange: newExchange(6, "http://a.test/pending")})
	other := s.CreateSession("other")
	if _, err := s.ActivateSession(other.ID); err != nil {
		t.Fatal(err)
	}
	observe(s, 7, "http://a.test/other", "")
	seven := other.ID + "-7"
	for _, test := range []struct {
		query string
		want  []string
		next  any
	}{
		{"", []string{seven, entryID(6), entryID(5), entryID(4), entryID(3), entryID(2), entryID(1)}, nil},
		{"?limit=3", []string{seven, entryID(6), entryID(5)}, entryID(5)},
		{"?limit=3&before=" + entryID(5), []string{entryID(4), entryID(3), entryID(2)}, entryID(2)},
		{"?limit=7", []string{seven, entryID(6), entryID(5), entryID(4), entryID(3), entryID(2), entryID(1)}, nil},
		{"?sessionId=" + other.ID, []string{seven}, nil},
		{"?filter=host:b.test", []string{entryID(4), entryID(2)}, nil},
		{"?filter=pending", []string{entryID(6)}, nil},
		{"?filter=body:content&limit=1", []string{entryID(5)}, entryID(5)},
		{"?filter=method:POST", []string{}, nil},
	} {
		t.Run(test.query, func(t *testing.T) {
			got := (&api{t, a.address}).call(200, "GET", "/api/traffic"+test.query, "")
			if diff := cmp.Diff(test.want, ids(got["entries"])); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got["next"] != test.next || got["count"] != float64(len(test.want)) {
				t.Errorf("next %v, want %v; count %v", got["next"], test.next, got["count"])
			}
		})
	}
	for _, query := range []string{
		"?limit=0", "?limit=1001", "?limit=x", "?before=x", "?filter=" + "host:", "?filter=%28",
	} {
		a.call(400, "GET", "/api/traffic"+query, "")
	}
	a.call(404, "GET", "/api/traffic?sessionId=x", "")
}

// TestEntryIsWhatEventsSaid compares an answer with what clients have put together.
func TestEntryIsWhatEventsSaid(t *testing.T) {
	s, address := start(t, Options{})
	a, p := newAPI(t, address), subscribed(t, address, nil)
	x := newExchange(1, "http://a.test/x")
	x.Request.Method = "POST"
	s.Observe(traffic.RequestStarted{Exchange: x})
	x.RequestBody = traffic.BodyOf([]byte("asked"))
	s.Observe(traffic.RequestDone{Exchange: x})
	entry := p.batch()[0]
	if got := a.call(200, "GET", "/api/traffic/"+entryID(1), ""); got["requestBody"] != "YXNrZWQ=" || got["isComplete"] != false {
		t.Errorf("pending: %v", got)
	}
	head := *x
	head.Response = answered(x, 201, "").Response
	s.Observe(traffic.ResponseStarted{Exchange: &head})
	if got := a.call(200, "GET", "/api/traffic/"+entryID(1), ""); got["status"] != 201.0 || got["isComplete"] != false {
		t.Errorf("streaming: %v", got)
	}
	s.Observe(traffic.ExchangeDone{Exchange: answered(x, 201, "answer")})
	for entry["isComplete"] != true {
		maps.Copy(entry, p.expect("traffic:update").(map[string]any))
	}
	entry["requestBody"], entry["responseBody"] = "YXNrZWQ=", "YW5zd2Vy"
	if diff := cmp.Diff(entry, a.call(200, "GET", "/api/traffic/"+entryID(1), "")); diff != "" {
		t.Errorf("events and REST differ (-events +REST):\n%s", diff)
	}
	for _, id := range []string{entryID(2), "x", "x-1", testSession + "-x", "-1"} {
		a.call(404, "GET", "/api/traffic/"+id, "")
	}
	a.call(204, "DELETE", "/api/traffic", "")
	a.call(404, "GET", "/api/traffic/"+entryID(1), "")
	a.call(404, "DELETE", "/api/traffic?sessionId=x", "")
}

func TestBodies(t *testing.T) {
	s, address := start(t, Options{})
	a := newAPI(t, address)
	large := strings.Repeat("<script>alert(1)</script>", 20_000) // in a file
	x := newExchange(1, "http://a.test/")
	s.Observe(traffic.RequestStarted{Exchange: x})
	x.RequestBody = traffic.BodyOf([]byte("\x1f\x8b not gzip"))
	x.Request.Header = append(x.Request.Header, traffic.Field{Name: "Content-Encoding", Value: "gzip"})
	done := answered(x, 200, "")
	done.Response.Header = traffic.Fields{{Name: "Content-Type", Value: "text/html"}}
	done.ResponseBody = traffic.NewBody(-1)
	done.ResponseBody.Append([]byte(large))
	s.Observe(traffic.ExchangeDone{Exchange: done})
	done.ResponseBody.Release() // as the proxy does

	resp, body := a.do("GET", "/api/traffic/"+entryID(1)+"/body/response", "")
	if resp.StatusCode != 200 || string(body) != large {
		t.Errorf("%s, %d bytes, want %d", resp.Status, len(body), len(large))
	}
	want := map[string]string{
		"Content-Type": "text/html", "X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment",
		"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "no-store",
	}
	for name, value := range want {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	entry := a.call(200, "GET", "/api/traffic/"+entryID(1), "")
	if entry["isTruncated"] != true || entry["responseBodyUrl"] != "/api/traffic/"+entryID(1)+"/body/response" {
		t.Errorf("truncated %v, all of it at %v", entry["isTruncated"], entry["responseBodyUrl"])
	}
	s.Observe(traffic.RequestStarted{Exchange: newExchange(2, "http://a.test/")})
	a.call(404, "GET", "/api/traffic/"+entryID(2)+"/body/request", "")
	a.call(404, "GET", "/api/traffic/"+entryID(1)+"/body/other", "")
	a.call(404, "GET", "/api/traffic/"+entryID(3)+"/body/request", "")
}

func TestSessionsThroughREST(t *testing.T) {
	_, address := start(t, Options{})
	a := newAPI(t, address)
	made := a.call(201, "POST", "/api/sessions", `{"name":"login"}`)
	id := made["id"].(string)
	checkMembers(t, made, map[string]any{"name": "login", "isActive": false, "trafficCount": 0.0})
	if got := a.call(201, "POST", "/api/sessions", "")["name"]; got == "" {
		t.Error("a session without a name")
	}
	checkMembers(t, a.call(200, "PATCH", "/api/sessions/"+id, `{"name":"logout"}`), map[string]any{"name": "logout"})
	checkMembers(t, a.call(200, "POST", "/api/sessions/"+id+"/activate", ""), map[string]any{"isActive": true})
	checkMembers(t, a.call(200, "GET", "/api/sessions/"+testSession, ""), map[string]any{"isActive": false})
	a.call(409, "DELETE", "/api/sessions/"+id, "")
	a.call(204, "DELETE", "/api/sessions/"+testSession, "")
	if got := ids(a.call(200, "GET", "/api/sessions", "")["sessions"]); len(got) != 2 || got[0] != id {
		t.Errorf("sessions %v", got)
	}
	for _, r := range [][3]string{
		{"GET", "", ""}, {"PATCH", "", `{"name":"x"}`}, {"DELETE", "", ""}, {"POST", "/activate", ""},
	} {
		a.call(404, r[0], "/api/sessions/"+testSession+r[1], r[2])
	}
	for _, content := range []string{`{"name":""}`, `{`, `{"name":1}`, `{"name":"` + strings.Repeat("x", maxName+1) + `"}`} {
		a.call(400, "PATCH", "/api/sessions/"+id, content)
	}
}

const restRules = `version: 1
rules:
  - {name: first, mock: {status: 404}}
  - {name: "a b ?", match: {method: GET}, block: {status: 403}}
breakpoints:
  - {name: hold, match: {path: /orders}, on: request}
`

func TestRulesThroughREST(t *testing.T) {
	set, err := rules.Parse("rules.yaml", []byte(restRules))
	if err != nil {
		t.Fatal(err)
	}
	_, address := start(t, Options{Rules: rules.NewStore(set)})
	_, without := start(t, Options{})
	a := newAPI(t, address)
	const path = "/api/rules/a%20b%20%3F"
	checkMembers(t, a.call(200, "PATCH", path, `{"enabled":false}`), map[string]any{"id": "a b ?", "enabled": false, "action": "block"})
	checkMembers(t, a.call(200, "GET", path, ""), map[string]any{"enabled": false, "match": map[string]any{"method": "GET"}})
	if got := ids(a.call(200, "POST", "/api/rules/reorder", `{"orderedIds":["a b ?"]}`)["rules"]); !slices.Equal(got, []string{"a b ?", "first"}) {
		t.Errorf("reordered: %v", got)
	}
	if got := ids(a.call(200, "GET", "/api/rules", "")["rules"]); !slices.Equal(got, []string{"a b ?", "first"}) {
		t.Errorf("listed: %v", got)
	}
	a.call(404, "PATCH", "/api/rules/x", `{"enabled":true}`)
	a.call(404, "GET", "/api/rules/x", "")
	a.call(404, "POST", "/api/rules/reorder", `{"orderedIds":["x"]}`)
	a.call(400, "PATCH", path, `{}`)
	a.call(400, "POST", "/api/rules/reorder", `{}`)
	breakpoints := a.call(200, "GET", "/api/breakpoints", "")["breakpoints"].([]any)
	checkMembers(t, breakpoints[0], map[string]any{"name": "hold", "enabled": true, "type": "request", "match": map[string]any{"path": "/orders"}})

	none := newAPI(t, without)
	if got := none.call(200, "GET", "/api/rules", "")["rules"].([]any); len(got) != 0 {
		t.Errorf("rules %v without any", got)
	}
	if got := none.call(200, "GET", "/api/breakpoints", "")["breakpoints"].([]any); len(got) != 0 {
		t.Errorf("breakpoints %v without any", got)
	}
	none.call(409, "PATCH", "/api/rules/x", `{"enabled":true}`)
}

// TestWhatIsNotAPartOfTheAPI is answered as all other errors are.
func TestWhatIsNotAPartOfTheAPI(t *testing.T) {
	_, address := start(t, Options{})
	for _, test := range []struct {
		method, path, kind, content string
		status                      int
	}{
		{"GET", "/", "", "", 404},
		{"GET", "/api/x", "", "", 404},
		{"PUT", "/api/status", "", "", 405},
		{"POST", "/api/sessions", "text/plain", `{"name":"form"}`, 415},
		{"POST", "/api/sessions", "", `{"name":"form"}`, 415},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, address+test.path, strings.NewReader(test.content))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", test.kind)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		checkProblem(t, resp, test.status)
		if test.status == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", test.method, test.path)
		}
		resp.Body.Close()
	}
}
