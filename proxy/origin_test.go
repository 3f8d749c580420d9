package proxy_test

import (
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
)

const (
	// patience is how long a test waits for what is about to happen.
	patience = 10 * time.Second
	// resting is how long an origin waits for another request: as long as its test
	// takes, which ends the connection.
	resting = time.Minute
	// atOnce is how soon one side has to see what the other did. It takes
	// milliseconds, but machines that test are busy.
	atOnce = 2 * time.Second
	// ok is a small answer that keeps the connection.
	ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

// manyHeads is more than any test sends to one origin.
const manyHeads = 10_000

// answering is an origin that gives every request without content the same
// answer.
type answering struct {
	*nectest.RawServer
	// heads has the head of each request.
	heads chan string
	// conns has one element for each connection accepted.
	conns chan struct{}
}

func newAnswering(t testing.TB, response string) *answering {
	t.Helper()
	a := &answering{heads: make(chan string, manyHeads), conns: make(chan struct{}, manyHeads)}
	a.RawServer = nectest.NewRawServer(t, func(c *nectest.Conn) {
		a.conns <- struct{}{}
		for !c.Ended(resting) {
			a.heads <- c.ReadHead()
			c.Send(response)
		}
	})
	return a
}

// silent is an origin that reads one head and then waits for the end of the
// connection, which it reports.
type silent struct {
	*nectest.RawServer
	asked, ended chan struct{}
}

// newSilent returns a silent origin that says begin after the head.
func newSilent(t testing.TB, begin string) *silent {
	t.Helper()
	s := &silent{asked: make(chan struct{}, 100), ended: make(chan struct{}, 100)}
	s.RawServer = nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.ReadHead()
		c.Send(begin)
		s.asked <- struct{}{}
		c.ReadAll()
		s.ended <- struct{}{}
	})
	return s
}

// within fails the test if nothing comes from the channel in time.
func within[T any](t testing.TB, limit time.Duration, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(limit):
		t.Fatalf("%s: not within %v", what, limit)
		panic("unreachable")
	}
}

// get is the head of a GET request in the form for a proxy.
func get(addr, path string) string {
	return "GET http://" + addr + path + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n"
}
