package proxy_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestNotes has layers say what they did, at once and while bodies pass.
func TestNotes(t *testing.T) {
	var late *traffic.Notes
	noting := layer(func(ctx context.Context, req *traffic.Request, next traffic.RoundTripper) (*traffic.Response, error) {
		late = traffic.NotesFrom(ctx)
		late.Rule("first", "modify")
		late.Tag("a", "b")
		resp, err := next.RoundTrip(ctx, req)
		if err != nil {
			return nil, err
		}
		resp.Body = &endNoting{resp.Body, func() {
			traffic.NotesFrom(ctx).Rule("second", "throttle")
			late.Rule("first", "modify")
			late.Tag("b", "c")
		}}
		if x := traffic.ExchangeFrom(ctx); x == nil || x.Request.Method != "GET" {
			t.Errorf("the exchange is %+v", x)
		}
		return resp, nil
	})
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{Layers: []proxy.Layer{noting}, Network: &proxy.Network{}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	client.ReadN(len(ok))
	x := p.WaitExchanges(t, 1)[0]
	if diff := cmp.Diff([][]string{{"first", "second"}, {"a", "b", "c"}}, [][]string{x.Rules, x.Tags}); diff != "" {
		t.Errorf("rules and tags (-want +got):\n%s", diff)
	}
	if x.Edited() {
		t.Errorf("sent %+v, received %+v", x.Sent, x.Received)
	}
	late.Rule("too late", "modify")
	if late.Tell(func(at time.Time) traffic.Event { return traffic.RuleApplied{Exchange: x, Time: at} }) {
		t.Error("told after the end")
	}
	want := "RequestStarted RequestDone RuleApplied ResponseStarted RuleApplied ExchangeDone"
	if got := strings.Join(kinds(p.Events()), " "); got != want {
		t.Errorf("events %s", got)
	}
}

// endNoting calls a function at the end of a body.
type endNoting struct {
	io.ReadCloser
	ended func()
}

func (b *endNoting) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && b.ended != nil {
		b.ended()
		b.ended = nil
	}
	return n, err
}

// TestFrameNotes has a filter tell of a hit, and name rules.
func TestFrameNotes(t *testing.T) {
	origin := wsOrigin(t, "", "", fromServer(1, "hi"), finish)
	p := start(t, proxy.Options{Frames: func(ctx context.Context, x *traffic.Exchange, w traffic.FrameWriter) traffic.FrameFilter {
		if err := w.Inject(traffic.Injection{Dir: traffic.ServerToClient, Opcode: traffic.OpText, Payload: []byte("first"), Rule: "greeting"}); err != nil {
			t.Error(err)
		}
		return filter{func(ctx context.Context, m *traffic.Frame, _ traffic.FrameWriter) (traffic.FrameVerdict, error) {
			hit := &traffic.Hit{ID: 1, Exchange: x, Breakpoint: "b", Phase: traffic.PhaseFrame}
			traffic.NotesFrom(ctx).Tell(func(at time.Time) traffic.Event { hit.Time = at; return traffic.BreakpointHit{Hit: hit} })
			traffic.NotesFrom(ctx).Tell(func(at time.Time) traffic.Event {
				return traffic.BreakpointResumed{Hit: hit, Resumed: at, Action: traffic.ResumeContinue, By: "file"}
			})
			return traffic.FrameVerdict{Rules: []string{"b"}}, nil
		}, w}
	}}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	if got, want := client.ReadN(11), fromServer(1, "first")+fromServer(1, "hi"); got != want {
		t.Errorf("received %q", got)
	}
	client.Close()
	closedWS(t, p)
	want := "RequestStarted RequestDone ResponseStarted WSOpened FrameSeen BreakpointHit BreakpointResumed FrameSeen WSClosed"
	if got := strings.Join(kinds(p.Events()), " "); got != want {
		t.Errorf("events %s", got)
	}
	var rules []string
	for _, e := range p.Events() {
		if f, ok := e.(traffic.FrameSeen); ok {
			rules = append(rules, f.Rules...)
		}
	}
	if diff := cmp.Diff([]string{"greeting", "b"}, rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// TestFrameLife ends the context of a filter with its connection.
func TestFrameLife(t *testing.T) {
	ended := make(chan struct{})
	origin := wsOrigin(t, "", "", "", finish)
	p := start(t, proxy.Options{Frames: func(ctx context.Context, _ *traffic.Exchange, w traffic.FrameWriter) traffic.FrameFilter {
		context.AfterFunc(ctx, func() { close(ended) })
		return filter{func(context.Context, *traffic.Frame, traffic.FrameWriter) (traffic.FrameVerdict, error) {
			return traffic.FrameVerdict{}, nil
		}, w}
	}}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	select {
	case <-ended:
		t.Error("ended before the connection")
	default:
	}
	client.Close()
	within(t, patience, "end of the filter", ended)
	closedWS(t, p)
}
