package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// secureOrigin is an answering origin behind TLS whose certificate, for
// origin.example.com and 127.0.0.1, is signed by an authority of its own.
func secureOrigin(t testing.TB, response string) (*nectest.RawServer, *x509.CertPool) {
	t.Helper()
	return secureServer(t, answerAll(response))
}

// answerAll is the script of a server that answers every request.
func answerAll(response string) func(*nectest.Conn) {
	return func(c *nectest.Conn) {
		for !c.Ended(resting) {
			c.ReadHead()
			c.Send(response)
		}
	}
}

func secureServer(t testing.TB, script func(*nectest.Conn)) (*nectest.RawServer, *x509.CertPool) {
	t.Helper()
	return secureServerWith(t, func(*tls.Config) {}, script)
}

// secureServerWith is secureServer with another configuration.
func secureServerWith(t testing.TB, configure func(*tls.Config), script func(*nectest.Conn)) (*nectest.RawServer, *x509.CertPool) {
	t.Helper()
	signer, err := ca.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(signer.Certificate())
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		host := hello.ServerName
		if host != nectest.OriginHost {
			host = "127.0.0.1"
		}
		return signer.Leaf(hello.Context(), host)
	}}
	configure(config)
	return nectest.NewRawTLSServer(t, config, script), pool
}

// TestIntercept opens the client's TLS and that of the origin, whichever way the
// origin is named.
func TestIntercept(t *testing.T) {
	for name, c := range map[string]struct {
		connect    string // ADDR is the origin's address
		sni        string // "" for none
		host       string // in the URL
		commonName string
	}{
		"by name":             {"origin.example.com:443", "origin.example.com", "origin.example.com", "origin.example.com"},
		"by name, other port": {"origin.example.com:8443", "origin.example.com", "origin.example.com:8443", "origin.example.com"},
		"by name without SNI": {"origin.example.com:443", "", "origin.example.com", "origin.example.com"},
		"by address":          {"ADDR", "", "ADDR", "127.0.0.1"},
		"address and SNI":     {"ADDR", "origin.example.com", "origin.example.com:PORT", "origin.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin, pool := secureOrigin(t, ok)
			_, port, _ := net.SplitHostPort(origin.Addr)
			fill := strings.NewReplacer("ADDR", origin.Addr, "PORT", port)
			p, config := intercepting(t, proxy.Options{Network: &proxy.Network{
				RootCAs: pool, Resolve: map[string]string{"origin.example.com:443": origin.Addr, "origin.example.com:8443": origin.Addr},
			}})
			client := tunnel(t, p, fill.Replace(c.connect), "")
			config = withName(config, c.sni)
			if c.sni == "" { // ask for no name, but verify one
				config.InsecureSkipVerify = true
			}
			client = client.StartTLS(config)
			for range 2 {
				client.Send("GET /a HTTP/1.1\r\nHost: whatever\r\n\r\n")
				client.ReadN(len(ok))
			}
			state := client.Conn.(*tls.Conn).ConnectionState()
			if err := state.PeerCertificates[0].VerifyHostname(c.commonName); err != nil {
				t.Error(err)
			}
			xs := p.WaitExchanges(t, 2)
			if got, want := xs[0].Request.URL.String(), "https://"+fill.Replace(c.host)+"/a"; got != want {
				t.Errorf("URL %q, want %q", got, want)
			}
			want := &traffic.TLSInfo{
				Version: "1.3", Cipher: tls.CipherSuiteName(state.CipherSuite), SNI: c.sni,
				JA3: xs[0].TLS.JA3, JA4: xs[0].TLS.JA4, // see TestHelloIsTold
			}
			if diff := cmp.Diff(want, xs[0].TLS); diff != "" {
				t.Errorf("TLS (-want +got):\n%s", diff)
			}
			if xs[0].Timing.TLS <= 0 || xs[1].Timing.TLS != -1 || xs[1].Timing.Connect != -1 {
				t.Errorf("timings %+v and %+v", xs[0].Timing, xs[1].Timing)
			}
			if issued := waitEvent[traffic.CertIssued](t, p); issued.Name != c.commonName || time.Until(issued.NotAfter) < 24*time.Hour {
				t.Errorf("issued %+v", issued)
			}
		})
	}
}

// TestALPN offers HTTP/2 first: HTTP/1.1 is agreed on.
func TestALPN(t *testing.T) {
	origin, pool := secureOrigin(t, ok)
	p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}})
	config = withName(config, "127.0.0.1")
	config.NextProtos = []string{"h2", "http/1.1"}
	client := tunnel(t, p, origin.Addr, "\r\n").StartTLS(config)
	client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	client.ReadN(len(ok))
	if x := p.WaitExchanges(t, 1)[0]; x.TLS.ALPN != "http/1.1" {
		t.Errorf("TLS %+v", x.TLS)
	}
}

// TestCertIssuedOnce opens several connections to a host.
func TestCertIssuedOnce(t *testing.T) {
	origin, _ := secureOrigin(t, ok)
	p, config := intercepting(t, proxy.Options{})
	for range 5 {
		client := tunnel(t, p, origin.Addr, "").StartTLS(withName(config, "127.0.0.1"))
		client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		client.ReadN(len(ok))
	}
	if n := count[traffic.CertIssued](p); n != 1 {
		t.Errorf("%d certificates issued", n)
	}
}

// TestBadOriginCertificate shows the client why the origin is not trusted, and
// the ways to trust it.
func TestBadOriginCertificate(t *testing.T) {
	for name, c := range map[string]struct {
		host    string
		expired bool
		network func(*proxy.Network, *x509.CertPool)
		text    string // "" for success
	}{
		"unknown authority":    {host: "origin.example.com", text: "x509: certificate signed by unknown authority"},
		"wrong name":           {host: "wrong.example.com", network: trust, text: "x509: certificate is not valid for any names, but wanted to match wrong.example.com"},
		"expired":              {host: "origin.example.com", expired: true, network: trust, text: "x509: certificate has expired"},
		"trusted":              {host: "origin.example.com", network: trust},
		"insecure":             {host: "wrong.example.com", network: func(n *proxy.Network, _ *x509.CertPool) { n.Insecure = true }},
		"insecure host":        {host: "wrong.example.com", network: insecureHost("WRONG.example.com")},
		"insecure suffix":      {host: "wrong.example.com", network: insecureHost("*.example.com")},
		"another is insecure":  {host: "wrong.example.com", network: insecureHost("other.example.com"), text: "x509: "},
		"suffix is not itself": {host: "wrong.example.com", network: insecureHost("*.wrong.example.com"), text: "x509: "},
	} {
		for _, absolute := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				origin, pool := secureOrigin(t, ok)
				if c.expired {
					origin, pool = expiredOrigin(t)
				}
				network := &proxy.Network{RootCAs: x509.NewCertPool(), Resolve: map[string]string{c.host + ":443": origin.Addr}}
				if c.network != nil {
					c.network(network, pool)
				}
				p, config := intercepting(t, proxy.Options{Network: network})
				var client *nectest.Conn
				if absolute { // the client has necto do the TLS
					client = nectest.Dial(t, p.addr)
					client.Send("GET https://" + c.host + "/ HTTP/1.1\r\nHost: " + c.host + "\r\nConnection: close\r\n\r\n")
				} else {
					client = tunnel(t, p, c.host+":443", "").StartTLS(withName(config, c.host))
					client.Send("GET / HTTP/1.1\r\nHost: " + c.host + "\r\nConnection: close\r\n\r\n")
				}
				got := client.ReadAll()
				x := p.WaitExchanges(t, 1)[0]
				if c.text == "" {
					if got != ok || x.Failure != nil {
						t.Errorf("the answer is %q, failure %v", got, x.Failure)
					}
					return
				}
				if !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "TLS with "+c.host) || !strings.Contains(got, c.text) {
					t.Errorf("the answer is %q", got)
				}
				if x.Failure.Kind != traffic.FailTLS || x.Failure.Side != traffic.SideUpstream {
					t.Errorf("failure %+v", x.Failure)
				}
			})
		}
	}
}

func trust(n *proxy.Network, pool *x509.CertPool) { n.RootCAs = pool }

func insecureHost(pattern string) func(*proxy.Network, *x509.CertPool) {
	return func(n *proxy.Network, _ *x509.CertPool) { n.InsecureHosts = []string{pattern} }
}

// TestOriginWithoutTLS has an origin that speaks no TLS, or ends the handshake.
func TestOriginWithoutTLS(t *testing.T) {
	for name, c := range map[string]struct {
		script func(*nectest.Conn)
		kind   traffic.FailureKind
		text   string
	}{
		"speaks HTTP": {func(c *nectest.Conn) { c.ReadN(5); c.Send("HTTP/1.1 400 Bad Request\r\n\r\n") }, traffic.FailTLS, "does not look like a TLS handshake"},
		"closes":      {func(c *nectest.Conn) { c.ReadN(5); c.CloseWrite(); c.ReadAll() }, traffic.FailEOF, "ended"},
		"is silent":   {func(c *nectest.Conn) { c.ReadAll() }, traffic.FailTimeout, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			origin := nectest.NewRawServer(t, c.script)
			p, config := intercepting(t, proxy.Options{Network: &proxy.Network{TLSTimeout: 200 * time.Millisecond}})
			client := tunnel(t, p, origin.Addr, "").StartTLS(withName(config, "127.0.0.1"))
			client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, c.text) {
				t.Errorf("the answer is %q", got)
			}
			if x := p.WaitExchanges(t, 1)[0]; x.Failure.Kind != c.kind || x.Failure.Side != traffic.SideUpstream {
				t.Errorf("failure %+v", x.Failure)
			}
		})
	}
}

// TestClientTLSFails tells once why a client's handshake failed, and leaves no
// connection behind.
func TestClientTLSFails(t *testing.T) {
	for name, c := range map[string]struct {
		shake   func(context.Context, net.Conn)
		failure string
		sni     string
	}{
		"does not know the authority": {shakeWith(&tls.Config{ServerName: "a.example", RootCAs: x509.NewCertPool()}), "cert-rejected", "a.example"},
		"does not in TLS 1.2":         {shakeWith(&tls.Config{ServerName: "a.example", RootCAs: x509.NewCertPool(), MaxVersion: tls.VersionTLS12}), "cert-rejected", "a.example"},
		"is too old":                  {shakeWith(&tls.Config{ServerName: "a.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), "no-shared-version", "a.example"},
		"resets in the hello": {func(_ context.Context, c net.Conn) {
			c.Write([]byte{0x16, 3, 1})
			time.Sleep(20 * time.Millisecond)
			reset(c)
		}, "reset", ""},
		"shares no cipher": {shakeWith(&tls.Config{
			ServerName: "a.example", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA256},
		}), "no-shared-cipher", "a.example"},
		"leaves behind the handshake": {trusting(func(c *tls.Conn) { c.Close() }), "closed", "a.example"},
		"resets behind the handshake": {trusting(func(c *tls.Conn) { reset(c.NetConn()) }), "reset", "a.example"},
		"breaks TLS right behind it":  {trusting(func(c *tls.Conn) { c.NetConn().Write([]byte("\x17\x03\x03\x00\x01a")) }), "protocol", "a.example"},
		"leaves in the hello":         {func(_ context.Context, c net.Conn) { c.Write([]byte{0x16, 3, 1}); c.Close() }, "closed", ""},
		"sends nonsense":              {func(_ context.Context, c net.Conn) { c.Write([]byte("\x16\x03\x01\x00\x05hello")) }, "protocol", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan string, 1)
			origin := nectest.NewRawServer(t, func(c *nectest.Conn) { ended <- c.ReadAll() })
			p, _ := intercepting(t, proxy.Options{})
			client := tunnel(t, p, origin.Addr, "")
			c.shake(t.Context(), client.Conn)
			if got := within(t, atOnce, "end of the origin connection", ended); got != "" {
				t.Errorf("the origin received %q", got)
			}
			if e := waitEvent[traffic.TLSFailed](t, p); e.Failure != c.failure || e.SNI != c.sni || e.Text == "" || e.Client != client.LocalAddr().String() {
				t.Errorf("event %+v", e)
			}
			if err := p.stop(); err != nil || count[traffic.TLSFailed](p) != 1 || count[traffic.ClientError](p)+len(p.Exchanges()) != 0 {
				t.Errorf("events %v", p.Events())
			}
		})
	}
}

// TestClientTLSStops has clients that stop inside the handshake and stay.
func TestClientTLSStops(t *testing.T) {
	proxy.SetHandshakeTimeout(t, 100*time.Millisecond)
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadAll() })
	for name, c := range map[string]struct {
		said int // bytes of the hello, 0 for all
		sni  string
	}{"in the hello": {20, ""}, "behind the hello": {0, "a.example"}} {
		for where, way := range map[string]func(*running) *nectest.Conn{
			"tunnel": func(p *running) *nectest.Conn { return tunnel(t, p, origin.Addr, "") },
			"proxy":  func(p *running) *nectest.Conn { return nectest.Dial(t, p.addr) },
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				p, _ := intercepting(t, proxy.Options{})
				client := way(p)
				hello := &firstWrite{Conn: client.Conn}
				_ = tls.Client(hello, &tls.Config{ServerName: "a.example"}).HandshakeContext(t.Context())
				said := hello.said
				if c.said > 0 {
					said = said[:c.said]
				}
				client.Send(string(said))
				client.ReadAll()
				if e := waitEvent[traffic.TLSFailed](t, p); e.Failure != "timeout" || e.SNI != c.sni {
					t.Errorf("event %+v", e)
				}
				if err := p.stop(); err != nil || count[traffic.TLSFailed](p) != 1 || count[traffic.ClientError](p) != 0 {
					t.Errorf("events %s", namesOf(p.Events()))
				}
			})
		}
	}
}

// firstWrite is a connection that fails once it was written to, and keeps that.
type firstWrite struct {
	net.Conn
	said []byte
}

func (f *firstWrite) Write(p []byte) (int, error) {
	f.said = append(f.said, p...)
	return 0, net.ErrClosed
}

// trusting completes the handshake, whoever has signed the certificate.
func trusting(then func(*tls.Conn)) func(context.Context, net.Conn) {
	return func(ctx context.Context, conn net.Conn) {
		client := tls.Client(conn, &tls.Config{ServerName: "a.example", InsecureSkipVerify: true})
		if client.HandshakeContext(ctx) == nil {
			then(client)
		}
	}
}

func shakeWith(config *tls.Config) func(context.Context, net.Conn) {
	return func(ctx context.Context, conn net.Conn) {
		_ = tls.Client(conn, config).HandshakeContext(ctx)
		conn.Close()
	}
}

func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// TestOpenSSLRefuses has a client whose alert looks like damage from here.
func TestOpenSSLRefuses(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed: how OpenSSL refuses a certificate is not tested")
	}
	origin, roots := secureOrigin(t, ok)
	p, _ := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: roots}})
	command := exec.CommandContext(t.Context(), curl, "--silent", "--tlsv1.3", "--proxy", "http://"+p.addr, "https://"+origin.Addr)
	if out, err := command.CombinedOutput(); err == nil {
		t.Fatalf("curl accepted the certificate: %s", out)
	}
	if e := waitEvent[traffic.TLSFailed](t, p); e.Failure != "cert-rejected" {
		t.Errorf("event %+v", e)
	}
}
