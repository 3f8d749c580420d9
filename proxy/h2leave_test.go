package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// setupSlow runs an origin whose handshakes last until shake lets them go on, and a
// client of HTTP/2.
func setupSlow(t *testing.T, shake func(*tls.ClientHelloInfo) error) (client *h2.Conn, addr string, p *running) {
	t.Helper()
	p, config, addr := startSlow(t, shake, passThrough)
	return engineClient(t, p, config, addr), addr, p
}

// startSlow is setupSlow without the client.
func startSlow(t *testing.T, shake func(*tls.ClientHelloInfo) error, layers ...proxy.Layer) (p *running, config *tls.Config, addr string) {
	t.Helper()
	configure := func(config *tls.Config) {
		onlyHTTP2(config)
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return nil, shake(hello) }
	}
	origin, pool := secureServerWith(t, configure, func(c *nectest.Conn) {
		_ = h2.Server(c, h2.Config{}, func(st *h2.Stream) { answer(st, "there") }).Run(context.WithoutCancel(t.Context()))
	})
	p, config = intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}, Layers: layers})
	return p, config, origin.Addr
}

// untilLeft is a handshake that lasts until the client has left, which it tells.
func untilLeft(shaking, left chan bool) func(*tls.ClientHelloInfo) error {
	return func(hello *tls.ClientHelloInfo) error {
		shaking <- true
		_, err := hello.Conn.Read(make([]byte, 1)) // nothing comes before our answer
		left <- errors.Is(err, io.EOF)
		return err
	}
}

// TestClientLeavesDuringOriginTLS gives up the handshake with an origin whose choice
// of a protocol its client does not wait for any more.
func TestClientLeavesDuringOriginTLS(t *testing.T) {
	shaking, left := make(chan bool, 1), make(chan bool, 1)
	p, config, addr := startSlow(t, untilLeft(shaking, left))
	client := tunnel(t, p, addr, "")
	config = withName(config, "127.0.0.1")
	config.NextProtos = []string{"h2", "http/1.1"}
	shaken := make(chan error, 1)
	go func() { shaken <- tls.Client(client.Conn, config).HandshakeContext(context.WithoutCancel(t.Context())) }()
	within(t, patience, "a handshake", shaking)
	client.Close()
	within(t, atOnce, "the end of the handshake", left)
	if err := <-shaken; err == nil {
		t.Error("the client's handshake went on")
	}
	if e := waitEvent[traffic.TLSFailed](t, p); e.Failure != "closed" || e.Target != addr {
		t.Errorf("event %+v", e)
	}
}

// TestHTTP2ClientLeavesDuringDial gives up a connection that nobody waits for any
// more.
func TestHTTP2ClientLeavesDuringDial(t *testing.T) {
	for name, leave := range map[string]func(*h2.Conn, *h2.Stream){
		"stream":     func(_ *h2.Conn, st *h2.Stream) { st.Reset(h2.CodeCancel) },
		"connection": func(client *h2.Conn, _ *h2.Stream) { client.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shaking, left := make(chan bool, 1), make(chan bool, 1)
			client, addr, p := setupSlow(t, untilLeft(shaking, left))
			st := send(t, client, get2(addr, "/"))
			within(t, patience, "a handshake", shaking)
			leave(client, st)
			if !within(t, atOnce, "the end of the handshake", left) {
				t.Error("the handshake did not end in good order")
			}
			if f := p.WaitExchanges(t, 1)[0].Failure; f == nil || f.Side != traffic.SideClient || f.Kind != traffic.FailReset {
				t.Errorf("failure %+v", f)
			}
		})
	}
}

// TestHTTP2OthersWaitForDial has one of two streams leave that wait for the same
// connection.
func TestHTTP2OthersWaitForDial(t *testing.T) {
	shaking, goOn := make(chan bool, 2), make(chan bool)
	client, addr, p := setupSlow(t, func(*tls.ClientHelloInfo) error {
		shaking <- true
		<-goOn
		return nil
	})
	leaving, staying := send(t, client, get2(addr, "/leaving")), send(t, client, get2(addr, "/staying"))
	within(t, patience, "a handshake", shaking)
	p.Wait(t, func([]traffic.Event) bool { return count[traffic.RequestStarted](p) == 2 })
	time.Sleep(100 * time.Millisecond) // both wait now
	leaving.Reset(h2.CodeCancel)
	if x := p.WaitExchanges(t, 1)[0]; x.Request.Target != "/leaving" || x.Failure == nil {
		t.Errorf("%s has ended with %v", x.Request.Target, x.Failure)
	}
	close(goOn)
	if head, text := receive(t, staying); head.Status() != 200 || text != "there" {
		t.Errorf("status %d, %q", head.Status(), text)
	}
	if n := len(shaking); n != 0 {
		t.Errorf("%d more connections", n)
	}
}
