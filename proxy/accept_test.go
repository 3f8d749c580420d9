package proxy

import (
	"context"
	"net"
	"syscall"
	"testing"
)

// exhausted is a listener of a process that is out of file descriptors for a
// while.
type exhausted struct {
	net.Listener
	left int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.left > 0 {
		l.left--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// TestAcceptGoesOn holds that running out of file descriptors is not the end.
func TestAcceptGoesOn(t *testing.T) {
	p := New(Options{})
	if _, err := p.Listen(t.Context(), Listener{Addr: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	p.listeners[0].Listener = &exhausted{Listener: p.listeners[0].Listener, left: 3}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestListenerFails ends the run with the listener's error.
func TestListenerFails(t *testing.T) {
	p := New(Options{})
	if _, err := p.Listen(t.Context(), Listener{Addr: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	p.listeners[0].Listener = broken{p.listeners[0].Listener}
	if err := p.Run(t.Context()); err == nil {
		t.Error("no error")
	}
	if _, err := p.Listen(t.Context(), Listener{Addr: "127.0.0.1:notaport"}); err == nil {
		t.Error("listened on a bad address")
	}
}

// broken is a listener that cannot accept.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, &net.OpError{Op: "accept", Err: syscall.EINVAL} }
