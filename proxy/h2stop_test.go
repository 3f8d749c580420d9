package proxy_test

import (
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestHTTP2StopIdle closes connections without streams at once.
func TestHTTP2StopIdle(t *testing.T) {
	client, addr, p := setupEngine(t, proxy.Options{Grace: patience}, echoHead)
	receive(t, send(t, client, get2(addr, "/")))
	began := time.Now()
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("stopping took %v", took)
	}
	within(t, patience, "the end of the connection", client.Done())
}

// TestHTTP2StopInFlight lets streams end that are open, and takes no more.
func TestHTTP2StopInFlight(t *testing.T) {
	asked, goOn := make(chan bool, 1), make(chan bool)
	client, addr, p := setupEngine(t, proxy.Options{Grace: patience}, func(st *h2.Stream) {
		asked <- true
		<-goOn
		answer(st, "late")
	})
	st := send(t, client, get2(addr, "/"))
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- p.stop() }()
	for client.CanOpen() { // until the GOAWAY
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	if _, got := receive(t, st); got != "late" {
		t.Errorf("received %q", got)
	}
	if err := within(t, patience, "the end", stopped); err != nil {
		t.Error(err)
	}
	if x := p.WaitExchanges(t, 1)[0]; x.Failure != nil {
		t.Error(x.Failure)
	}
}

// TestHTTP2StopCuts ends streams that go on for too long.
func TestHTTP2StopCuts(t *testing.T) {
	asked := make(chan bool, 1)
	client, addr, p := setupEngine(t, proxy.Options{Grace: 50 * time.Millisecond}, func(st *h2.Stream) {
		asked <- true
		<-st.Context().Done()
	})
	send(t, client, get2(addr, "/"))
	<-asked
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Kind != traffic.FailShutdown {
		t.Errorf("failure %+v", x.Failure)
	}
}
