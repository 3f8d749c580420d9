package h2_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// connectTo is the head of a CONNECT.
func connectTo(authority string) h2.Head {
	return h2.Head{Pseudo: traffic.Fields{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: authority}}}
}

// tunnels returns both ends of a stream as connections.
func tunnels(t *testing.T) (ours, theirs net.Conn, stop func()) {
	t.Helper()
	conns, over := make(chan net.Conn, 1), make(chan struct{})
	client, _ := pair(t, h2.Config{}, h2.Config{}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, nil))
		conns <- s.NetConn()
		<-over // its end would be that of what is not read yet
	})
	t.Cleanup(func() { close(over) })
	s := client.open(t, connectTo("a.test:1"))
	if head, err := s.ReadHead(t.Context()); err != nil || head.Status() != 200 || s.Length() != -1 {
		t.Fatalf("head %v, %v", head, err)
	}
	return s.NetConn(), <-conns, client.Close
}

func TestTunnelsAreConnections(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		ours, theirs, stop := tunnels(t)
		return ours, theirs, stop, nil
	})
}

func TestTunnelsHaveTwoHalves(t *testing.T) {
	ours, theirs, _ := tunnels(t)
	if _, err := ours.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := ours.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(theirs); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := theirs.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if got, err := io.ReadAll(ours); err != nil || string(got) != "answer" {
		t.Errorf("read %q, %v", got, err)
	}
	if ours.RemoteAddr() == nil || ours.LocalAddr() == nil {
		t.Error("no addresses")
	}
}

func TestDeadlinesOfTunnels(t *testing.T) {
	ours, theirs, _ := tunnels(t)
	if err := ours.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	if err := ours.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	const window = 4 << 20
	n, err := ours.Write(make([]byte, window+1))
	if n > window || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	if err := ours.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	discard(t, theirs, int64(n))
	if _, err := ours.Write([]byte("x")); err != nil {
		t.Error(err)
	}
}

func TestEverythingWorksInsideOfTunnels(t *testing.T) {
	helper := httptest.NewTLSServer(nil)
	defer helper.Close()
	ours, theirs, _ := tunnels(t)
	inner := run(t, h2.Server(tls.Server(theirs, &tls.Config{Certificates: helper.TLS.Certificates}), h2.Config{}, mirror))
	client := run(t, h2.Client(tls.Client(ours, &tls.Config{InsecureSkipVerify: true}), h2.Config{}))
	askMirror(t, client, 5<<20)
	client.Close()
	_ = inner.result(t)
}

func TestTunnelsHaveNoTrailers(t *testing.T) {
	p, _ := against(t, h2.Config{}, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, nil))
		wait(s)
	})
	p.headers(1, false, ":method", "CONNECT", ":authority", "a.test:1")
	p.headers(1, true, "x", "y")
	p.awaitReset(1, h2.CodeProtocol)
}

func TestTunnelsEndWithTheirCodes(t *testing.T) {
	ours, theirs, stop := tunnels(t)
	if err := theirs.Close(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(ours); err != nil || !bytes.Equal(got, nil) {
		t.Errorf("read %q, %v", got, err)
	}
	stop()
	if _, err := ours.Write([]byte("x")); err == nil {
		t.Error("wrote to a tunnel whose other end is gone")
	}
}
