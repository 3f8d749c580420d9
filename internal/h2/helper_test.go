package h2_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// patience is how long tests wait for what comes at once.
const patience = 10 * time.Second

// connect returns both ends of a TCP connection over loopback.
func connect(t testing.TB) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}

// running is a connection whose Run runs.
type running struct {
	*h2.Conn
	ended chan error // has what Run returned
}

// run runs c until the test ends.
func run(t testing.TB, c *h2.Conn) *running {
	t.Helper()
	r := &running{Conn: c, ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- c.Run(context.Background())
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return r
}

// result returns what Run returns.
func (r *running) result(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		t.Fatal("the connection did not end")
		return nil
	}
}

// pair returns a client and a server on one connection.
func pair(t testing.TB, client, server h2.Config, handle func(*h2.Stream)) (*running, *running) {
	t.Helper()
	a, b := connect(t)
	return run(t, h2.Client(a, client)), run(t, h2.Server(b, server, handle))
}

// get returns the head of a GET.
func get(path string, fields ...traffic.Field) h2.Head {
	return h2.RequestHead("GET", "http", "example.test", path, fields).Ended()
}

// post returns the head of a POST.
func post(path string, fields ...traffic.Field) h2.Head {
	return h2.RequestHead("POST", "http", "example.test", path, fields)
}
