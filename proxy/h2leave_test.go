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
	configure := func(config *tls.Config) {
		onlyHTTP2(config)
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return nil, shake(hello) }
	}
	origin, pool := secureServerWith(t, configure, func(c *nectest.Conn) {
		_ = h2.Server(c, h2.Config{}, func(st *h2.Stream) { answer(st, "there") }).Run(context.WithoutCancel(t.Context()))
	})
	p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}, Layers: []proxy.Layer{passThrough}})
	return engineClient(t, p, config, origin.Addr), origin.Addr, p
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
			client, addr, p := setupSlow(t, func(hello *tls.ClientHelloInfo) error {
				shaking <- true
				_, err := hello.Conn.Read(make([]byte, 1)) // nothing comes before our answer
				left <- errors.Is(err, io.EOF)
				return err
			})
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
