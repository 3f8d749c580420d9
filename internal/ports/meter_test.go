package ports

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// pipe returns the two ends of a TCP connection, the first one metered.
func pipe(t testing.TB, m *meter) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server = m.accept(accepted)
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// TestMeter counts in both directions, and connections until they are closed.
func TestMeter(t *testing.T) {
	var m meter
	server, client := pipe(t, &m)
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Write([]byte("you")); err != nil {
		t.Fatal(err)
	}
	if err := server.(*meteredConn).CloseWrite(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(client); string(got) != "you" || err != nil {
		t.Errorf("received %q, %v", got, err)
	}
	if up, down, n := m.up.Load(), m.down.Load(), m.streams(); up != 5 || down != 3 || n != 1 {
		t.Errorf("%d up, %d down, %d connections", up, down, n)
	}
	drained := make(chan struct{})
	m.drain(func() { close(drained) })
	select {
	case <-drained:
		t.Error("drained with a connection open")
	default:
	}
	server.Close()
	server.Close() // counts once
	<-drained
	if n := m.streams(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if server.(*meteredConn).NetConn() != server.(*meteredConn).Conn {
		t.Error("NetConn is not the connection itself")
	}
}

// TestCut resets what is open.
func TestCut(t *testing.T) {
	var m meter
	server, client := pipe(t, &m)
	m.cut()
	if _, err := client.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the client sees %v, want a reset", err)
	}
	if _, err := server.Read(make([]byte, 1)); err == nil {
		t.Error("the server can still read")
	}
}

// TestNoHalfClose is of a connection that cannot be closed in one direction.
func TestNoHalfClose(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	var m meter
	c := m.accept(a)
	defer c.Close()
	if err := c.(*meteredConn).CloseWrite(); !errors.Is(err, errNoHalfClose) {
		t.Errorf("got %v", err)
	}
	m.cut() // a pipe cannot be reset either
	if _, err := b.Read(make([]byte, 1)); err == nil {
		t.Error("it is still open")
	}
}

// TestRemovedPortIsCut has a connection that outlives its port.
func TestRemovedPortIsCut(t *testing.T) {
	play(t, onePort, func(s *stage) {
		a, b := net.Pipe()
		defer b.Close()
		s.listener(60000).route.Accepted(a)
		if status, _ := s.Status(60000); status.Streams != 1 {
			t.Errorf("%d connections", status.Streams)
		}
		if err := s.Remove(60000); err != nil {
			t.Error(err)
		}
		s.wait(removeGrace - time.Second)
		if s.done() != 0 {
			t.Error("released before the grace was over")
		}
		s.wait(time.Second)
		if s.done() != 1 {
			t.Error("not released")
		}
	})
}

// TestAcceptedTooLate has a connection be accepted while its listener is being closed:
// nobody would end it.
func TestAcceptedTooLate(t *testing.T) {
	var m meter
	m.drain(func() {})
	near, far := net.Pipe()
	defer far.Close()
	m.accept(near)
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client reads %v", err)
	}
	if m.streams() != 0 {
		t.Errorf("%d streams", m.streams())
	}
}
