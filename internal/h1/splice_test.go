package h1

import (
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// connPair returns both ends of a TCP connection, closed with the test.
func connPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialled, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

// reset ends a connection with RST.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// splicing is a body on its way from an origin to a client, both real
// connections, whose tap wants nothing of it.
type splicing struct {
	origin, client *net.TCPConn // the far ends
	source         *net.TCPConn // the near end of origin
	tap            content
	body           *Body
	result         chan error
}

func startSplice(t *testing.T, length int64) *splicing {
	s := &splicing{tap: content{limit: 1, data: []byte("x")}, result: make(chan error, 1)}
	var out *net.TCPConn
	s.source, s.origin = connPair(t)
	out, s.client = connPair(t)
	s.body = NewReader(s.source, Limits{}).Body(Framing{Kind: ByLength, Length: length})
	s.body.Tap = &s.tap
	go func() {
		s.result <- s.body.Relay(out, []byte("head"))
		out.Close()
	}()
	t.Cleanup(func() { // after the connections were closed nothing can hang
		s.source.Close()
		out.Close()
		<-s.result
	})
	return s
}

// wait returns what Relay returned.
func (s *splicing) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.result:
		s.result <- err
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Relay does not end")
		return nil
	}
}

func TestSpliceKeepsBytes(t *testing.T) {
	const length = 8<<20 + 12345
	content := make([]byte, length)
	for i := range content {
		content[i] = byte(i % 251)
	}
	s := startSplice(t, length)
	go func() {
		_, _ = s.origin.Write(content)
		_, _ = s.origin.Write([]byte("next"))
	}()
	digest := sha256.New()
	n, err := io.Copy(digest, s.client)
	if err != nil || n != length+int64(len("head")) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	want := sha256.Sum256(append([]byte("head"), content...))
	if [sha256.Size]byte(digest.Sum(nil)) != want {
		t.Error("the content is another")
	}
	if err := s.wait(t); err != nil || !s.body.Done() || s.tap.skipped != length {
		t.Errorf("%v, Done %v, %d bytes skipped of %d", err, s.body.Done(), s.tap.skipped, length)
	}
	next := make([]byte, 4)
	if _, err := io.ReadFull(s.body.r, next); err != nil || string(next) != "next" {
		t.Errorf("%q is left, %v", next, err)
	}
}

// relayed waits until the client has received n bytes.
func (s *splicing) relayed(t *testing.T, n int64) {
	t.Helper()
	if _, err := io.CopyN(io.Discard, s.client, n); err != nil {
		t.Fatal(err)
	}
}

func TestOriginThatFailsInASplice(t *testing.T) {
	tests := []struct {
		name string
		fail func(*splicing)
		want error // nil for any
	}{
		{"reset", func(s *splicing) { reset(s.origin) }, nil},
		{"end", func(s *splicing) { s.origin.Close() }, ErrTruncated},
		{"deadline", func(s *splicing) { _ = s.source.SetReadDeadline(time.Now()) }, os.ErrDeadlineExceeded},
		{"closed here", func(s *splicing) { s.source.Close() }, net.ErrClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := startSplice(t, 8<<20)
			if _, err := s.origin.Write(make([]byte, 100<<10)); err != nil {
				t.Fatal(err)
			}
			s.relayed(t, 100<<10+4)
			test.fail(s)
			err := s.wait(t)
			var write *WriteError
			if err == nil || errors.As(err, &write) || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%v, want the source's error", err)
			}
			if s.body.Done() || s.body.Err() != err || s.tap.skipped != 100<<10 {
				t.Errorf("Done %v, Err %v, %d bytes skipped", s.body.Done(), s.body.Err(), s.tap.skipped)
			}
		})
	}
}

func TestClientThatResetsInASplice(t *testing.T) {
	tests := []struct {
		name string
		then int // what the origin goes on to send
	}{
		{"while the origin sends", 32 << 10},
		{"while the origin is silent", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := startSplice(t, 64<<20)
			if _, err := s.origin.Write(make([]byte, 100<<10)); err != nil {
				t.Fatal(err)
			}
			s.relayed(t, 100<<10+4)
			reset(s.client)
			var err error
			for err == nil {
				_, _ = s.origin.Write(make([]byte, test.then))
				select {
				case err = <-s.result:
					s.result <- err
				case <-time.After(20 * time.Millisecond):
				}
			}
			var write *WriteError
			if !errors.As(err, &write) || s.body.Done() {
				t.Errorf("%v, Done %v; want a *WriteError", err, s.body.Done())
			}
		})
	}
}

func TestNothingIsSplicedThatSomebodyWatches(t *testing.T) {
	source, origin := connPair(t)
	out, client := connPair(t)
	const length = 2 << 20
	var tap content
	body := NewReader(source, Limits{}).Body(Framing{Kind: ByLength, Length: length})
	body.Tap = &tap
	result := make(chan error, 2)
	go func() { _, err := origin.Write(make([]byte, length)); result <- err }()
	go func() { result <- body.Relay(out, nil); out.Close() }()
	if n, err := io.Copy(io.Discard, client); n != length || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	for range 2 {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	if len(tap.data) != length || tap.skipped != 0 {
		t.Errorf("the tap saw %d bytes of %d", len(tap.data), length)
	}
}
