package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestOtherProtocolInTLS passes what is neither HTTP, by the name and the protocol that
// the client asks for, and tells it in the clear.
func TestOtherProtocolInTLS(t *testing.T) {
	for name, c := range map[string]struct {
		offered, known []string // by the client, and by the origin
		agreed         string
		greeting       string // of an origin that speaks first
	}{
		"protocol of its own":         {[]string{"odd", "mqtt"}, []string{"mqtt"}, "mqtt", ""},
		"origin without protocols":    {[]string{"mqtt"}, nil, "", ""},
		"no protocol":                 {nil, nil, "", ""},
		"no protocol, origin first":   {nil, nil, "", "* OK IMAP\r\n"},
		"own protocol, origin first":  {[]string{"imap"}, []string{"imap"}, "imap", "* OK IMAP\r\n"},
		"no protocol, origin has one": {nil, []string{"http/1.1"}, "", ""},
	} {
		for behind, layers := range map[string][]proxy.Layer{"": nil, ", behind layers": {passing}} {
			t.Run(name+behind, func(t *testing.T) {
				t.Parallel()
				asked := make(chan tls.ConnectionState, 1)
				origin, pool := secureServerWith(t, func(config *tls.Config) { config.NextProtos = c.known }, func(conn *nectest.Conn) {
					conn.Send(c.greeting)
					conn.Send("+" + conn.ReadN(4))
					asked <- conn.Conn.(*tls.Conn).ConnectionState()
					conn.ReadAll()
				})
				var log tunnelLog
				p, config := intercepting(t, proxy.Options{
					Observer: &log, Layers: layers, TunnelData: wanted(true),
					Network: &proxy.Network{RootCAs: pool, Resolve: map[string]string{nectest.OriginHost + ":443": origin.Addr}},
				})
				config = withName(config, nectest.OriginHost)
				config.NextProtos = c.offered
				client := tunnel(t, p, nectest.OriginHost+":443", "").StartTLS(config)
				client.ReadN(len(c.greeting))
				client.Send("\x00abc")
				if got := client.ReadN(5); got != "+\x00abc" {
					t.Errorf("received %q", got)
				}
				state := <-asked
				agreed := client.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol
				if layers == nil && agreed != c.agreed || state.ServerName != nectest.OriginHost || agreed != "" && c.known != nil && state.NegotiatedProtocol != c.agreed {
					t.Errorf("the client speaks %q, the origin %q, which is asked for %s", agreed, state.NegotiatedProtocol, state.ServerName)
				}
				client.CloseWrite()
				client.ReadAll()
				if err := p.stop(); err != nil {
					t.Fatal(err)
				}
				want := []string{"opened", "client-to-server: \x00abc", "server-to-client: +\x00abc", "closed"}
				if c.greeting != "" {
					want = append([]string{"opened", "server-to-client: " + c.greeting}, want[1:]...)
				}
				if diff := cmp.Diff(want, log.log); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestOtherProtocolToNobody tells why such a tunnel cannot be opened.
func TestOtherProtocolToNobody(t *testing.T) {
	origin, _ := secureOrigin(t, ok)
	p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: x509.NewCertPool()}})
	config = withName(config, "127.0.0.1")
	config.NextProtos = []string{"mqtt"}
	client := tunnel(t, p, origin.Addr, "").StartTLS(config)
	client.Send("\x00abc")
	if got := client.ReadAll(); got != "" {
		t.Errorf("received %q", got)
	}
	if f := waitEvent[traffic.TunnelClosed](t, p).Failure; f == nil || f.Kind != traffic.FailTLS || f.Side != traffic.SideUpstream {
		t.Errorf("failure %+v", f)
	}

	p, config = intercepting(t, proxy.Options{Layers: []proxy.Layer{answerWith(traffic.Response{Status: 204})}})
	config = withName(config, "a.test")
	config.NextProtos = []string{"mqtt"}
	client = tunnel(t, p, "a.test:443", "").StartTLS(config)
	client.Send("\x00abc")
	client.ReadAll()
	if e := clientError(t, p); !strings.Contains(e.Failure.Text, "there is no network here") || string(e.Head) != "\x00abc" || e.Secure != true {
		t.Errorf("event %+v", e)
	}
}
