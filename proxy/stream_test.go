package proxy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

const upload = "POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"

// TestExpect sends the content only when the origin has asked for it, as curl
// does.
func TestExpect(t *testing.T) {
	got := make(chan string, 2)
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		head := c.ReadHead()
		if !c.Ended(50*time.Millisecond) && !strings.Contains(head, "Expect: 100-continue\r\n") {
			t.Errorf("the origin received %q", head)
		}
		c.Send("HTTP/1.1 100 Go On\r\nX: 1\r\n\r\n")
		got <- c.ReadN(5)
		c.Send(ok)
		c.ReadAll()
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(strings.ReplaceAll(upload, "ADDR", origin.Addr))
	if head := client.ReadHead(); head != "HTTP/1.1 100 Go On\r\nX: 1\r\n\r\n" {
		t.Fatalf("the client received %q", head)
	}
	client.Send("hello")
	if body := <-got; body != "hello" {
		t.Errorf("the origin received %q", body)
	}
	if answer := client.ReadN(len(ok)); answer != ok {
		t.Errorf("the answer is %q", answer)
	}
	if x := p.WaitExchanges(t, 1)[0]; len(x.Informational) != 1 || x.Informational[0].Reason != "Go On" {
		t.Errorf("informational %v", x.Informational)
	}
}

// TestExpectRefused answers before the content: it is never sent.
func TestExpectRefused(t *testing.T) {
	const refusal = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"
	origin := newSilent(t, refusal)
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	began := time.Now()
	client.Send(strings.ReplaceAll(upload, "ADDR", origin.Addr))
	if got := client.ReadN(len(refusal)); got != refusal || time.Since(began) > atOnce {
		t.Errorf("the answer is %q after %v", got, time.Since(began))
	}
	if rest := client.ReadAll(); rest != "" {
		t.Errorf("and then %q", rest)
	}
	x := p.WaitExchanges(t, 1)[0]
	if x.Failure != nil || x.RequestDone != -1 || x.Response.Status != 417 || x.RequestBody.Size() != 0 {
		t.Errorf("failure %v, request done %v", x.Failure, x.RequestDone)
	}
}

// TestEarlyAnswer refuses an upload that goes on.
func TestEarlyAnswer(t *testing.T) {
	const refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
	for name, origin := range map[string]func(*nectest.Conn){
		"origin reads on": func(c *nectest.Conn) { c.ReadHead(); c.Send(refusal); c.ReadAll() },
		"origin closes":   func(c *nectest.Conn) { c.ReadHead(); c.Send(refusal); c.CloseWrite(); c.Ended(50 * time.Millisecond) },
		"origin is silent": func(c *nectest.Conn) {
			c.ReadHead()
			c.Send(refusal)
			time.Sleep(2 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := nectest.NewRawServer(t, origin)
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send("POST http://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\nContent-Length: 1000000000\r\n\r\n")
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for piece := make([]byte, 64<<10); ; {
					if _, err := client.Write(piece); err != nil {
						return
					}
				}
			}()
			began := time.Now()
			if got := client.ReadN(len(refusal)); got != refusal || time.Since(began) > atOnce {
				t.Errorf("the answer is %q after %v", got, time.Since(began))
			}
			within(t, 3*time.Second, "end of the upload", sent)
			if x := p.WaitExchanges(t, 1)[0]; x.Failure != nil || x.RequestDone != -1 {
				t.Errorf("failure %v, request done %v", x.Failure, x.RequestDone)
			}
		})
	}
}

// TestFullDuplex answers each piece of a request while the request goes on.
func TestFullDuplex(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		for !c.Ended(resting) {
			c.ReadHead()
			c.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range 10 {
				c.Send(c.ReadN(len("3\r\nabc\r\n")))
			}
			c.Send(c.ReadN(len("0\r\n\r\n")))
		}
	})
	p := start(t, proxy.Options{BodyChunks: wanted(true)}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	for range 2 { // the connection is kept
		client.Send("POST http://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\nTransfer-Encoding: chunked\r\n\r\n")
		client.ReadHead()
		for i := range 10 {
			piece := fmt.Sprintf("3\r\n%03d\r\n", i)
			client.Send(piece)
			if got := client.ReadN(len(piece)); got != piece {
				t.Fatalf("sent %q, received %q", piece, got)
			}
		}
		client.Send("0\r\n\r\n")
		if got := client.ReadN(5); got != "0\r\n\r\n" {
			t.Errorf("the end is %q", got)
		}
	}
	for _, x := range p.WaitExchanges(t, 2) {
		if x.RequestBody.Size() != 30 || x.ResponseBody.Size() != 30 || x.RequestDone < x.ResponseStarted {
			t.Errorf("bodies of %d and %d bytes, request done %v, response started %v", x.RequestBody.Size(), x.ResponseBody.Size(), x.RequestDone, x.ResponseStarted)
		}
	}
}

// TestEventsFlushed holds that each server-sent event reaches the client as it
// comes.
func TestEventsFlushed(t *testing.T) {
	send := make(chan string)
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.ReadHead()
		for s := range send {
			c.Send(s)
		}
	})
	p := start(t, proxy.Options{BodyChunks: wanted(true)}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	want := []int{}
	for i, s := range []string{"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", "data: 1\n\n", ": \n\n", "data: two\n\n"} {
		time.Sleep(30 * time.Millisecond)
		began := time.Now()
		send <- s
		if got := client.ReadN(len(s)); got != s {
			t.Fatalf("received %q, want %q", got, s)
		}
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("%q took %v", s, took)
		}
		if i > 0 {
			want = append(want, len(s))
		}
	}
	close(send)
	client.ReadAll()
	x := p.WaitExchanges(t, 1)[0]
	got := []int{}
	for _, chunk := range x.ResponseBody.Chunks() {
		got = append(got, int(chunk.Size))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
	var events []int
	for _, e := range p.Events() {
		if e, ok := e.(traffic.BodyChunk); ok && e.Dir == traffic.ServerToClient {
			events = append(events, 1)
		}
	}
	if len(events) != len(want) {
		t.Errorf("%d body chunk events, want %d", len(events), len(want))
	}
}

// TestEndlessInformational relays more early answers than it keeps.
func TestEndlessInformational(t *testing.T) {
	hints := strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000)
	origin := newAnswering(t, hints+ok)
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	if got := client.ReadN(len(hints + ok)); got != hints+ok {
		t.Errorf("received %d bytes", len(got))
	}
	if x := p.WaitExchanges(t, 1)[0]; len(x.Informational) != 100 {
		t.Errorf("%d informational responses kept", len(x.Informational))
	}
}

// TestInformational relays every early answer, in order and at once.
func TestInformational(t *testing.T) {
	early := []string{
		"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nlink: </b>\r\n\r\n", "HTTP/1.1 199 Odd One\r\n\r\n",
	}
	next := make(chan struct{})
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.ReadHead()
		for _, s := range early {
			c.Send(s)
			<-next
		}
		c.Send(ok)
		c.ReadAll()
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	for _, s := range early {
		if got := client.ReadN(len(s)); got != s {
			t.Errorf("received %q, want %q", got, s)
		}
		next <- struct{}{}
	}
	if got := client.ReadN(len(ok)); got != ok {
		t.Errorf("the answer is %q", got)
	}
	if x := p.WaitExchanges(t, 1)[0]; len(x.Informational) != len(early) || count[traffic.Informational](p) != len(early) {
		t.Errorf("%d informational responses kept", len(x.Informational))
	}
}
