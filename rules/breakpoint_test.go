package rules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/traffic"
)

// station is an Engine with an origin behind it, and what it tells.
type station struct {
	*Engine
	collect nectest.Collect
	// sent is the last request that came to the origin, sentBody its content; nil
	// for none.
	sent     *traffic.Request
	sentBody []byte
	// answer is the origin's.
	answer func(*traffic.Request) *traffic.Response
	order  sync.Mutex
	last   traffic.ExchangeID // guarded by order
}

// newStation returns the station of a file's breakpoints, written in YAML.
func newStation(t testing.TB, breakpoints string) *station {
	t.Helper()
	set := mustParse(t, "version: 1\n"+breakpoints)
	return &station{
		Engine: NewEngine(NewStore(set), nil),
		answer: func(*traffic.Request) *traffic.Response {
			return newAnswer(200, "", traffic.Fields{field("Content-Type", "text/plain")}, []byte("from the origin"))
		},
	}
}

// ask sends a request through the station.
func (s *station) ask(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
	s.order.Lock()
	s.last++
	x := &traffic.Exchange{ID: s.last, Started: time.Now(), Request: req}
	s.order.Unlock()
	ctx, notes := traffic.WithNotes(ctx, x, &s.collect, &s.order)
	resp, err := s.Layer(traffic.RoundTripperFunc(s.origin)).RoundTrip(ctx, req)
	x.Rules, x.Tags = notes.End()
	return resp, err
}

func (s *station) origin(_ context.Context, req *traffic.Request) (*traffic.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	s.order.Lock()
	defer s.order.Unlock()
	s.sent, s.sentBody = req, body
	return s.answer(req), nil
}

// asked is what became of a request.
type asked struct {
	resp *traffic.Response
	body string
	err  error
}

// begin asks in the background. The channel gets what became of it.
func (s *station) begin(ctx context.Context, req *traffic.Request) <-chan asked {
	done := make(chan asked, 1)
	go func() {
		var a asked
		if a.resp, a.err = s.ask(ctx, req); a.err == nil {
			a.body = readAll(a.resp)
		}
		done <- a
	}()
	return done
}

func readAll(resp *traffic.Response) string {
	if resp.Body == nil {
		return ""
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(p)
}

// told returns what was told of hits, a line each.
func (s *station) told() []string {
	var lines []string
	for _, e := range s.collect.Events() {
		switch e := e.(type) {
		case traffic.BreakpointHit:
			lines = append(lines, fmt.Sprintf("%d hit %s %s", e.ID, e.Breakpoint, e.Phase))
		case traffic.BreakpointResumed:
			lines = append(lines, fmt.Sprintf("%d %s by %s", e.ID, e.Action, e.By))
		case traffic.BreakpointTimedOut:
			lines = append(lines, fmt.Sprintf("%d timed out: %s", e.ID, e.Action))
		case traffic.RuleApplied:
			lines = append(lines, fmt.Sprintf("%s: %s", e.Rule, e.Action))
		default: // of no interest
		}
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// post returns a request with content.
func post(t testing.TB, content string, fields ...traffic.Field) *traffic.Request {
	t.Helper()
	req := request(t, "POST", "https://api.test/orders", append([]traffic.Field{field("Host", "api.test")}, fields...)...)
	req.Body, req.Length = traffic.NewMemoryBody([]byte(content)), int64(len(content))
	return req
}

func wantFailure(t *testing.T, err error, kind traffic.FailureKind, text string) {
	t.Helper()
	var f *traffic.Failure
	if !errors.As(err, &f) || f.Kind != kind || f.Text != text {
		t.Errorf("got error %v, want %s: %s", err, kind, text)
	}
}

const holdRequests = "breakpoints: [{name: b, match: {path: /orders}, on: request}]\n"

func TestRequestGoesOnAsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		done := s.begin(t.Context(), post(t, "old", field("X-Old", "1"), field("X-Kept", "1"), field("Digest", "old's")))
		synctest.Wait()
		hits := s.Hits().Hits()
		if len(hits) != 1 || hits[0].Request.Method != "POST" || content(hits[0].RequestBody) != "old" {
			t.Fatalf("held: %+v", hits)
		}
		if left := time.Until(hits[0].Deadline); left != 30*time.Second {
			t.Errorf("it is held for %v", left)
		}
		edit := &traffic.Edit{
			Method: "PUT", URL: "https://other.test/v2?a=1", Set: traffic.Fields{field("Authorization", "Bearer test")},
			Remove: []string{"x-old"}, Body: []byte("new\x00\xff"), HasBody: true,
		}
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, Request: edit, By: "api"}); err != nil {
			t.Fatal(err)
		}
		if a := <-done; a.err != nil || a.body != "from the origin" {
			t.Errorf("answer: %+v", a)
		}
		want := traffic.Fields{field("Host", "other.test"), field("X-Kept", "1"), field("Authorization", "Bearer test")}
		if s.sent.Method != "PUT" || s.sent.URL.String() != "https://other.test/v2?a=1" || s.sent.Target != "/v2?a=1" ||
			string(s.sentBody) != "new\x00\xff" || s.sent.Length != 5 || !sameHeader(s.sent.Header, want) {
			t.Errorf("the origin got %+v with %q", s.sent, s.sentBody)
		}
		wantLines(t, s.told(), "1 hit b request", "1 continue by api", "b: breakpoint")
	})
}

func sameHeader(a, b traffic.Fields) bool {
	return string(headerText(a)) == string(headerText(b))
}

func headerText(fields traffic.Fields) []byte {
	var text []byte
	for _, f := range fields {
		text = append(text, f.Name+": "+f.Value+"\n"...)
	}
	return text
}

// content returns what a body of a hit holds.
func content(b *traffic.Body) string {
	if b == nil {
		return ""
	}
	p, _ := b.Bytes()
	return string(p)
}

func TestUntouchedRequestPassesAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		req := post(t, "same")
		done := s.begin(t.Context(), req)
		synctest.Wait()
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, By: "api"}); err != nil {
			t.Fatal(err)
		}
		<-done
		if string(s.sentBody) != "same" || !sameHeader(s.sent.Header, req.Header) {
			t.Errorf("the origin got %+v with %q", s.sent, s.sentBody)
		}
		wantLines(t, s.told(), "1 hit b request", "1 continue by api")
	})
}

func TestResponseGoesOnAsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: response, when: 'status:5xx'}]\n")
		s.answer = func(*traffic.Request) *traffic.Response {
			return newAnswer(503, "Busy", traffic.Fields{field("Retry-After", "9"), field("ETag", "x")}, []byte("busy"))
		}
		done := s.begin(t.Context(), post(t, "order"))
		synctest.Wait()
		hit, err := s.Hits().Get(1)
		if err != nil || hit.Response.Status != 503 || content(hit.ResponseBody) != "busy" {
			t.Fatalf("held: %+v, error %v", hit, err)
		}
		edit := &traffic.Edit{Status: 200, Remove: []string{"Retry-After"}, Set: traffic.Fields{field("X-A", "1"), field("X-A", "2")}, Body: []byte("fine"), HasBody: true}
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, Response: edit, By: "api"}); err != nil {
			t.Fatal(err)
		}
		a := <-done
		if a.err != nil || a.resp.Status != 200 || a.resp.Reason != "OK" || a.body != "fine" || a.resp.Length != 4 {
			t.Errorf("the client got %+v", a)
		}
		if got := a.resp.Header.Values("X-A"); len(got) != 2 || a.resp.Header.Has("Retry-After") || a.resp.Header.Has("ETag") {
			t.Errorf("header: %v", a.resp.Header)
		}
	})
}

func TestConditionsDecideWhatIsHeld(t *testing.T) {
	tests := map[string]struct {
		when  string
		phase string
		held  bool
	}{
		"status of another class": {"status:5xx", "response", false},
		"status":                  {"status:200", "response", true},
		"header of the answer":    {"header:x-slow=1", "response", true},
		"duration":                {"dur>1s", "response", true},
		"duration that is less":   {"dur>1m", "response", false},
		"body of the answer":      {"body:origin", "response", true},
		"body of the request":     {"body:order", "request", true},
		"no answer there yet":     {"status:200", "request", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, fmt.Sprintf("breakpoints: [{name: b, on: %s, when: %q}]\n", test.phase, test.when))
				answer := s.answer
				s.answer = func(req *traffic.Request) *traffic.Response {
					time.Sleep(2 * time.Second)
					resp := answer(req)
					resp.Header.Add("X-Slow", "1")
					return resp
				}
				done := s.begin(t.Context(), post(t, "an order"))
				<-done
				if held := len(s.told()) > 0; held != test.held {
					t.Errorf("held: %v", held)
				}
			})
		})
	}
}

func TestHitsEndInTime(t *testing.T) {
	tests := map[string]struct {
		settings string
		after    time.Duration
		failure  string
		told     string
	}{
		"by default":   {"", 30 * time.Second, "", "1 timed out: continue"},
		"as told":      {", timeout: 2s", 2 * time.Second, "", "1 timed out: continue"},
		"giving it up": {", timeout: 2s, on_timeout: abort", 2 * time.Second, `aborted at breakpoint "b": nobody has resumed it in time`, "1 timed out: abort"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, "breakpoints: [{name: b, on: request"+test.settings+"}]\n")
				began := time.Now()
				a := <-s.begin(t.Context(), post(t, "x"))
				if took := time.Since(began); took != test.after {
					t.Errorf("it took %v", took)
				}
				lines := s.told()
				if test.failure != "" {
					wantFailure(t, a.err, traffic.FailAborted, test.failure)
					wantLines(t, lines, "1 hit b request", test.told, "b: breakpoint")
				} else {
					wantLines(t, lines, "1 hit b request", test.told)
				}
				if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue}); !errors.Is(err, ErrResumed) {
					t.Errorf("resuming it afterwards: %v", err)
				}
			})
		})
	}
}

func TestHitWithoutDeadlineWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: request, timeout: 0s}]\n")
		done := s.begin(t.Context(), post(t, "x"))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if hits := s.Hits().Hits(); len(hits) != 1 || !hits[0].Deadline.IsZero() {
			t.Fatalf("held: %v", hits)
		}
		s.Hits().Close()
		<-done
	})
}

func TestClientThatLeavesEndsItsHit(t *testing.T) {
	for _, phase := range []string{"request", "response"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStation(t, "breakpoints: [{name: b, on: "+phase+"}]\n")
			ctx, leave := context.WithCancel(t.Context())
			done := s.begin(ctx, post(t, "x"))
			synctest.Wait()
			leave()
			wantFailure(t, (<-done).err, traffic.FailReset, "the client left while a breakpoint held it")
			wantLines(t, s.told(), "1 hit b "+phase, "1 abort by client")
		})
	}
}

func TestClosingReleasesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		first, second := s.begin(t.Context(), post(t, "1")), s.begin(t.Context(), post(t, "2"))
		synctest.Wait()
		s.Hits().Close()
		for _, done := range []<-chan asked{first, second, s.begin(t.Context(), post(t, "3"))} {
			if a := <-done; a.err != nil || a.body != "from the origin" {
				t.Errorf("answer: %+v", a)
			}
		}
		if told := strings.Join(s.told(), ","); strings.Count(told, "by shutdown") != 2 || strings.Count(told, "hit b") != 2 {
			t.Errorf("told: %s", told)
		}
	})
}

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

func TestBodiesThatCannotBeEdited(t *testing.T) {
	long := strings.Repeat("x", maxContent+10)
	tests := map[string]struct {
		header traffic.Field
		body   string
		shown  int
		fixed  string
	}{
		"too long": {field("Content-Type", "text/plain"), long, maxContent, "body over 8 MiB"},
		"a stream": {field("Content-Type", "text/event-stream; charset=utf-8"), "data: 1\n\n", 0, "the body is a stream"},
		"grpc":     {field("Content-Type", "application/grpc+proto"), "x", 0, "the body is a stream"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, "breakpoints: [{name: b, on: both}]\n")
				s.answer = func(*traffic.Request) *traffic.Response {
					resp := newAnswer(200, "", traffic.Fields{test.header}, []byte(test.body))
					resp.Length = -1
					return resp
				}
				req := post(t, test.body, test.header)
				req.Length = -1
				done := s.begin(t.Context(), req)
				for id := traffic.HitID(1); id <= 2; id++ {
					synctest.Wait()
					hit, err := s.Hits().Get(id)
					if err != nil {
						t.Fatal(err)
					}
					edit := &traffic.Edit{Body: []byte("new"), HasBody: true}
					r := traffic.Resume{Action: traffic.ResumeContinue, Request: edit, By: "api"}
					body := hit.RequestBody
					if id == 2 {
						r.Request, r.Response, body = nil, edit, hit.ResponseBody
					}
					if hit.Fixed != test.fixed || len(content(body)) != test.shown || body != nil && !body.Truncated() {
						t.Errorf("hit %d: fixed %q, %d bytes", id, hit.Fixed, len(content(body)))
					}
					if err := s.Hits().Resume(id, r); err == nil || err.Error() != "the body cannot be edited: "+test.fixed {
						t.Errorf("editing the body: %v", err)
					}
					edit.HasBody = false
					edit.Set = traffic.Fields{field("X-Seen", "1")}
					if err := s.Hits().Resume(id, r); err != nil {
						t.Error(err)
					}
				}
				if a := <-done; a.body != test.body || a.resp.Header.Get("X-Seen") != "1" {
					t.Errorf("%d bytes came back, %v", len(a.body), a.err)
				}
				if string(s.sentBody) != test.body || s.sent.Header.Get("X-Seen") != "1" {
					t.Errorf("the origin got %d bytes", len(s.sentBody))
				}
			})
		})
	}
}

func TestContentCodingIsKept(t *testing.T) {
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		t.Run(name, func(t *testing.T) {
			header := traffic.Fields{field("Content-Encoding", name)}
			raw, err := encode(header, []byte("old content"))
			if err != nil {
				t.Fatal(err)
			}
			h := &holder{body: traffic.NewMemoryBody(raw), header: header}
			body, fixed, whole := h.held()
			if !whole || fixed != "" || content(body) != string(raw) {
				t.Fatalf("held %q, fixed %q, whole %v", content(body), fixed, whole)
			}
			edited := editContent(h, header, &traffic.Edit{Body: []byte("new content"), HasBody: true})
			if got, err := decode(edited.header, edited.raw); err != nil || string(got) != "new content" {
				t.Errorf("got %q, error %v", got, err)
			}
			plain := editContent(h, nil, &traffic.Edit{})
			if string(plain.raw) != "old content" {
				t.Errorf("without its coding: %q", plain.raw)
			}
		})
	}
}

func TestUnknownCodingGoes(t *testing.T) {
	header := traffic.Fields{field("Content-Encoding", "snappy")}
	h := &holder{body: traffic.NewMemoryBody([]byte("?")), header: header}
	if body, fixed, whole := h.held(); content(body) != "?" || fixed != "" || !whole {
		t.Errorf("held %q, fixed %q, whole %v", content(body), fixed, whole)
	}
	edited := editContent(h, header, &traffic.Edit{Body: []byte("new"), HasBody: true})
	if string(edited.raw) != "new" || edited.header.Has("Content-Encoding") {
		t.Errorf("got %q with %v", edited.raw, edited.header)
	}
}

func TestRequestThatBreaksOffIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, holdRequests)
		req := post(t, "")
		gone := errors.New("gone")
		req.Body, req.Length = io.NopCloser(io.MultiReader(bytes.NewReader([]byte("begin")), failedReader{gone})), 100
		if a := <-s.begin(t.Context(), req); !errors.Is(a.err, gone) {
			t.Errorf("got %v", a.err)
		}
		wantLines(t, s.told())
	})
}

func TestAnswersWithoutContent(t *testing.T) {
	tests := map[string]struct {
		method string
		status int
		fixed  string
	}{
		"to HEAD":    {"HEAD", 200, "an answer to HEAD has none"},
		"a part":     {"GET", 206, "the body is a part of one (206)"},
		"no content": {"GET", 204, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, "breakpoints: [{name: b, on: response}]\n")
				s.answer = func(*traffic.Request) *traffic.Response {
					return newAnswer(test.status, "", nil, []byte("part"))
				}
				done := s.begin(t.Context(), request(t, test.method, "https://api.test/"))
				synctest.Wait()
				hit, err := s.Hits().Get(1)
				if err != nil || hit.Fixed != test.fixed {
					t.Fatalf("held: %+v, error %v", hit, err)
				}
				edit := &traffic.Edit{Status: 200, Body: []byte("all"), HasBody: test.fixed == ""}
				if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, Response: edit}); err != nil {
					t.Fatal(err)
				}
				if a := <-done; a.err != nil || a.resp.Status != 200 || edit.HasBody && (a.body != "all" || a.resp.Length != 3) {
					t.Errorf("the client got %+v", a)
				}
			})
		})
	}
}

func TestHandshakeIsHeldWithoutBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: response}]\n")
		s.answer = func(*traffic.Request) *traffic.Response {
			return &traffic.Response{Status: http.StatusSwitchingProtocols, Body: io.NopCloser(strings.NewReader("connection"))}
		}
		done := s.begin(t.Context(), post(t, "x"))
		synctest.Wait()
		edit := &traffic.Edit{Body: []byte("x"), HasBody: true}
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, Response: edit}); err == nil {
			t.Error("the connection was edited")
		}
		edit = &traffic.Edit{Set: traffic.Fields{field("X-Seen", "1")}}
		if err := s.Hits().Resume(1, traffic.Resume{Action: traffic.ResumeContinue, Response: edit}); err != nil {
			t.Error(err)
		}
		if a := <-done; a.body != "connection" || a.resp.Header.Get("X-Seen") != "1" {
			t.Errorf("the client got %+v", a)
		}
	})
}

func BenchmarkNoBreakpointMatches(b *testing.B) {
	s := newStation(b, "breakpoints: [{name: b, match: {path: /other}, on: both}]\n")
	s.answer = func(*traffic.Request) *traffic.Response { return new(traffic.Response) }
	layer := s.Layer(traffic.RoundTripperFunc(func(context.Context, *traffic.Request) (*traffic.Response, error) {
		return &traffic.Response{Status: 200}, nil
	}))
	req := request(b, "GET", "https://api.test/orders")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := layer.RoundTrip(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
