package rules

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/necto-dev/necto/traffic"
)

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
