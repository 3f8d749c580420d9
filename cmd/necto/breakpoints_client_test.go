package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// hitAPI is an API with one hit. It keeps what it was sent.
type hitAPI struct {
	*httptest.Server
	resumed map[string]any
	token   string
}

func newHitAPI(t *testing.T, hit, body string) *hitAPI {
	t.Helper()
	api := new(hitAPI)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/breakpoints/hits", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"hits":[` + hit + `]}`))
	})
	mux.HandleFunc("GET /api/breakpoints/hits/hit-3", func(w http.ResponseWriter, r *http.Request) {
		api.token = r.Header.Get("Authorization")
		_, _ = w.Write([]byte(hit))
	})
	mux.HandleFunc("GET /api/breakpoints/hits/hit-3/body/{side}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(body))
	})
	mux.HandleFunc("POST /api/breakpoints/hits/hit-3/resume", func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&api.resumed); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"status":404,"detail":"unknown hit"}`))
	})
	api.Server = httptest.NewServer(mux)
	t.Cleanup(api.Close)
	return api
}

func (a *hitAPI) client() *hitClient { return newHitClient(card{URL: a.URL, Token: "secret"}) }

const (
	requestHit = `{"id":"hit-3","breakpointId":"b","type":"request","timestamp":1,"method":"POST","url":"https://api.test/orders",` +
		`"requestHeaders":{"host":"api.test"},"requestBody":"AA==","requestFields":[["Host","api.test"],["Content-Encoding","br"],["X-A","1"]]}`
	responseHit = `{"id":"hit-3","breakpointId":"b","type":"response","timestamp":1,"method":"GET","url":"https://api.test/",` +
		`"status":503,"statusText":"Busy","responseBody":"AA==","responseFields":[["Retry-After","9"]]}`
	frameHit = `{"id":"hit-3","breakpointId":"b","type":"frame","timestamp":1,"method":"GET","url":"https://api.test/",` +
		`"direction":"client-to-server","opcode":1,"data":"aGVsbG8="}`
)

func TestHitsOfTheAPI(t *testing.T) {
	tests := map[string]struct{ hit, body, want string }{
		"request":  {requestHit, "text", "POST https://api.test/orders HTTP/1.1\nHost: api.test\nContent-Encoding: br\nX-A: 1\n\ntext"},
		"response": {responseHit, "busy", "HTTP/1.1 503 Busy\nRetry-After: 9\n\nbusy"},
		"message":  {frameHit, "", "\nhello"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			api := newHitAPI(t, test.hit, test.body)
			hit, err := api.client().get(t.Context(), "/api/breakpoints/hits/hit-3")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(newHitText(hit).render())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if api.token != "Bearer secret" {
				t.Errorf("the token was sent as %q", api.token)
			}
		})
	}
}

func TestResumeThroughTheAPI(t *testing.T) {
	tests := map[string]struct {
		resume traffic.Resume
		want   string
	}{
		"as it is": {traffic.Resume{Action: traffic.ResumeContinue}, `{"action":"continue"}`},
		"edited": {
			traffic.Resume{Action: traffic.ResumeContinue, Request: &traffic.Edit{
				Method: "PUT", URL: "https://b.test/", Set: traffic.Fields{header("X-A", "1"), header("X-A", "2")},
				Remove: []string{"X-Old"}, Body: []byte{}, HasBody: true,
			}},
			`{"action":"continue","modifications":{"request":{"method":"PUT","url":"https://b.test/","headers":{"X-A":["1","2"],"X-Old":null},"body":""}}}`,
		},
		"answered": {
			traffic.Resume{Action: traffic.ResumeMock, Mock: &traffic.Edit{Status: 418, Reason: "Tea"}},
			`{"action":"mock","modifications":{"mock":{"status":418,"statusText":"Tea"}}}`,
		},
		"message": {
			traffic.Resume{Action: traffic.ResumeContinue, Payload: []byte("new")},
			`{"action":"continue","modifications":{"data":"new"}}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			api := newHitAPI(t, requestHit, "")
			if err := api.client().resume(t.Context(), "/api/breakpoints/hits/hit-3", test.resume); err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, api.resumed); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestErrorsOfTheAPI(t *testing.T) {
	api := newHitAPI(t, requestHit, "")
	c := api.client()
	if _, err := c.get(t.Context(), "/api/breakpoints/hits/hit-4"); err == nil || err.Error() != "unknown hit" {
		t.Errorf("got %v", err)
	}
	binary := traffic.Resume{Action: traffic.ResumeContinue, Request: &traffic.Edit{Body: []byte{0xff}, HasBody: true}}
	if err := c.resume(t.Context(), "/api/breakpoints/hits/hit-3", binary); err == nil {
		t.Error("binary content was sent as text")
	}
	if _, err := hitPath("three"); err == nil {
		t.Error("a hit has a number")
	}
}

func TestHitsAreListed(t *testing.T) {
	api := newHitAPI(t, responseHit, "")
	var out bytes.Buffer
	if err := listHits(t.Context(), stdio{out: &out}, api.client(), false); err != nil {
		t.Fatal(err)
	}
	if want := []string{"hit-3", "b", "response", "no timeout", "GET https://api.test/ -> 503"}; !cmp.Equal(want, columns(out.String())) {
		t.Errorf("got %q", columns(out.String()))
	}
	out.Reset()
	if err := listHits(t.Context(), stdio{out: &out}, api.client(), true); err != nil || out.String() != responseHit+"\n" {
		t.Errorf("as JSON: %s, error %v", out.String(), err)
	}
}

// columns splits a line of a table.
func columns(line string) []string {
	var cells []string
	for cell := range strings.SplitSeq(strings.TrimSpace(line), "  ") {
		if cell = strings.TrimSpace(cell); cell != "" {
			cells = append(cells, cell)
		}
	}
	return cells
}

func TestEditingThroughTheAPI(t *testing.T) {
	useEditor(t, `sed -i 's/^POST/PUT/; s/^text$/other/' "$2"`)
	api := newHitAPI(t, requestHit, "text")
	err := resumeHit(t.Context(), stdio{}, api.client(), "/api/breakpoints/hits/hit-3", breakpointsOptions{edit: true})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"action": "continue", "modifications": map[string]any{
		"request": map[string]any{"method": "PUT", "body": "other"},
	}}
	if diff := cmp.Diff(want, api.resumed); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
