package traffic_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/necto-dev/necto/traffic"
)

func TestEventsHappenInOrder(t *testing.T) {
	started := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	x := &traffic.Exchange{Started: started, RequestDone: 1, ResponseStarted: 2, Duration: 3}
	tunnel := &traffic.Tunnel{Started: started, Duration: 4}
	at := started.Add(5)
	tests := []struct {
		event traffic.Event
		want  time.Duration
	}{
		{traffic.RequestStarted{Exchange: x}, 0},
		{traffic.RequestDone{Exchange: x}, 1},
		{traffic.ResponseStarted{Exchange: x}, 2},
		{traffic.ExchangeDone{Exchange: x}, 3},
		{traffic.ExchangeAborted{Exchange: x}, 3},
		{traffic.TunnelOpened{Tunnel: tunnel}, 0},
		{traffic.TunnelClosed{Tunnel: tunnel}, 4},
		{traffic.BodyChunk{Time: at}, 5},
		{traffic.Informational{Time: at}, 5},
		{traffic.TLSFailed{Time: at}, 5},
		{traffic.ClientError{Time: at}, 5},
		{traffic.CertIssued{Time: at}, 5},
		{traffic.RuleApplied{Time: at}, 5},
		{traffic.BreakpointHit{Hit: &traffic.Hit{Time: at}}, 5},
		{traffic.BreakpointResumed{Hit: &traffic.Hit{Time: started}, Resumed: at}, 5},
		{traffic.BreakpointTimedOut{Hit: &traffic.Hit{Time: started}, Resumed: at}, 5},
	}
	for _, test := range tests {
		if got := test.event.At().Sub(started); got != test.want {
			t.Errorf("%T happens after %d ns, want %d", test.event, got, test.want)
		}
	}
}

// noted is an Observer that notes that it was told.
type noted struct {
	name string
	log  *[]string
}

func (n noted) Observe(traffic.Event) { *n.log = append(*n.log, n.name) }

func TestTeeTellsInOrder(t *testing.T) {
	var log []string
	traffic.Tee{noted{"first", &log}, noted{"second", &log}}.Observe(traffic.CertIssued{})
	if len(log) != 2 || log[0] != "first" || log[1] != "second" {
		t.Errorf("told %q", log)
	}
	traffic.Tee(nil).Observe(traffic.CertIssued{})
}

func TestClonedRequestsMayBeChanged(t *testing.T) {
	req := &traffic.Request{Method: "GET", Header: fields("A", "1")}
	clone := req.Clone()
	clone.Method = "POST"
	clone.Header.Set("A", "2")
	if req.Method != "GET" || req.Header.Get("A") != "1" {
		t.Errorf("the original became %+v", req)
	}
}

func TestRoundTripperFunc(t *testing.T) {
	want := &traffic.Response{Status: 204}
	var next traffic.RoundTripper = traffic.RoundTripperFunc(
		func(context.Context, *traffic.Request) (*traffic.Response, error) { return want, nil })
	if got, err := next.RoundTrip(t.Context(), &traffic.Request{}); got != want || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestFailureIsAnError(t *testing.T) {
	var err error = &traffic.Failure{Kind: traffic.FailEOF, Text: "the origin left", Err: io.EOF}
	if err.Error() != "the origin left" || !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}

func TestMemoryBody(t *testing.T) {
	content := pattern(1000)
	b := traffic.NewMemoryBody(content)
	if err := iotest.TestReader(b, content); err != nil {
		t.Error(err)
	}
	if got := b.Bytes(); len(got) != len(content) {
		t.Errorf("Bytes has %d bytes behind the end, want all", len(got))
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestDirectionNames(t *testing.T) {
	if got := traffic.ClientToServer.String(); got != "client-to-server" {
		t.Error(got)
	}
	if got := traffic.ServerToClient.String(); got != "server-to-client" {
		t.Error(got)
	}
}
