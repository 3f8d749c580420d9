package proxy_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// injection is a text to inject.
func injection(dir traffic.Direction, text string) traffic.Injection {
	return traffic.Injection{Dir: dir, Opcode: traffic.OpText, Payload: []byte(text), Rule: "r"}
}

// TestInject sends frames on a connection that nobody filters, where messages
// end, wherever the bytes of the peer are cut.
func TestInject(t *testing.T) {
	const sent = "\x01\x03one\x89\x01p\x00\x02tw\x80\x7e\x00\x83" + long
	for cut := range len(sent) + 1 {
		more := make(chan struct{})
		origin := wsOrigin(t, "", "", sent[:cut], func(c *nectest.Conn) {
			<-more
			c.Send(sent[cut:] + fromServer(1, "end"))
			finish(c)
		})
		p := start(t, proxy.Options{}, proxy.Listener{})
		client := wsDial(t, p, origin.Addr, "")
		got := client.ReadN(cut)
		id := waitEvent[traffic.WSOpened](t, p).ID
		if err := p.Inject(id, injection(traffic.ServerToClient, "injected")); err != nil {
			t.Fatal(err)
		}
		close(more)
		got += client.ReadUntil("end")
		at := len(sent)
		if cut == 0 {
			at = 0
		}
		if want := sent[:at] + fromServer(1, "injected") + sent[at:] + fromServer(1, "end"); got != want {
			t.Fatalf("cut at %d: received %q", cut, got)
		}
		client.Close()
		closedWS(t, p)
		checkInjected(t, p.Events())
		if err := p.Inject(id, injection(traffic.ServerToClient, "late")); !errors.Is(err, traffic.ErrFramesClosed) {
			t.Errorf("injected into a connection that has ended: %v", err)
		}
	}
}

// long is content that needs a length of two bytes.
const long = "three, and a lot more, so that the header of the frame is one of those that can be cut in several places, which is what this is all"

// checkInjected wants one frame that is marked.
func checkInjected(t *testing.T, events []traffic.Event) {
	t.Helper()
	n := 0
	for _, e := range events {
		if f, ok := e.(traffic.FrameSeen); ok && f.Injected {
			n++
			if diff := cmp.Diff([]string{"r"}, f.Rules); diff != "" || string(f.Payload) != "injected" || len(f.Anomalies) > 0 {
				t.Errorf("frame %+v", f.Frame)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d frames are marked as injected", n)
	}
}

// TestInjectRefuses what cannot be sent, and where nothing can be.
func TestInjectRefuses(t *testing.T) {
	origin := wsOrigin(t, "", "", fromServer(8, closeWith(1000, "")), finish)
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	client.ReadN(4)
	id := waitEvent[traffic.WSOpened](t, p).ID
	waitEvent[traffic.FrameSeen](t, p)
	for _, i := range []traffic.Injection{{Opcode: traffic.OpClose}, {Opcode: traffic.OpPing, Payload: make([]byte, 126)}} {
		if err := p.Inject(id, i); err == nil {
			t.Errorf("injected opcode %d", i.Opcode)
		}
	}
	if err := p.Inject(id, injection(traffic.ServerToClient, "late")); !errors.Is(err, traffic.ErrFramesClosed) {
		t.Errorf("injected behind a close frame: %v", err)
	}
	if err := p.Inject(id+1, injection(traffic.ServerToClient, "x")); !errors.Is(err, traffic.ErrFramesClosed) {
		t.Errorf("injected into no connection: %v", err)
	}
}

// TestInjectPeers injects while others send as fast as they can, compressed.
func TestInjectPeers(t *testing.T) {
	const injected = 200
	origin := httptest.NewServer(echo(libraries["coder"].serve, true))
	t.Cleanup(origin.Close)
	p, _ := intercepting(t, proxy.Options{})
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr})}
	conn, err := libraries["coder"].dial(t.Context(), strings.Replace(origin.URL, "http", "ws", 1), &http.Client{Transport: transport}, true)
	if err != nil {
		t.Fatal(err)
	}
	id := waitEvent[traffic.WSOpened](t, p).ID
	sent := messages(500)
	var writing sync.WaitGroup
	writing.Go(func() {
		for _, m := range sent {
			if err := conn.write(m); err != nil {
				t.Error(err)
				return
			}
		}
	})
	writing.Go(func() {
		for i := range injected {
			for _, dir := range []traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
				if err := p.Inject(id, injection(dir, fmt.Sprintf("injected %d", i))); err != nil {
					t.Error(err)
				}
			}
		}
	})
	own := 0
	for range len(sent) + 2*injected { // what went up is echoed
		m, err := conn.read()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(m.data), "injected ") {
			if string(m.data) != string(sent[own].data) {
				t.Fatalf("message %d is %.60q", own, m.data)
			}
			own++
		}
	}
	writing.Wait()
	if err := conn.close(); err != nil {
		t.Error(err)
	}
	closedWS(t, p)
}
