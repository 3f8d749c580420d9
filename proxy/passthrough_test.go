package proxy_test

import (
	"crypto/tls"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestPassthrough holds which connections are opened and which not, by the name
// of the CONNECT and by that of the hello.
func TestPassthrough(t *testing.T) {
	const name = nectest.OriginHost
	for what, c := range map[string]struct {
		patterns []string
		connect  string // ADDR is the origin's address
		unread   bool
	}{
		"name of CONNECT":        {[]string{name}, name + ":443", true},
		"other spelling":         {[]string{"Origin.Example.COM."}, name + ":443", true},
		"suffix":                 {[]string{"other.example", "*.example.com"}, name + ":443", true},
		"deep suffix":            {[]string{"*.com"}, name + ":443", true},
		"name of the hello":      {[]string{name}, "ADDR", true},
		"suffix of the hello":    {[]string{"*.example.com"}, "ADDR", true},
		"address":                {[]string{"127.0.0.1"}, "ADDR", true},
		"range":                  {[]string{"127.0.0.0/8"}, "ADDR", true},
		"another range":          {[]string{"10.0.0.0/8", "::/0", "a/b"}, "ADDR", false},
		"range and a name":       {[]string{"0.0.0.0/0"}, name + ":443", false},
		"another name":           {[]string{"example.com", "xorigin.example.com"}, name + ":443", false},
		"suffix inside of label": {[]string{"*.in.example.com", "*gin.example.com"}, name + ":443", false},
		"suffix is the name":     {[]string{"*.origin.example.com"}, name + ":443", false},
		"no patterns":            {nil, name + ":443", false},
	} {
		for how, before := range map[string]string{"": "", ", stray newline": "\r\n"} {
			t.Run(what+how, func(t *testing.T) {
				t.Parallel()
				origin, pool := secureOrigin(t, ok)
				p, config := intercepting(t, proxy.Options{
					Passthrough: c.patterns,
					Network:     &proxy.Network{RootCAs: pool, Resolve: map[string]string{name + ":443": origin.Addr}},
				})
				connect := strings.ReplaceAll(c.connect, "ADDR", origin.Addr)
				if c.unread { // only the origin's own certificate is trusted
					config = &tls.Config{RootCAs: pool}
				}
				raw := tunnel(t, p, connect, before)
				client := raw.StartTLS(withName(config, name))
				client.Send("GET / HTTP/1.1\r\nHost: " + name + "\r\n\r\n")
				client.ReadN(len(ok))
				if !c.unread {
					p.WaitExchanges(t, 1)
					return
				}
				client.Close()
				closed := waitEvent[traffic.TunnelClosed](t, p)
				if closed.Target != connect || closed.SNI != name || closed.BytesUp < 100 || closed.BytesDown < 500 {
					t.Errorf("tunnel %+v", closed.Tunnel)
				}
				if count[traffic.RequestStarted](p)+count[traffic.CertIssued](p) > 0 {
					t.Errorf("events %v", p.Events())
				}
			})
		}
	}
}

// TestPassthroughNow holds that more names can come, and go, while the proxy runs.
func TestPassthroughNow(t *testing.T) {
	const name = nectest.OriginHost
	origin, pool := secureOrigin(t, ok)
	var now atomic.Pointer[[]string]
	p, config := intercepting(t, proxy.Options{
		PassthroughNow: func() []string {
			if names := now.Load(); names != nil {
				return *names
			}
			return nil
		},
		Network: &proxy.Network{RootCAs: pool, Resolve: map[string]string{name + ":443": origin.Addr}},
	})
	get := func(connect string, config *tls.Config) {
		t.Helper()
		client := tunnel(t, p, connect, "").StartTLS(withName(config, name))
		client.Send("GET / HTTP/1.1\r\nHost: " + name + "\r\n\r\n")
		client.ReadN(len(ok))
		client.Close()
	}
	get(name+":443", config)
	now.Store(&[]string{"*.example.com"})
	for _, connect := range []string{name + ":443", origin.Addr} {
		get(connect, &tls.Config{RootCAs: pool})
	}
	now.Store(nil)
	get(origin.Addr, config)
	if n := count[traffic.RequestStarted](p); n != 2 {
		t.Errorf("%d requests were read, want 2", n)
	}
}

// TestPassthroughOtherProtocols passes what is no TLS to a passthrough host,
// and the ends of both directions by themselves.
func TestPassthroughOtherProtocols(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.Send("220 hello\r\n")
		got := c.ReadAll() // until the client's direction has ended
		c.Send("got " + got)
	})
	p, _ := intercepting(t, proxy.Options{Passthrough: []string{"127.0.0.1"}})
	client := tunnel(t, p, origin.Addr, "")
	client.ReadUntil("220 hello\r\n")
	client.Send("\r\nabc")
	client.CloseWrite()
	if got := client.ReadAll(); got != "got \r\nabc" {
		t.Errorf("received %q", got)
	}
	if closed := waitEvent[traffic.TunnelClosed](t, p); closed.SNI != "" || closed.BytesUp != 5 || closed.BytesDown != 20 || closed.Failure != nil {
		t.Errorf("tunnel %+v", closed.Tunnel)
	}
}
