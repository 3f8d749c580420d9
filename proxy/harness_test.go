package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"runtime"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// running is a proxy that serves during a test.
type running struct {
	*nectest.Collect
	*proxy.Proxy
	addr string
	stop func() error // stops the proxy and waits for it; may be called again
}

// anyHost is an Options.AllowHost.
func anyHost(string) bool { return true }

// start runs a proxy with a network, unless the options say otherwise, and
// stops it when the test ends.
func start(t testing.TB, opts proxy.Options, l proxy.Listener) *running {
	t.Helper()
	if opts.Network == nil && opts.Layers == nil {
		opts.Network = &proxy.Network{}
	}
	r := &running{Collect: new(nectest.Collect)}
	if opts.Observer == nil {
		opts.Observer = r.Collect
	}
	p := proxy.New(opts)
	r.Proxy = p
	if l.Addr == "" {
		l.Addr = "127.0.0.1:0"
	}
	addr, err := p.Listen(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	r.addr = addr.String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var result error
	stopped := false
	r.stop = func() error {
		cancel()
		if !stopped {
			result = <-done
			stopped = true
		}
		return result
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
		checkContract(t, r.Events())
	})
	return r
}

// checkContract holds the events of a whole run against the contract of package
// traffic.
func checkContract(t testing.TB, events []traffic.Event) {
	t.Helper()
	last := make(map[*traffic.Exchange]time.Time)
	ended := make(map[*traffic.Exchange]bool)
	frames := make(map[*traffic.Exchange]*[2]uint64) // from WSOpened to WSClosed
	for _, e := range events {
		x := exchangeOf(e)
		if x == nil {
			continue
		}
		_, started := e.(traffic.RequestStarted)
		switch at, seen := last[x]; {
		case started == seen:
			t.Errorf("exchange %d: %T, started before: %v", x.ID, e, seen)
		case ended[x]:
			t.Errorf("exchange %d: %T after its end", x.ID, e)
		case e.At().Before(at):
			t.Errorf("exchange %d: %T is %v before the last event", x.ID, e, at.Sub(e.At()))
		}
		checkFrames(t, x, e, frames)
		last[x] = e.At()
		ended[x] = nectest.Ended(e) != nil
	}
	for x := range last {
		if !ended[x] {
			t.Errorf("exchange %d has no end", x.ID)
		}
	}
}

// checkFrames holds the events of WebSocket connections against the contract:
// FrameSeen and WSClosed, and nothing else, come between WSOpened and the end.
func checkFrames(t testing.TB, x *traffic.Exchange, e traffic.Event, frames map[*traffic.Exchange]*[2]uint64) {
	t.Helper()
	counts := frames[x]
	switch e := e.(type) {
	case traffic.WSOpened:
		if counts != nil || x.WS == nil || x.Failure != nil || x.Response == nil {
			t.Errorf("exchange %d: opened before %v, WebSocket %v, failure %v", x.ID, counts != nil, x.WS, x.Failure)
		}
		frames[x] = new([2]uint64)
	case traffic.FrameSeen:
		if counts == nil {
			t.Fatalf("exchange %d: frame %d before WSOpened", x.ID, e.Seq)
		}
		counts[e.Dir]++
		if want := counts[0] + counts[1]; e.Seq != want {
			t.Errorf("exchange %d: frame %d came in place of %d", x.ID, e.Seq, want)
		}
		if e.Last.Before(e.First) {
			t.Errorf("exchange %d: frame %d ended %v before it began", x.ID, e.Seq, e.First.Sub(e.Last))
		}
	case traffic.WSClosed:
		if counts == nil || *counts != e.Close.Frames {
			t.Errorf("exchange %d: closed with %v frames counted, there were %v", x.ID, e.Close.Frames, counts)
		}
	case traffic.BreakpointHit, traffic.BreakpointResumed, traffic.BreakpointTimedOut, traffic.RuleApplied:
	default:
		if counts != nil {
			t.Errorf("exchange %d: %T after WSOpened", x.ID, e)
		}
	}
}

func exchangeOf(e traffic.Event) *traffic.Exchange {
	switch e := e.(type) {
	case traffic.RequestStarted:
		return e.Exchange
	case traffic.RequestDone:
		return e.Exchange
	case traffic.ResponseStarted:
		return e.Exchange
	case traffic.BodyChunk:
		return e.Exchange
	case traffic.Informational:
		return e.Exchange
	case traffic.RuleApplied:
		return e.Exchange
	case traffic.BreakpointHit:
		return e.Exchange
	case traffic.BreakpointResumed:
		return e.Exchange
	case traffic.BreakpointTimedOut:
		return e.Exchange
	case traffic.WSOpened:
		return e.Exchange
	case traffic.FrameSeen:
		return e.Exchange
	default:
		return nectest.Ended(e)
	}
}

// authority returns a CA of the test's own and a client configuration that
// trusts it.
func authority(t testing.TB) (*ca.Authority, *tls.Config) {
	t.Helper()
	a, err := ca.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate())
	return a, &tls.Config{RootCAs: pool}
}

// wanted returns Options.BodyChunks, or TunnelData, that always says the same.
func wanted(yes bool) func() bool { return func() bool { return yes } }

// memoryInUse is what heap and stacks hold.
func memoryInUse() int64 {
	runtime.GC()
	runtime.GC() // what was in pools goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
