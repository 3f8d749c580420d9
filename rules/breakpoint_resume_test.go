package rules

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/necto-dev/necto/traffic"
)

func TestBothHoldTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: both}]\n")
		done := s.begin(t.Context(), post(t, "x"))
		for id := traffic.HitID(1); id <= 2; id++ {
			synctest.Wait()
			hit, err := s.Hits().Get(id)
			if err != nil || content(hit.RequestBody) != "x" {
				t.Fatalf("hit %d: %+v, error %v", id, hit, err)
			}
			if err := s.Hits().Resume(id, traffic.Resume{Action: traffic.ResumeContinue, By: "api"}); err != nil {
				t.Fatal(err)
			}
		}
		<-done
		wantLines(t, s.told(), "1 hit b request", "1 continue by api", "2 hit b response", "2 continue by api")
	})
}

func TestMockIsNotHeldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: both}]\n"+
			"rules: [{name: marked, modify: {response: {headers: {set: {X-Marked: yes}}}}}]\n")
		done := s.begin(t.Context(), post(t, "x"))
		synctest.Wait()
		mock := &traffic.Edit{Status: 201, Set: traffic.Fields{field("Content-Type", "application/json")}, Body: []byte(`{"mocked":true}`), HasBody: true}
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeMock, Mock: mock, By: "api"}); err != nil {
			t.Fatal(err)
		}
		a := <-done
		if a.err != nil || a.resp.Status != 201 || a.resp.Reason != "Created" || a.body != `{"mocked":true}` || a.resp.Source != traffic.SourceRule {
			t.Errorf("the client got %+v", a)
		}
		if s.sent != nil || a.resp.Header.Get("X-Marked") != "yes" {
			t.Errorf("origin got %v, header %v", s.sent, a.resp.Header)
		}
		wantLines(t, s.told(), "1 hit b request", "1 mock by api", "b: breakpoint", "marked: modify")
	})
}

func TestMockInPlaceOfAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: response}]\n")
		closed := new(closeCounter)
		s.answer = func(*traffic.Request) *traffic.Response {
			closed.Reader = strings.NewReader("real")
			return &traffic.Response{Status: 200, Body: closed, Length: 4}
		}
		done := s.begin(t.Context(), post(t, "x"))
		synctest.Wait()
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeMock, Mock: new(traffic.Edit), By: "api"}); err != nil {
			t.Fatal(err)
		}
		if a := <-done; a.err != nil || a.resp.Status != 200 || a.body != "" || closed.times == 0 {
			t.Errorf("the client got %+v, the origin's body was closed %d times", a, closed.times)
		}
	})
}

// closeCounter is a body that counts how often it was closed.
type closeCounter struct {
	io.Reader
	times int
}

func (c *closeCounter) Close() error { c.times++; return nil }

func TestScriptedResumes(t *testing.T) {
	tests := map[string]struct {
		breakpoint string
		status     int
		body, told string
		failure    string
		sent       string
	}{
		"edits a request": {
			"on: request, resume: {action: continue, request: {method: PUT, headers: {X-Old: null}, body: new}}",
			200, "from the origin", "1 continue by file", "", "new",
		},
		"edits a response": {
			"on: response, resume: {action: continue, response: {status: 418, body: tea}}", 418, "tea", "1 continue by file", "", "order",
		},
		"answers": {
			"on: request, resume: {action: mock, mock: {body: mine}}", 200, "mine", "1 mock by file", "", "",
		},
		"gives up": {
			"on: request, resume: {action: abort}", 0, "", "1 abort by file", `aborted at breakpoint "b"`, "",
		},
		"gives up an answer": {
			"on: response, resume: {action: abort}", 0, "", "1 abort by file", `aborted at breakpoint "b"`, "order",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, "breakpoints: [{name: b, "+test.breakpoint+"}]\n")
				a := <-s.begin(t.Context(), post(t, "order", field("X-Old", "1")))
				if lines := s.told(); len(lines) != 3 || lines[1] != test.told || lines[2] != "b: breakpoint" {
					t.Errorf("told: %v", lines)
				}
				if string(s.sentBody) != test.sent {
					t.Errorf("the origin got %q", s.sentBody)
				}
				if test.failure != "" {
					wantFailure(t, a.err, traffic.FailAborted, test.failure)
					return
				}
				if a.err != nil || a.resp.Status != test.status || a.body != test.body {
					t.Errorf("the client got %+v", a)
				}
			})
		})
	}
}
