package proxy_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

const (
	upgradeFields = "Connection: Upgrade\r\nuPgrade: echo\r\n"
	switching     = "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
)

// TestUpgrade passes what a 101 agreed on, with bytes behind both heads in the
// same writes, over plain connections and over TLS on both sides.
func TestUpgrade(t *testing.T) {
	script := func(c *nectest.Conn) {
		c.ReadHead()
		c.Send(switching + "\x81\x02hi")
		c.Send("+" + c.ReadN(len("early")))
		c.Send("+" + c.ReadAll())
	}
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "secure"}[secure], func(t *testing.T) {
			origin, pool := nectest.NewRawServer(t, script), (*x509.CertPool)(nil)
			if secure {
				origin, pool = secureServer(t, script)
			}
			p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}})
			client := nectest.Dial(t, p.addr)
			target := "http://" + origin.Addr + "/chat"
			if secure {
				client = tunnel(t, p, origin.Addr, "").StartTLS(withName(config, "127.0.0.1"))
				target = "/chat"
			}
			client.Send("GET " + target + " HTTP/1.1\r\nHost: " + origin.Addr + "\r\n" + upgradeFields + "\r\nearly")
			if got, want := client.ReadN(len(switching)+10), switching+"\x81\x02hi+early"; got != want {
				t.Errorf("received %q, want %q", got, want)
			}
			client.Send("late")
			client.CloseWrite()
			if got := client.ReadAll(); got != "+late" {
				t.Errorf("and then %q", got)
			}
			x := p.WaitExchanges(t, 1)[0]
			if x.Failure != nil || x.Response.Status != 101 || x.Response.Reason != "Switching" || x.ResponseBody != nil {
				t.Errorf("failure %v, response %+v", x.Failure, x.Response)
			}
			closed := waitEvent[traffic.TunnelClosed](t, p)
			if closed.BytesUp != 9 || closed.BytesDown != 15 || closed.Target != origin.Addr || closed.Failure != nil {
				t.Errorf("tunnel %+v", closed.Tunnel)
			}
		})
	}
}

// TestUpgradeRefused is an answer like any other.
func TestUpgradeRefused(t *testing.T) {
	const refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
	origin := newAnswering(t, refusal)
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	for range 2 {
		client.Send(strings.Replace(get(origin.Addr, "/"), "\r\n\r\n", "\r\n"+upgradeFields+"\r\n", 1))
		if diff := cmp.Diff(refusal, client.ReadN(len(refusal))); diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
	}
}

// TestUpgradeDuringUpload has an origin that switches before it has the whole
// request.
func TestUpgradeDuringUpload(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadHead(); c.Send(switching); c.ReadAll() })
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send("POST http://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\n" + upgradeFields + "Content-Length: 5\r\n\r\nab")
	if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "101 before the request was over") {
		t.Errorf("the answer is %q", got)
	}
}

// TestUpgradeByLayer has a layer that says 101 and has no connection behind it.
func TestUpgradeByLayer(t *testing.T) {
	p := start(t, proxy.Options{Layers: []proxy.Layer{answerWith(traffic.Response{Status: 101, Proto: "HTTP/1.1"})}}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(strings.Replace(get("a.invalid", "/"), "\r\n\r\n", "\r\n"+upgradeFields+"\r\n", 1))
	if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("the answer is %q", got)
	}
	if f := p.WaitExchanges(t, 1)[0].Failure; f == nil {
		t.Error("no failure")
	}
}
