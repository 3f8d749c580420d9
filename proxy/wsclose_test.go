package proxy_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestWebSocketEnds ends connections in the ways there are.
func TestWebSocketEnds(t *testing.T) {
	leave := func(c *nectest.Conn) { c.Close() }
	listen := func(c *nectest.Conn) { c.ReadAll() }
	half := fromServer(1, "cut off")[:5]
	for name, c := range map[string]struct {
		origin, client func(*nectest.Conn)
		want           traffic.WSClose // without Duration
		cut            bool            // the client sees a reset
	}{
		"close by the client": {
			client: func(c *nectest.Conn) { c.Send(fromClient(8, closeWith(4000, "enough"))); c.ReadAll() },
			origin: func(c *nectest.Conn) { c.ReadN(14); c.Send(fromServer(8, closeWith(1000, ""))) },
			want:   traffic.WSClose{Code: 4000, Reason: "enough", By: traffic.SideClient, Frames: [2]uint64{1, 1}},
		},
		"close by the origin": {
			origin: func(c *nectest.Conn) { c.Send(fromServer(8, closeWith(1001, ""))); c.ReadAll() },
			client: func(c *nectest.Conn) {
				c.ReadN(4)
				c.Send(fromClient(8, closeWith(1001, "")))
				c.CloseWrite()
				c.ReadAll()
			},
			want: traffic.WSClose{Code: 1001, By: traffic.SideUpstream, Frames: [2]uint64{1, 1}},
		},
		"close without code": {
			origin: func(c *nectest.Conn) { c.Send(fromServer(8, "")); finish(c) }, client: listen,
			want: traffic.WSClose{Code: 1005, By: traffic.SideUpstream, Frames: [2]uint64{0, 1}},
		},
		"close that is not answered": {
			client: func(c *nectest.Conn) { c.Send(fromClient(8, "")); c.Close() }, origin: listen,
			want: traffic.WSClose{Code: 1005, By: traffic.SideClient, Frames: [2]uint64{1, 0}},
		},
		"end of the client": {
			client: leave, origin: listen,
			want: traffic.WSClose{Code: 1006, By: traffic.SideClient, Cause: "eof"},
		},
		"end of the origin": {
			origin: leave, client: listen,
			want: traffic.WSClose{Code: 1006, By: traffic.SideUpstream, Cause: "eof"},
		},
		"end inside a frame": {
			origin: func(c *nectest.Conn) { c.Send(half) }, client: listen,
			want: traffic.WSClose{Code: 1006, By: traffic.SideUpstream, Cause: "eof"},
		},
		"reset by the client": {
			client: func(c *nectest.Conn) { c.Reset() }, origin: listen,
			want: traffic.WSClose{Code: 1006, By: traffic.SideClient, Cause: "reset"},
		},
		"reset by the origin inside a frame": {
			origin: func(c *nectest.Conn) { c.Send(half); c.ReadN(1); c.Reset() },
			client: func(c *nectest.Conn) { c.ReadN(len(half)); c.Send("\x81") },
			want:   traffic.WSClose{Code: 1006, By: traffic.SideUpstream, Cause: "reset"}, cut: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			origin := wsOrigin(t, "", "", "", func(conn *nectest.Conn) { defer close(ended); c.origin(conn) })
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := wsDial(t, p, origin.Addr, "")
			c.client(client)
			if c.cut {
				if got, err := readToEnd(client); err == nil {
					t.Errorf("the client received %q and a clean end", got)
				}
			}
			client.Close()
			within(t, atOnce, "end of the origin", ended)
			closed := *closedWS(t, p)
			if closed.Duration < p.Exchanges()[0].Duration {
				t.Errorf("it took %v", closed.Duration)
			}
			closed.Duration = 0
			if closed != c.want {
				t.Errorf("closed %+v, want %+v", closed, c.want)
			}
		})
	}
}

// TestWebSocketHalfClose lets each side go on when the other has ended.
func TestWebSocketHalfClose(t *testing.T) {
	saw := make(chan string, 1)
	origin := wsOrigin(t, "", "", "", func(c *nectest.Conn) {
		saw <- c.ReadAll()
		time.Sleep(10 * time.Millisecond)
		c.Send(fromServer(1, "after all"))
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	client.Send(fromClient(1, "last words"))
	client.CloseWrite()
	if got := within(t, patience, "the client's end", saw); got != fromClient(1, "last words") {
		t.Errorf("the origin received %q", got)
	}
	if got := client.ReadAll(); got != fromServer(1, "after all") {
		t.Errorf("the client received %q", got)
	}
	if closed := closedWS(t, p); closed.By != traffic.SideClient || closed.Cause != "eof" || closed.Frames != [2]uint64{1, 1} {
		t.Errorf("closed %+v", closed)
	}
	if got, want := strings.Join(kinds(p.Events()), " "), "RequestStarted RequestDone ResponseStarted WSOpened FrameSeen WSClosed"; got != want {
		t.Errorf("events %s", got)
	}
}

// TestWebSocketLinger cuts a side that goes on for too long after the other has
// ended.
func TestWebSocketLinger(t *testing.T) {
	const linger = 100 * time.Millisecond
	proxy.SetWSLinger(t, linger)
	for name, first := range map[string]traffic.Side{"client": traffic.SideClient, "origin": traffic.SideUpstream} {
		t.Run(name, func(t *testing.T) {
			over := make(chan struct{})
			defer close(over)
			origin := wsOrigin(t, "", "", "", func(c *nectest.Conn) {
				if first == traffic.SideUpstream {
					c.CloseWrite()
				}
				<-over
			})
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := wsDial(t, p, origin.Addr, "")
			if first == traffic.SideClient {
				client.CloseWrite()
			}
			began := time.Now()
			_, _ = readToEnd(client)
			closed := closedWS(t, p)
			if took := time.Since(began); took < linger/2 || took > linger+atOnce {
				t.Errorf("it took %v", took)
			}
			if closed.By != first || closed.Cause != "eof" {
				t.Errorf("closed %+v", closed)
			}
		})
	}
}

// TestWebSocketStop cuts a conversation when the grace period is over.
func TestWebSocketStop(t *testing.T) {
	origin := wsOrigin(t, "", "", fromServer(1, "hi"), func(c *nectest.Conn) { _, _ = readToEnd(c) })
	for name, bye := range map[string]string{"no close frame": "", "a close frame": fromClient(8, closeWith(1000, ""))} {
		t.Run(name, func(t *testing.T) {
			p := start(t, proxy.Options{Grace: 50 * time.Millisecond}, proxy.Listener{})
			client := wsDial(t, p, origin.Addr, bye)
			client.ReadN(4)
			p.Wait(t, func([]traffic.Event) bool { return count[traffic.FrameSeen](p) == 1+min(len(bye), 1) })
			within(t, patience, "stop", stopping(t, p))
			if got, err := readToEnd(client); err == nil {
				t.Errorf("received %q and a clean end", got)
			}
			closed := closedWS(t, p)
			want := traffic.WSClose{Code: 1006, By: traffic.SideNecto, Cause: "shutdown", Frames: [2]uint64{0, 1}}
			if bye != "" {
				want = traffic.WSClose{Code: 1000, By: traffic.SideClient, Frames: [2]uint64{1, 1}}
			}
			want.Duration = closed.Duration
			if *closed != want {
				t.Errorf("closed %+v, want %+v", closed, want)
			}
		})
	}
}

// TestWebSocketClientLeaves before there is an answer to the handshake.
func TestWebSocketClientLeaves(t *testing.T) {
	origin := newSilent(t, "")
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(wsGet(origin.Addr, "") + fromClient(1, "early"))
	within(t, patience, "the handshake", origin.asked)
	client.Close()
	within(t, atOnce, "end of the origin connection", origin.ended)
	if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Side != traffic.SideClient || x.WS != nil {
		t.Errorf("failure %+v, WebSocket %+v", x.Failure, x.WS)
	}
}

// TestWebSocketCutFrame says that a frame is missing.
func TestWebSocketCutFrame(t *testing.T) {
	origin := wsOrigin(t, "", "", fromServer(2, "whole")+fromServer(2, "not")[:3], finish)
	var log bytes.Buffer
	p := start(t, proxy.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	client.ReadAll()
	client.Close()
	_ = p.stop() // the log is complete
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "inside a frame") || !strings.Contains(got, "dir=server-to-client") {
		t.Errorf("logged %q", got)
	}
}

// duplex is the connection behind a 101 that a layer gives.
type duplex struct{ net.Conn }

func (d duplex) CloseWrite() error { return d.Close() } // net.Pipe has no halves

// speaking is a layer that accepts with these fields, says hi, and echoes.
func speaking(accept traffic.Fields, ended chan<- error) proxy.Layer {
	return layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		near, far := net.Pipe()
		go func() {
			_, err := io.WriteString(far, fromServer(1, "hi"))
			if err == nil {
				_, err = io.Copy(far, far)
			}
			ended <- err
		}()
		return &traffic.Response{Status: 101, Proto: "HTTP/1.1", Header: accept, Body: duplex{near}}, nil
	})
}

// TestUpgradeBehindLayer has a layer in the place of the origin, which must see
// the end of a client that leaves.
func TestUpgradeBehindLayer(t *testing.T) {
	for _, protocol := range []string{"websocket", "echo"} {
		for name, leave := range map[string]func(*nectest.Conn){"end": (*nectest.Conn).CloseWrite, "reset": (*nectest.Conn).Reset} {
			t.Run(protocol+" "+name, func(t *testing.T) {
				ended := make(chan error, 1)
				accept := traffic.Fields{{Name: "Connection", Value: "Upgrade"}, {Name: "Upgrade", Value: protocol}}
				p := start(t, proxy.Options{Layers: []proxy.Layer{speaking(accept, ended)}}, proxy.Listener{})
				client := nectest.Dial(t, p.addr)
				client.Send(wsGet("a.invalid", ""))
				client.ReadHead()
				hi := fromServer(1, "hi")
				client.Send(hi)
				if got := client.ReadN(2 * len(hi)); got != hi+hi {
					t.Errorf("received %q", got)
				}
				leave(client)
				within(t, atOnce, "end of the layer's connection", ended)
				p.WaitExchanges(t, 1)
				if protocol == "websocket" {
					if got := closedWS(t, p).Frames; got != [2]uint64{1, 2} {
						t.Errorf("frames %v", got)
					}
				}
			})
		}
	}
}

// TestWebSocketCausalOrder has a peer answer as fast as it can: the answer is
// never told before what it answers.
func TestWebSocketCausalOrder(t *testing.T) {
	ping := frame(wsframe.Header{Fin: true, Opcode: 9, Masked: true}, "ping")
	pong := fromServer(10, "pong")
	const rounds = 2000
	origin := wsOrigin(t, "", "", "", func(c *nectest.Conn) {
		for range rounds {
			c.ReadN(len(ping))
			c.Send(pong)
		}
		finish(c)
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	for range rounds {
		client.Send(ping)
		client.ReadN(len(pong))
	}
	client.Close()
	closedWS(t, p)
	want := traffic.ClientToServer
	for _, e := range p.Events() {
		if e, ok := e.(traffic.FrameSeen); ok {
			if e.Dir != want {
				t.Fatalf("frame %d goes %v", e.Seq, e.Dir)
			}
			want = 1 - want
		}
	}
}
