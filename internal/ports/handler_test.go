package ports

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"
)

// api calls a pool, and holds what goes to and fro against openapi.yaml.
type api struct {
	t      testing.TB
	mux    *http.ServeMux
	router routers.Router
	called map[string]bool
}

func newAPI(s *stage) *api {
	s.t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := doc.Validate(s.t.Context()); err != nil {
		s.t.Error(err)
	}
	doc.Servers = nil // any address
	a := &api{t: s.t, mux: http.NewServeMux(), called: map[string]bool{}}
	if a.router, err = legacy.NewRouter(doc); err != nil {
		s.t.Fatal(err)
	}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			a.called[operation.OperationID] = false
		}
	}
	for pattern, h := range s.Handlers() {
		a.mux.Handle(pattern, h)
	}
	return a
}

// do sends a request and returns the answer.
func (a *api) do(method, path, content string) (int, string) {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, "http://localhost"+path, strings.NewReader(content))
	if content != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	route, params, err := a.router.FindRoute(r)
	if err != nil {
		a.t.Fatalf("%s %s is not described: %v", method, path, err)
	}
	a.called[route.Operation.OperationID] = true
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	}
	invalid := openapi3filter.ValidateRequest(a.t.Context(), input)
	r.Body = io.NopCloser(strings.NewReader(content))
	w := httptest.NewRecorder()
	a.mux.ServeHTTP(w, r)
	body := w.Body.Bytes()
	if invalid != nil && w.Code < 300 && !bytes.Contains(body, []byte(`"error":true`)) {
		a.t.Errorf("%s %s %s was obeyed, though it is not as described: %v", method, path, content, invalid)
	}
	if kind := w.Header().Get("Content-Type"); strings.Contains(kind, "json") || len(body) == 0 {
		answer := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: input, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(body)),
		}
		if err := openapi3filter.ValidateResponse(a.t.Context(), answer); err != nil {
			a.t.Errorf("%s %s: the answer is not as described: %v\n%s", method, path, err, body)
		}
	}
	return w.Code, string(body)
}

// call expects a status, and members of the answer.
func (a *api) call(status int, method, path, content string, members map[string]any) {
	a.t.Helper()
	code, body := a.do(method, path, content)
	if code != status {
		a.t.Errorf("%s %s %s: %d, want %d: %s", method, path, content, code, status, body)
		return
	}
	var got map[string]any
	if body != "" && json.Unmarshal([]byte(body), &got) != nil {
		a.t.Errorf("%s %s: no JSON: %s", method, path, body)
	}
	for name, want := range members {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			a.t.Errorf("%s %s %s: %s (-want +got):\n%s", method, path, content, name, diff)
		}
	}
}

type object = map[string]any

// TestAPI makes each call, well and badly.
func TestAPI(t *testing.T) {
	play(t, twoTargets+threeCandidates, func(s *stage) {
		a := newAPI(s)
		a.call(200, "GET", "/v1/ports", "", object{"start": 60000.0, "count": 10.0, "format": DefaultFormat})
		a.call(200, "GET", "/v1/ports/60000", "", object{
			"binding_type": "target", "binding": "http://a.test/", "address": "127.0.0.1:60000", "Index": 60000.0, "is_online": true, "proxy_id": "",
		})
		a.call(404, "GET", "/v1/ports/60009", "", object{"detail": "port 60009: it is not in use"})
		a.call(400, "GET", "/v1/ports/http", "", nil)

		a.call(200, "POST", "/v1/ports/60002", `{"candidate":"us-1"}`, object{
			"proxy_id": "us-1", "binding_type": "upstream", "binding": "http://us1.test:80", "country_code": "US", "city": "Boston", "public_ip": "192.0.2.1",
		})
		a.call(200, "POST", "/v1/ports/60003", `{"request_id":"x","binding":{"upstream":"http://ann:secret@proxy.test","tags":["a"]}}`, object{
			"binding": "http://proxy.test:80", "tags": []any{"a"},
		})
		a.call(404, "POST", "/v1/ports/60002", `{"candidate":"nobody"}`, nil)
		a.call(400, "POST", "/v1/ports/60002", `{"candidate":"us-1","request_id":"a:b"}`, object{"detail": ErrRequestID.Error()})
		for _, content := range []string{``, `{}`, `{"candidate":"us-1","binding":{}}`, `{"binding":{}}`, `{"binding":{"raw":1}}`, `{"x":1}`, `{`, `{"candidate":"us-1"}{}`} {
			a.call(400, "POST", "/v1/ports/60002", content, nil)
		}
		a.call(400, "POST", "/v1/ports/1", `{"candidate":"us-1"}`, nil)
		s.set("ca1.test:1080", false)
		a.call(502, "POST", "/v1/ports/60004", `{"candidate":"ca-1"}`, object{"detail": "port 60004: dial_failed: connection refused"})
		s.busy["127.0.0.1:60005"] = true
		a.call(409, "POST", "/v1/ports/60005", `{"candidate":"us-1"}`, nil)
		a.call(400, "POST", "/v1/ports/60006", `{"binding":{"replay":"missing.jsonl"}}`, nil)

		a.call(204, "PUT", "/v1/ports/60007/config", `{"labels":{"country":["US","CA"],"city":"Boston"},"refresh":{"max":2},"rotation":"1m"}`, nil)
		a.call(400, "PUT", "/v1/ports/60007/config", `{}`, nil)
		a.call(400, "PUT", "/v1/ports/60011/config", `{"raw":"a:1"}`, nil)
		a.call(200, "POST", "/v1/forward", `{"request_id":"f","ports":[60007,60005],"from":"any","only_free":true}`, object{
			"request_id": "f", "ports": []any{60007.0},
			"errors": []any{object{"port": 60005.0, "code": "port_busy", "detail": "port 60005: port_busy: cannot listen: address already in use"}},
		})
		a.call(200, "POST", "/v1/forward", `{"count":1,"filter":{"country":"US","city":["Boston"]}}`, object{"ports": []any{60004.0}, "errors": []any{}})
		for _, content := range []string{`{"from":"where"}`, `{"count":-1}`, `{"filter":{"a":1}}`, `{"filter":{"a":""}}`, `{"filter":{"a":["x",""]}}`, `{"request_id":"a:b"}`, `[]`} {
			a.call(400, "POST", "/v1/forward", content, nil)
		}
		a.call(200, "POST", "/v1/restore", "", object{"ports": []any{}})
		a.call(204, "DELETE", "/v1/ports/60000", "", nil)
		a.call(404, "DELETE", "/v1/ports/60000", "", nil)
		a.call(400, "DELETE", "/v1/ports/0", "", nil)
		if code, body := a.do("GET", "/v1/openapi.yaml", ""); code != 200 || body != string(openAPI) {
			t.Errorf("the description: %d, %d bytes", code, len(body))
		}
		nineProxy(a, s)
		for operation, called := range a.called {
			if !called {
				t.Errorf("%s was not called", operation)
			}
		}
	})
}

// nineProxy makes 9Proxy's calls, with five ports in use.
func nineProxy(a *api, s *stage) {
	a.t.Helper()
	checked := func(port float64, online bool) any { return object{"port": port, "online": online} }
	a.call(200, "GET", "/api/port_check?ports=60001,60000&t=2", "", object{
		"error": false, "message": "success", "data": []any{checked(60001, true), checked(60000, false)},
	})
	a.call(200, "GET", "/api/port_check?ports=all", "", object{"error": false})
	for _, query := range []string{"", "?ports=1", "?ports=60001,x"} {
		a.call(200, "GET", "/api/port_check"+query, "", object{"error": true})
	}
	s.said()
	a.call(200, "GET", "/api/set_port_range?start_port=60001&port_num=2&t=2", "", object{"error": false, "message": "success"})
	s.expect("the range", "portRemoved 60003", "portRemoved 60004", "portRemoved 60007", "settingPortChange 60001:2")
	for _, query := range []string{"start_port=x&port_num=2", "start_port=60001", "start_port=60001&port_num=0"} {
		a.call(200, "GET", "/api/set_port_range?"+query, "", object{"error": true})
	}
	a.call(200, "GET", "/api/port_status?t=2", "", object{"data": []any{
		object{"address": "127.0.0.1:60001", "city": "", "public_ip": "", "online": true},
		object{"address": "127.0.0.1:60002", "city": "Boston", "public_ip": "192.0.2.1", "online": true},
	}})
	a.call(200, "GET", "/api/port_free?ports=60002", "", object{"error": true, "message": "in use: 60002"})
	a.call(200, "GET", "/api/port_free?ports=60003", "", object{"error": true})
	if err := s.Remove(60001); err != nil {
		a.t.Error(err)
	}
	a.call(200, "GET", "/api/port_free?ports=60001", "", object{"error": false})
	for path, want := range map[string]string{
		"/api/port_check?t=1&ports=60001,60002": "60001 offline\n60002 online\n", "/api/port_free?t=1&ports=60001": "success\n",
		"/api/port_status?t=1": "127.0.0.1:60002 Boston 192.0.2.1 online\n", "/api/port_check?t=1": "ports is missing: all, or ports with commas between them\n",
	} {
		if code, body := a.do("GET", path, ""); code != 200 || body != want {
			a.t.Errorf("%s: %d %q", path, code, body)
		}
	}
}

// TestContentOfRequests refuses what pages of other sites could send without being
// asked, and what is too long.
func TestContentOfRequests(t *testing.T) {
	play(t, "", func(s *stage) {
		a := newAPI(s)
		for kind, content := range map[string]string{"text/plain": "{}", "": "{}", "application/json": strings.Repeat(" ", maxRequest+1)} {
			r := httptest.NewRequestWithContext(s.t.Context(), "POST", "/v1/forward", strings.NewReader(content))
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			a.mux.ServeHTTP(w, r)
			if w.Code != 400 || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%q: %d %s", kind, w.Code, w.Body)
			}
		}
	})
}

// TestStatusCounts tells what has passed a port.
func TestStatusCounts(t *testing.T) {
	play(t, onePort, func(s *stage) {
		a, b := net.Pipe()
		defer b.Close()
		c := s.listener(60000).route.Accepted(a)
		go func() { _, _ = io.WriteString(b, "12345"); _, _ = io.ReadFull(b, make([]byte, 3)) }()
		_, _ = io.ReadFull(c, make([]byte, 5))
		_, _ = c.Write([]byte("123"))
		newAPI(s).call(200, "GET", "/v1/ports/60000", "", object{
			"streams": 1.0, "count_refresh": 0.0, "last_refresh": 0.0,
			"bw": object{"id": "60000", "session_time": 0.0, "bytes_write": 5.0, "bytes_read": 3.0},
		})
		c.Close()
	})
}
