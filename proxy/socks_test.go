package proxy_test

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

const (
	socksHello   = "\x05\x01\x00"
	socksGranted = "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	socks4Ok     = "\x00\x5a\x00\x00\x00\x00\x00\x00"
)

// socksPort returns the port of addr as SOCKS has it.
func socksPort(t testing.TB, addr string) string {
	t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return string([]byte{byte(tcp.Port >> 8), byte(tcp.Port)})
}

// TestSOCKS serves what comes behind a handshake as it does behind a CONNECT.
// Requests name the host of an address.
func TestSOCKS(t *testing.T) {
	for name, c := range map[string]struct{ hello, granted, url string }{
		"5, address": {socksHello + "\x05\x01\x00\x01\x7f\x00\x00\x01PP", socksGranted, "http://named.test/x"},
		"5, name":    {socksHello + "\x05\x01\x00\x03\x0borigin.testPP", socksGranted, "http://origin.test:PORT/x"},
		"4":          {"\x04\x01PP\x7f\x00\x00\x01user\x00", socks4Ok, "http://named.test/x"},
		"4a":         {"\x04\x01PP\x00\x00\x00\x01\x00origin.test\x00", socks4Ok, "http://origin.test:PORT/x"},
	} {
		for _, sameWrite := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				origin := newAnswering(t, ok)
				port := portOf(t, origin.Addr)
				p, _ := intercepting(t, proxy.Options{Network: &proxy.Network{Resolve: map[string]string{"origin.test:" + port: "127.0.0.1"}}})
				hello := strings.Replace(c.hello, "PP", socksPort(t, origin.Addr), 1)
				request := "GET /x HTTP/1.1\r\nHost: named.test\r\n\r\n"
				client := nectest.Dial(t, p.addr)
				if sameWrite {
					client.Send(hello + request + request)
				} else {
					client.Send(hello)
				}
				if got := client.ReadN(len(c.granted)); got != c.granted {
					t.Fatalf("the handshake is answered with %q", got)
				}
				if !sameWrite {
					client.Send(request + request)
				}
				client.ReadN(2 * len(ok))
				if len(origin.conns) != 1 || <-origin.heads != request {
					t.Errorf("%d connections", len(origin.conns))
				}
				want := strings.Replace(c.url, "PORT", port, 1)
				if x := p.WaitExchanges(t, 2)[1]; x.Request.URL.String() != want || x.Server != origin.Addr {
					t.Errorf("URL %q of %s, want %q", x.Request.URL, x.Server, want)
				}
			})
		}
	}
}

// TestSOCKSTLS opens TLS behind a handshake.
func TestSOCKSTLS(t *testing.T) {
	origin, pool := secureOrigin(t, ok)
	p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}})
	client := nectest.Dial(t, p.addr)
	client.Send(socksHello + "\x05\x01\x00\x01\x7f\x00\x00\x01" + socksPort(t, origin.Addr))
	client.ReadN(len(socksGranted))
	client = client.StartTLS(withName(config, nectest.OriginHost))
	client.Send("GET / HTTP/1.1\r\nHost: " + nectest.OriginHost + "\r\n\r\n")
	client.ReadN(len(ok))
	if got, want := p.WaitExchanges(t, 1)[0].Request.URL.String(), "https://"+nectest.OriginHost+":"+portOf(t, origin.Addr)+"/"; got != want {
		t.Errorf("URL %q, want %q", got, want)
	}
}

// TestSOCKSRaw passes another protocol, whose origin speaks first.
func TestSOCKSRaw(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.Send("220 smtp\r\n"); c.Send("+" + c.ReadN(4)) })
	p, _ := intercepting(t, proxy.Options{})
	client := nectest.Dial(t, p.addr)
	client.Send(socksHello + "\x05\x01\x00\x01\x7f\x00\x00\x01" + socksPort(t, origin.Addr))
	client.ReadN(len(socksGranted) + len("220 smtp\r\n"))
	client.Send("EHLO")
	if got := client.ReadAll(); got != "+EHLO" {
		t.Errorf("received %q", got)
	}
	client.Close()
	if closed := waitEvent[traffic.TunnelClosed](t, p); closed.BytesUp != 4 || closed.Target != origin.Addr {
		t.Errorf("tunnel %+v", closed.Tunnel)
	}
}

// TestSOCKSFails says in SOCKS, and tells the observer, why there is no connection.
func TestSOCKSFails(t *testing.T) {
	gone := nectest.NewRawServer(t, func(*nectest.Conn) {})
	gone.Close()
	for name, c := range map[string]struct {
		host string // as the request has it
		addr string // whose port it is, "" for necto's own
		code string
		kind traffic.FailureKind
	}{
		"refused":      {"\x01\x7f\x00\x00\x01", gone.Addr, "\x05", traffic.FailConnect},
		"no such host": {"\x03\x0cnone.invalid", gone.Addr, "\x04", traffic.FailDNS},
		"a loop":       {"\x01\x7f\x00\x00\x01", "", "\x02", traffic.FailLoop},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, proxy.Options{}, proxy.Listener{})
			if c.addr == "" {
				c.addr = p.addr
			}
			client := nectest.Dial(t, p.addr)
			client.Send(socksHello + "\x05\x01\x00" + c.host + socksPort(t, c.addr))
			if got, want := client.ReadAll(), "\x05\x00\x05"+c.code+"\x00\x01\x00\x00\x00\x00\x00\x00"; got != want {
				t.Errorf("received %q, want %q", got, want)
			}
			if f := waitEvent[traffic.TunnelClosed](t, p).Failure; f == nil || f.Kind != c.kind {
				t.Errorf("failure %+v", f)
			}
		})
	}
}

// TestSOCKSBehindLayers grants what may never be dialled.
func TestSOCKSBehindLayers(t *testing.T) {
	p, _ := intercepting(t, proxy.Options{Layers: []proxy.Layer{answerWith(traffic.Response{Status: 204})}})
	client := nectest.Dial(t, p.addr)
	client.Send(socksHello + "\x05\x01\x00\x03\x0cnone.invalid\x00\x50GET / HTTP/1.1\r\nHost: none.invalid\r\n\r\n")
	client.ReadN(len(socksGranted))
	if got := client.ReadHead(); got != "HTTP/1.1 204 \r\n\r\n" {
		t.Errorf("received %q", got)
	}
}

// TestBadSOCKS ends handshakes that cannot lead to anything.
func TestBadSOCKS(t *testing.T) {
	proxy.SetHeadTimeout(t, 100*time.Millisecond)
	for name, c := range map[string]struct {
		send  string
		leave bool
		kind  traffic.FailureKind
		text  string
	}{
		"stops":                {socksHello + "\x05\x01", false, traffic.FailTimeout, "did not come in time"},
		"leaves":               {"\x04\x01\x00", true, traffic.FailEOF, "inside a SOCKS handshake"},
		"binds":                {socksHello + "\x05\x02\x00\x03\x01a\x00\x50", false, traffic.FailProtocol, "SOCKS command 2"},
		"has no known method":  {"\x05\x01\x01", false, traffic.FailProtocol, "none is known"},
		"asks for what is not": {socksHello + "\x05\x01\x00\x03\x03a b\x00\x50", false, traffic.FailProtocol, "invalid byte"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(c.send)
			if c.leave {
				client.CloseWrite()
			}
			client.ReadAll()
			if e := clientError(t, p); e.Failure.Kind != c.kind || !strings.Contains(e.Failure.Text, c.text) {
				t.Errorf("event %+v", e.Failure)
			}
		})
	}
}

// TestSOCKSClients has curl come in each of its ways.
func TestSOCKSClients(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed: SOCKS is not tested with a real client")
	}
	for _, way := range []string{"--socks4", "--socks4a", "--socks5", "--socks5-hostname"} {
		for _, origin := range []*nectest.Origin{nectest.NewOrigin(t), nectest.NewTLSOrigin(t)} {
			t.Run(way, func(t *testing.T) {
				p, _ := intercepting(t, proxy.Options{Network: &proxy.Network{Insecure: true}})
				command := exec.CommandContext(t.Context(), curl, "--silent", "--show-error", "--insecure", "--noproxy", "", way, p.addr, origin.URL+"/json")
				out, err := command.CombinedOutput()
				if err != nil || !strings.Contains(string(out), `"name":"necto"`) {
					t.Fatalf("%v: %s", err, out)
				}
				if got := p.WaitExchanges(t, 1)[0].Request.URL.String(); got != origin.URL+"/json" {
					t.Errorf("URL %q", got)
				}
			})
		}
	}
}
