package proxy_test

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// intercepting starts a proxy that opens TLS, trusts all origins, and maps
// names to addresses. The configuration trusts its certificates.
func intercepting(t testing.TB, opts proxy.Options) (*running, *tls.Config) {
	t.Helper()
	if opts.Network == nil && opts.Layers == nil {
		opts.Network = &proxy.Network{Insecure: true}
	}
	var config *tls.Config
	opts.CA, config = authority(t)
	return start(t, opts, proxy.Listener{}), config
}

// tunnel opens a CONNECT to target and sends more in the same write.
func tunnel(t testing.TB, p *running, target, more string) *nectest.Conn {
	t.Helper()
	c := nectest.Dial(t, p.addr)
	c.Send("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n" + more)
	if got := c.ReadN(len(established)); got != established {
		t.Fatalf("the answer to CONNECT is %q", got+c.ReadAll())
	}
	return c
}

// withName returns a configuration that asks for, and verifies, name.
func withName(config *tls.Config, name string) *tls.Config {
	config = config.Clone()
	config.ServerName = name
	return config
}

// TestHTTPInConnect has clients that tunnel plain HTTP.
func TestHTTPInConnect(t *testing.T) {
	request := "GET /x?y HTTP/1.1\r\nHost: other.example\r\n\r\n"
	for name, before := range map[string]string{"plain": "", "stray newline": "\r\n", "two stray newlines": "\n\r\n"} {
		for _, sameWrite := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				origin := newAnswering(t, ok)
				p, _ := intercepting(t, proxy.Options{})
				var c *nectest.Conn
				if sameWrite {
					c = tunnel(t, p, origin.Addr, before+request)
				} else {
					c = tunnel(t, p, origin.Addr, before)
					c.Send(request)
				}
				c.ReadN(len(ok))
				c.Send(strings.Replace(request, "/x?y", "http://"+origin.Addr+"/x?y", 1))
				c.ReadN(len(ok))
				if got := <-origin.heads; got != request {
					t.Errorf("the origin received %q", got)
				}
				if len(origin.conns) != 1 {
					t.Errorf("%d connections, want the one of the CONNECT", len(origin.conns))
				}
				for _, x := range p.WaitExchanges(t, 2) {
					if want := "http://" + origin.Addr + "/x?y"; x.Request.URL.String() != want || x.TLS != nil {
						t.Errorf("URL %q, want %q", x.Request.URL, want)
					}
				}
			})
		}
	}
}

// TestMisdirected asks for another origin inside a tunnel.
func TestMisdirected(t *testing.T) {
	origin := newAnswering(t, ok)
	p, _ := intercepting(t, proxy.Options{})
	c := tunnel(t, p, origin.Addr, "")
	c.Send(get("other.example", "/"))
	checkRefused(t, p, c, "421", "a request for other.example inside a tunnel to "+origin.Addr)
}

func TestNestedConnect(t *testing.T) {
	origin := newAnswering(t, ok)
	p, _ := intercepting(t, proxy.Options{})
	c := tunnel(t, p, origin.Addr, "")
	c.Send("CONNECT " + origin.Addr + " HTTP/1.1\r\nHost: x\r\n\r\n")
	checkRefused(t, p, c, "405", "CONNECT is for the proxy itself")
}

// passing is a layer that does nothing.
func passing(next traffic.RoundTripper) traffic.RoundTripper { return next }

// rawTunnel is what an origin does, what a client sends with and behind its
// CONNECT, what it then receives, and how many bytes go up.
type rawTunnel struct {
	origin           func(*nectest.Conn)
	with, then, want string
	up               int64
}

// TestRawTunnel passes protocols that are neither HTTP nor TLS, byte for byte,
// whoever speaks first.
func TestRawTunnel(t *testing.T) {
	echo := func(c *nectest.Conn) { c.Send("+" + c.ReadN(len("\x00\x01EHLO"))); c.ReadAll(); c.Send("bye") }
	greet := func(c *nectest.Conn) { c.Send("220 smtp\r\n"); c.ReadN(len("EHLO")); c.Send("250 ok\r\n"); c.ReadAll() }
	layers := map[string]proxy.Options{"": {}, ", behind layers": {Layers: []proxy.Layer{passing}, Network: &proxy.Network{}}}
	for name, c := range map[string]rawTunnel{
		"client first":                  {echo, "", "\x00\x01EHLO", "+\x00\x01EHLO", 6},
		"client first, in one write":    {echo, "\x00\x01EHLO", "", "+\x00\x01EHLO", 6},
		"newlines of the protocol":      {echo, "\r\n1EHL", "", "+\r\n1EHL", 6},
		"origin first":                  {greet, "", "", "220 smtp\r\n", 4},
		"half a word":                   {func(c *nectest.Conn) { c.Send("+" + c.ReadN(2)); c.ReadAll() }, "PR", "", "+PR", 2},
		"word that stops in the middle": {func(c *nectest.Conn) { c.Send("+" + c.ReadN(4)); c.ReadAll() }, "HELO", "", "+HELO", 4},
	} {
		for behind, opts := range layers {
			t.Run(name+behind, func(t *testing.T) {
				t.Parallel()
				testRawTunnel(t, opts, c)
			})
		}
	}
}

func testRawTunnel(t *testing.T, opts proxy.Options, c rawTunnel) {
	origin := nectest.NewRawServer(t, c.origin)
	p, _ := intercepting(t, opts)
	client := tunnel(t, p, origin.Addr, c.with)
	client.Send(c.then)
	if got := client.ReadN(len(c.want)); got != c.want {
		t.Fatalf("received %q, want %q", got, c.want)
	}
	if strings.HasPrefix(c.want, "220") {
		client.Send("EHLO")
		c.want += client.ReadN(len("250 ok\r\n"))
	}
	client.CloseWrite()
	c.want += client.ReadAll() // the origin sees the end, and may still speak
	closed := waitEvent[traffic.TunnelClosed](t, p)
	got := *closed.Tunnel
	got.Started, got.Steps, got.Duration = time.Time{}, traffic.ConnSteps{}, 0
	want := traffic.Tunnel{Conn: 1, Client: client.LocalAddr().String(), Target: origin.Addr, BytesUp: c.up, BytesDown: int64(len(c.want))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tunnel (-want +got):\n%s", diff)
	}
	if count[traffic.TunnelOpened](p) != 1 || count[traffic.RequestStarted](p) != 0 {
		t.Errorf("events %v", p.Events())
	}
}

// TestRawTunnelCut passes a reset on: neither side must take what came for
// whole.
func TestRawTunnelCut(t *testing.T) {
	t.Run("by the origin", func(t *testing.T) {
		origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadN(3); c.Send("abc"); c.Ended(20 * time.Millisecond); c.Reset() })
		p, _ := intercepting(t, proxy.Options{})
		client := tunnel(t, p, origin.Addr, "\x01\x02\x03")
		if got, err := readToEnd(client); err == nil || got != "abc" {
			t.Errorf("received %q and a clean end", got)
		}
		if f := waitEvent[traffic.TunnelClosed](t, p).Failure; f == nil || f.Kind != traffic.FailReset {
			t.Errorf("failure %+v", f)
		}
	})
	t.Run("by the client", func(t *testing.T) {
		ended := make(chan string, 1)
		origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
			got, err := readToEnd(c)
			if err == nil {
				t.Error("a clean end")
			}
			ended <- got
		})
		p, _ := intercepting(t, proxy.Options{})
		client := tunnel(t, p, origin.Addr, "\x01\x02\x03")
		waitEvent[traffic.TunnelOpened](t, p)
		time.Sleep(20 * time.Millisecond)
		client.Reset()
		if got := within(t, atOnce, "end of the tunnel", ended); got != "\x01\x02\x03" {
			t.Errorf("the origin received %q", got)
		}
		if f := waitEvent[traffic.TunnelClosed](t, p).Failure; f == nil || f.Kind != traffic.FailReset {
			t.Errorf("failure %+v", f)
		}
	})
}

// TestSilentTunnelBehindLayers dials for a client that says nothing: in vain,
// which must not keep a layer from answering, and is told if none does.
func TestSilentTunnelBehindLayers(t *testing.T) {
	answer := answerWith(traffic.Response{Status: 204})
	p, _ := intercepting(t, proxy.Options{Layers: []proxy.Layer{answer}, Network: &proxy.Network{}})
	client := tunnel(t, p, "no-such-host.invalid:80", "")
	time.Sleep(300 * time.Millisecond)
	client.Send("GET / HTTP/1.1\r\nHost: no-such-host.invalid\r\n\r\n")
	if got := client.ReadHead(); got != "HTTP/1.1 204 \r\n\r\n" {
		t.Errorf("received %q", got)
	}
	client.Close()
	client = tunnel(t, p, "no-such-host.invalid:25", "")
	time.Sleep(300 * time.Millisecond)
	client.Close()
	if f := waitEvent[traffic.TunnelClosed](t, p).Failure; f == nil || f.Kind != traffic.FailDNS {
		t.Errorf("failure %+v", f)
	}
}

// TestSilentTunnel has an origin that ends before anybody has spoken.
func TestSilentTunnel(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { time.Sleep(300 * time.Millisecond) })
	p, _ := intercepting(t, proxy.Options{})
	client := tunnel(t, p, origin.Addr, "")
	if !client.Ended(time.Second) {
		t.Error("the client was not told")
	}
}

// TestTunnelWithoutCA passes everything unread.
func TestTunnelWithoutCA(t *testing.T) {
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := tunnel(t, p, origin.Addr, "GET / HTTP/1.1\r\n\r\n")
	client.ReadN(len(ok))
	client.Close()
	if closed := waitEvent[traffic.TunnelClosed](t, p); closed.BytesUp != 18 || closed.BytesDown != int64(len(ok)) || closed.Failure != nil {
		t.Errorf("tunnel %+v", closed.Tunnel)
	}
}

// TestLateTunnel sends a tunnel's first bytes long after the CONNECT, when its
// origin has given up on the connection made for it.
func TestLateTunnel(t *testing.T) {
	conns := make(chan int, 10)
	for i := range 10 {
		conns <- i
	}
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		if first := <-conns == 0; first {
			return
		}
		c.ReadHead()
		c.Send(ok)
	})
	p, _ := intercepting(t, proxy.Options{})
	client := tunnel(t, p, origin.Addr, "")
	time.Sleep(50 * time.Millisecond)
	client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := client.ReadN(len(ok)); got != ok {
		t.Errorf("the answer is %q", got)
	}
}

// TestRawTunnelBehindLayers is dialled late: the client was told that it is
// open, and is cut.
func TestRawTunnelBehindLayers(t *testing.T) {
	p, _ := intercepting(t, proxy.Options{Layers: []proxy.Layer{passing}, Network: &proxy.Network{}})
	client := tunnel(t, p, "no-such-host.invalid:1", "\x01\x02")
	if got, err := readToEnd(client); err == nil {
		t.Errorf("received %q and a clean end", got)
	}
	if f := waitEvent[traffic.TunnelClosed](t, p).Failure; f == nil || f.Kind != traffic.FailDNS {
		t.Errorf("failure %+v", f)
	}
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.Send("+" + c.ReadN(2)) })
	client = tunnel(t, p, origin.Addr, "\x01\x02")
	if got := client.ReadAll(); got != "+\x01\x02" {
		t.Errorf("received %q", got)
	}
}

// TestLargeTunnel passes more than buffers hold in both directions.
func TestLargeTunnel(t *testing.T) {
	const size = 8 << 20
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.Send(strings.ToLower(c.ReadN(size))) })
	p, _ := intercepting(t, proxy.Options{})
	client := tunnel(t, p, origin.Addr, "")
	client.Send("\x01" + strings.Repeat("X", size-1))
	if got := client.ReadAll(); !bytes.Equal([]byte(got), append([]byte{1}, bytes.Repeat([]byte("x"), size-1)...)) {
		t.Errorf("received %d bytes", len(got))
	}
}
