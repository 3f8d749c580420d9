package rules

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/necto-dev/necto/traffic"
)

// connect opens a connection through the station and returns what decides about
// its messages, nil for nothing.
func (s *station) connect(ctx context.Context, t testing.TB) (context.Context, traffic.FrameFilter) {
	t.Helper()
	s.answer = func(*traffic.Request) *traffic.Response {
		return &traffic.Response{Status: http.StatusSwitchingProtocols}
	}
	req := request(t, "GET", "https://api.test/chat", field("Connection", "Upgrade"), field("Upgrade", "websocket"))
	x := &traffic.Exchange{ID: 1, Request: req}
	ctx, _ = traffic.WithNotes(ctx, x, &s.collect, new(sync.Mutex))
	if _, err := s.Layer(traffic.RoundTripperFunc(s.origin)).RoundTrip(ctx, req); err != nil {
		t.Fatal(err)
	}
	return ctx, s.Frames(ctx, x, nil)
}

func message(text string) *traffic.Frame {
	return &traffic.Frame{Opcode: traffic.OpText, Fin: true, Payload: []byte(text), Size: int64(len(text))}
}

// judge asks about a message in the background.
func judge(ctx context.Context, f traffic.FrameFilter, m *traffic.Frame) <-chan traffic.FrameVerdict {
	done := make(chan traffic.FrameVerdict, 1)
	go func() {
		v, _ := f.Filter(ctx, m)
		done <- v
	}()
	return done
}

const holdMessages = "breakpoints: [{name: b, match: {path: /chat}, on: frame, when: 'dir:client-to-server', timeout: 1s, on_timeout: abort}]\n"

func TestMessagesAreHeld(t *testing.T) {
	tests := map[string]struct {
		resume  traffic.Resume
		drop    bool
		payload string
		told    string
	}{
		"going on":  {traffic.Resume{Action: traffic.ResumeContinue, By: "api"}, false, "", "1 continue by api"},
		"edited":    {traffic.Resume{Action: traffic.ResumeContinue, Payload: []byte("new"), By: "api"}, false, "new", "1 continue by api"},
		"emptied":   {traffic.Resume{Action: traffic.ResumeContinue, Payload: []byte{}, By: "api"}, false, "", "1 continue by api"},
		"given up":  {traffic.Resume{Action: traffic.ResumeAbort, By: "api"}, true, "", "1 abort by api"},
		"timed out": {traffic.Resume{}, true, "", "1 timed out: abort"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStation(t, holdMessages)
				ctx, f := s.connect(t.Context(), t)
				m := message("hello")
				done := judge(ctx, f, m)
				synctest.Wait()
				hit, err := s.Hits().Get(1)
				if err != nil || string(hit.Frame.Payload) != "hello" || hit.Request.URL.Target != "/chat" {
					t.Fatalf("held: %+v, error %v", hit, err)
				}
				m.Payload[0] = 'X' // what is held is a copy
				if test.resume.Action != "" {
					if err := s.Hits().Resume(1, test.resume); err != nil {
						t.Fatal(err)
					}
				}
				v := <-done
				if v.Drop != test.drop || v.Replace != (test.resume.Payload != nil) || string(v.Payload) != test.payload || len(v.Rules) != 1 {
					t.Errorf("verdict: %+v", v)
				}
				if string(hit.Frame.Payload) != "hello" {
					t.Errorf("the hit has changed: %q", hit.Frame.Payload)
				}
				wantLines(t, s.told(), "1 hit b frame", test.told)
			})
		})
	}
}

func TestOtherMessagesPass(t *testing.T) {
	s := newStation(t, holdMessages)
	ctx, f := s.connect(t.Context(), t)
	m := message("hello")
	m.Dir = traffic.ServerToClient
	if v, err := f.Filter(ctx, m); err != nil || v.Drop || v.Replace || v.Rules != nil {
		t.Errorf("verdict %+v, error %v", v, err)
	}
	wantLines(t, s.told())
}

func TestContentOfMessagesIsAskedAbout(t *testing.T) {
	s := newStation(t, "breakpoints: [{name: b, on: frame, when: 'body:secret', resume: {action: abort}}]\n")
	ctx, f := s.connect(t.Context(), t)
	for text, dropped := range map[string]bool{"hello": false, "a secret": true} {
		if v, err := f.Filter(ctx, message(text)); err != nil || v.Drop != dropped {
			t.Errorf("%q: verdict %+v, error %v", text, v, err)
		}
	}
}

func TestOtherConnectionsAreLeftAlone(t *testing.T) {
	s := newStation(t, "breakpoints: [{name: b, match: {path: /other}, on: frame}]\n")
	if _, f := s.connect(t.Context(), t); f != nil {
		t.Errorf("got a filter: %v", f)
	}
}

func TestMessagesAreHeldAsRulesLeaveThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "rules:\n"+
			"  - {name: r, match: {path: /chat}, frames: [{match: {text: drop}, drop: true}, {match: {text: old}, replace: new}]}\n"+
			"breakpoints: [{name: b, on: frame}]\n")
		ctx, f := s.connect(t.Context(), t)
		if v, _ := f.Filter(ctx, message("drop")); !v.Drop {
			t.Errorf("verdict: %+v", v)
		}
		done := judge(ctx, f, message("old"))
		synctest.Wait()
		hit, err := s.Hits().Get(1)
		if err != nil || string(hit.Frame.Payload) != "new" {
			t.Fatalf("held: %+v, error %v", hit, err)
		}
		s.Hits().Close()
		if v := <-done; !v.Replace || string(v.Payload) != "new" || len(v.Rules) != 2 {
			t.Errorf("verdict: %+v", v)
		}
	})
}

func TestScriptedMessages(t *testing.T) {
	tests := map[string]struct {
		resume, want string
		drop         bool
	}{
		"payload": {"{action: continue, payload: edited}", "edited", false},
		"abort":   {"{action: abort}", "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStation(t, "breakpoints: [{name: b, on: frame, resume: "+test.resume+"}]\n")
			ctx, f := s.connect(t.Context(), t)
			if v, err := f.Filter(ctx, message("x")); err != nil || string(v.Payload) != test.want || v.Drop != test.drop {
				t.Errorf("verdict %+v, error %v", v, err)
			}
		})
	}
}

func TestInvalidResumesOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: frame}]\n")
		ctx, f := s.connect(t.Context(), t)
		done := judge(ctx, f, message("x"))
		synctest.Wait()
		for want, r := range map[string]traffic.Resume{
			"a message has no answer: continue or abort it":                 {Action: traffic.ResumeMock, Mock: new(traffic.Edit)},
			"a message is held: the request cannot be edited":               {Action: traffic.ResumeContinue, Request: new(traffic.Edit)},
			"the payload of a text message is UTF-8 (RFC 6455 section 5.6)": {Action: traffic.ResumeContinue, Payload: []byte{0xff}},
		} {
			if err := s.Hits().Resume(1, r); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		s.Hits().Close()
		<-done
	})
}

func TestConnectionThatEndsEndsItsHit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t, "breakpoints: [{name: b, on: frame}]\n")
		ctx, end := context.WithCancel(t.Context())
		ctx, f := s.connect(ctx, t)
		done := judge(ctx, f, message("x"))
		synctest.Wait()
		end()
		<-done
		wantLines(t, s.told(), "1 hit b frame", "1 abort by client")
	})
}
