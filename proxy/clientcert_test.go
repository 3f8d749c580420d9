package proxy_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestClientCert shows an origin that asks for a certificate the one for its exact
// name, else one for a pattern, else none.
func TestClientCert(t *testing.T) {
	signer, err := ca.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	issue := func(name string) tls.Certificate {
		cert, err := signer.Leaf(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return *cert
	}
	served := issue(nectest.OriginHost)
	origin := nectest.NewRawTLSServer(t, &tls.Config{Certificates: []tls.Certificate{served}, ClientAuth: tls.RequireAnyClientCert}, func(c *nectest.Conn) {
		if c.Ended(patience) { // for want of a certificate
			return
		}
		c.ReadHead()
		if conn, ok := c.Conn.(*tls.Conn); ok {
			name := conn.ConnectionState().PeerCertificates[0].DNSNames[0]
			c.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Name: " + name + "\r\n\r\n")
		}
	})
	_, port, _ := net.SplitHostPort(origin.Addr)
	pattern, exact := proxy.ClientCert{Host: "*.example.com", Cert: issue("pattern.test")}, proxy.ClientCert{Host: "ORIGIN.example.com", Cert: issue("exact.test")}
	for name, c := range map[string]struct {
		certs []proxy.ClientCert
		want  string
	}{
		"exact":   {[]proxy.ClientCert{pattern, exact}, "X-Name: exact.test"},
		"pattern": {[]proxy.ClientCert{pattern}, "X-Name: pattern.test"},
		"none":    {[]proxy.ClientCert{{Host: "other.example", Cert: issue("other.test")}}, "certificate required"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := nectest.OriginHost + ":" + port
			p := start(t, proxy.Options{Network: &proxy.Network{
				Insecure: true, ClientCerts: c.certs, Resolve: map[string]string{addr: "127.0.0.1"},
			}}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send("GET https://" + addr + "/ HTTP/1.1\r\nHost: " + addr + "\r\n\r\n")
			if c.want == "certificate required" {
				if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, c.want) {
					t.Errorf("received %q", got)
				}
				if f := p.WaitExchanges(t, 1)[0].Failure; f.Kind != traffic.FailTLS {
					t.Errorf("failure %+v", f)
				}
				return
			}
			if got := client.ReadHead(); !strings.Contains(got, c.want) {
				t.Errorf("received %q", got)
			}
		})
	}
}
