package rules

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

// Engine applies the rules of a Store to traffic. Its methods may be called
// concurrently.
type Engine struct {
	// Protos describe messages of gRPC: of a call that is described the first
	// message, as JSON, is the content that rules match. Nil describes nothing. It
	// is set before the Engine is used.
	Protos *protoset.Set

	store     *Store
	log       *slog.Logger
	skips     *skips
	hits      *Hits
	templates templateCache
	// sockets has handshakes that were answered with 101 and whose connections have
	// not opened yet: *traffic.Exchange to socket.
	sockets sync.Map
}

// socket is what decides about the messages of a connection.
type socket struct {
	rules  []namedFrameRule
	breaks *frameBreaks // nil for none
}

// NewEngine returns an Engine. log is told of rules that could not be applied;
// nil discards that.
func NewEngine(store *Store, log *slog.Logger) *Engine {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Engine{store: store, log: log, skips: &skips{log: log}, hits: newHits(), templates: newTemplateCache()}
}

// Hits returns what the Engine holds at breakpoints.
func (e *Engine) Hits() *Hits { return e.hits }

// Layer returns a RoundTripper that applies the rules to requests on their way to
// next and to what comes back. next is nil where nothing is behind it: what no
// rule answers then fails.
func (e *Engine) Layer(next traffic.RoundTripper) traffic.RoundTripper {
	if next == nil {
		next = traffic.RoundTripperFunc(nowhere)
	}
	return traffic.RoundTripperFunc(func(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
		view := e.store.View()
		if view.Empty() {
			return next.RoundTrip(ctx, req)
		}
		return newPassage(ctx, e, view, req, next).run()
	})
}

// nowhere answers requests that no rule has answered.
func nowhere(_ context.Context, req *traffic.Request) (*traffic.Response, error) {
	return nil, &traffic.Failure{
		Kind: traffic.FailConnect, Side: traffic.SideNecto,
		Text: "no rule answers " + req.Method + " " + req.URL.String() + ", and there is no network behind the rules",
	}
}

// Frames returns what decides about the messages of the connection that x has
// opened, nil if no rule does. It is for the Frames of proxy.Options.
func (e *Engine) Frames(ctx context.Context, x *traffic.Exchange, out traffic.FrameWriter) traffic.FrameFilter {
	found, ok := e.sockets.LoadAndDelete(x)
	if !ok {
		return nil
	}
	s := found.(socket)
	if s.breaks == nil {
		return newFrameRules(ctx, s.rules, out)
	}
	if len(s.rules) > 0 {
		s.breaks.rules = newFrameRules(ctx, s.rules, out)
	}
	return s.breaks
}

// opening remembers what there is for the messages of a connection until Frames
// asks for it, which it does not if ctx ends first.
func (e *Engine) opening(ctx context.Context, resp *traffic.Response, s socket) {
	x := traffic.ExchangeFrom(ctx)
	if len(s.rules) == 0 && s.breaks == nil || x == nil || resp.Status != http.StatusSwitchingProtocols {
		return
	}
	e.sockets.Store(x, s)
	context.AfterFunc(ctx, func() { e.sockets.Delete(x) })
}
