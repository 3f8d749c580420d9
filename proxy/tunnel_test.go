package proxy_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// tunnelLog notes what is told of tunnels.
type tunnelLog struct {
	mu  sync.Mutex
	log []string // guarded by mu; data of one direction is joined
}

func (l *tunnelLog) Observe(e traffic.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := e.(type) {
	case traffic.TunnelOpened:
		l.log = append(l.log, "opened")
	case traffic.TunnelClosed:
		l.log = append(l.log, "closed")
	case traffic.TunnelData:
		last := &l.log[len(l.log)-1]
		if dir := e.Dir.String() + ": "; strings.HasPrefix(*last, dir) {
			*last += string(e.Data)
		} else {
			l.log = append(l.log, dir+string(e.Data))
		}
	default:
	}
}

// TestTunnelData tells of all that passes, in its order, whoever speaks first and
// whether it is TLS that passes or a protocol that is not known.
func TestTunnelData(t *testing.T) {
	for name, c := range map[string]struct {
		origin      func(*nectest.Conn)
		with, reply string // what is sent with the CONNECT, and received first
		passthrough []string
		want        []string
	}{
		"client first": {func(c *nectest.Conn) { c.Send("+" + c.ReadN(3)); c.ReadAll() }, "\x00ab", "+\x00ab", nil, []string{
			"opened", "client-to-server: \x00ab", "server-to-client: +\x00ab", "client-to-server: bye", "closed",
		}},
		"origin first": {func(c *nectest.Conn) { c.Send("220 hi"); c.ReadAll() }, "", "220 hi", nil, []string{
			"opened", "server-to-client: 220 hi", "client-to-server: bye", "closed",
		}},
		"passed through": {func(c *nectest.Conn) { c.Send("+" + c.ReadN(3)); c.ReadAll() }, "GET", "+GET", []string{"127.0.0.1"}, []string{
			"opened", "client-to-server: GET", "server-to-client: +GET", "client-to-server: bye", "closed",
		}},
	} {
		for _, asked := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				origin := nectest.NewRawServer(t, c.origin)
				var log tunnelLog
				p, _ := intercepting(t, proxy.Options{Observer: &log, TunnelData: wanted(asked), Passthrough: c.passthrough})
				client := tunnel(t, p, origin.Addr, c.with)
				client.ReadN(len(c.reply))
				client.Send("bye")
				client.CloseWrite()
				client.ReadAll()
				if err := p.stop(); err != nil {
					t.Fatal(err)
				}
				want := c.want
				if !asked {
					want = []string{"opened", "closed"}
				}
				if diff := cmp.Diff(want, log.log); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestTunnelBreaks names the side that has broken a tunnel, whether the system copies
// its bytes or necto.
func TestTunnelBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		origin func(*nectest.Conn)
		client func(*nectest.Conn)
		side   traffic.Side
	}{
		"client resets": {func(c *nectest.Conn) { c.ReadAll() }, (*nectest.Conn).Reset, traffic.SideClient},
		"origin resets": {func(c *nectest.Conn) { c.ReadN(1); c.Reset() }, func(c *nectest.Conn) { c.ReadAll() }, traffic.SideUpstream},
		"client resets under load": {
			func(c *nectest.Conn) { io.Copy(c.Conn, endless{}) },
			func(c *nectest.Conn) { c.ReadN(1 << 20); c.Reset() }, traffic.SideClient,
		},
		"origin resets under load": {
			func(c *nectest.Conn) { c.ReadN(1 << 20); c.Reset() },
			func(c *nectest.Conn) { io.Copy(c.Conn, endless{}); c.ReadAll() }, traffic.SideUpstream,
		},
	} {
		for _, tapped := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				origin := nectest.NewRawServer(t, c.origin)
				opts := proxy.Options{}
				if tapped {
					opts.TunnelData = wanted(false)
				}
				p, _ := intercepting(t, opts)
				client := tunnel(t, p, origin.Addr, "\x00")
				waitEvent[traffic.TunnelOpened](t, p)
				time.Sleep(20 * time.Millisecond) // both directions are being copied
				c.client(client)
				failure := waitEvent[traffic.TunnelClosed](t, p).Failure
				if failure == nil || failure.Side != c.side || failure.Kind != traffic.FailReset {
					t.Errorf("failure %+v", failure)
				}
			})
		}
	}
}

// endless is a source that has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestTunnelIsRefused has origins that are not there, behind CONNECT and SOCKS.
func TestTunnelIsRefused(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := gone.Addr().String()
	gone.Close()
	p, _ := intercepting(t, proxy.Options{Passthrough: []string{"*.test"}, Layers: []proxy.Layer{passing}, Network: &proxy.Network{}})
	client := nectest.Dial(t, p.addr)
	client.Send(socksHello + "\x05\x01\x00\x01\x7f\x00\x00\x01" + socksPort(t, addr) + "\x00raw") // is granted: there are layers
	client.ReadAll()
	if closed := waitEvent[traffic.TunnelClosed](t, p); closed.Failure == nil || closed.Failure.Kind != traffic.FailConnect || closed.Failure.Side != traffic.SideUpstream {
		t.Errorf("tunnel %+v", closed.Tunnel)
	}
}
