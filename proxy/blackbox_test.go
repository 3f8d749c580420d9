package proxy_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// What Mockttp's test suite asks of a proxy, as far as it can be asked from outside, by
// the numbers of our notes on it. An asterisk marks what Mockttp itself gets wrong.
//
//	 1     absolute-form becomes origin-form       TestTargets, TestForwardKeepsBytes
//	 2     case, order and duplicates of fields    TestForwardKeepsBytes, TestHTTP2Fields
//	 3     trailers both ways                      TestForwardKeepsBytes, TestHTTP2
//	 4     content with an observer attached       TestLargeBodies, TestContentKept
//	 5     content beyond what is captured         TestLargeBodies
//	 6     Host is not the tunnel's                TestHTTPInConnect, TestNamesInHTTP2
//	 7, 8  origin that is not there, or leaves     TestUnreachable, TestOriginFailsBeforeAnswer
//	 9     failures that are resets                TestFaults
//	10, 11 clients that leave*                     TestClientLeaves, TestNothingFollowsAClientThatLeaves
//	13     origin that resets in content*          TestOriginFailsInContent, TestOriginResetsInContent
//	14     localhost is ::1 alone                  TestResolver
//	16     Expect: 100-continue                    TestExpect, TestEventOrder
//	17     content codings pass                    TestContentKept; decoding is internal/coding's
//	19     connections to origins are a client's   TestPinned, TestOriginEndsWithItsClient
//	20     Connection: close, HTTP/1.0             TestFraming, TestForwardKeepsBytes
//	22     upstream proxies                        TestUpstreamOverTLS, TestUpstreamFails, TestUpstreamSOCKS
//	23     TLS is opened; names of certificates    TestIntercept
//	25     clients that distrust                   TestClientTLSFails, TestOpenSSLRefuses
//	26     clients that reset in a head            TestResetInHead, TestSilentClients
//	28     origins that are not trusted            TestBadOriginCertificate
//	29     certificates for origins                TestClientCert, TestExpiredClientCert
//	31     secrets of TLS                          TestKeyLog
//	32     HTTP/2 in each way                      TestOriginBehindTLS, TestHTTP2, TestTunnelsInHTTP2
//	34     HTTP/2 without TLS; one stream fails    TestHTTP2Forward, TestFaultOfOneStream
//	35     bad prefaces*                           TestBadPrefaces
//	37, 38 WebSocket handshakes                    TestWebSocketAgreement, TestWebSocketDeflate
//	40     WebSocket ends*                         TestWebSocketEnds, TestWebSocketClientLeaves
//	41     WebSocket is refused*                   TestWebSocketRefused
//	43     WebSocket to nowhere                    TestWebSocketToNowhere
//	44     SOCKS                                   TestSOCKS, TestSOCKSTLS, TestSOCKSClients
//	46     neither HTTP nor TLS                    TestRawTunnel, TestTunnelData, TestSOCKSRaw, TestOtherProtocolInTLS
//	47     bad heads                               TestBadHeads, TestMalformedRequests, TestRefusedTargets
//	49     faults by rules                         TestFaults, TestFaultHang
//	50     edits by rules                          TestEditedRequests, and package rules
//
// necto passes on two things that Mockttp does not: extensions of WebSocket that it
// does not know (38), and heads of more than 16 KiB (47).

// TestNothingFollowsAClientThatLeaves holds that an exchange ends once: no answer is
// made up for nobody, and no error of the client is told beside it.
func TestNothingFollowsAClientThatLeaves(t *testing.T) {
	for name, c := range map[string]struct{ request, answer, want string }{
		"before the answer":  {"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "", "RequestStarted RequestDone ExchangeAborted"},
		"inside the request": {"POST http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nContent-Length: 9\r\n\r\nxx", "", "RequestStarted ExchangeAborted"},
		"inside the answer": {
			"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
			"RequestStarted RequestDone ResponseStarted ExchangeAborted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			origin := newSilent(t, c.answer)
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(strings.ReplaceAll(c.request, "ADDR", origin.Addr))
			within(t, patience, "the request", origin.asked)
			client.ReadN(len(c.answer))
			client.Reset()
			within(t, atOnce, "end of the origin connection", origin.ended)
			x := p.WaitExchanges(t, 1)[0]
			if err := p.stop(); err != nil {
				t.Fatal(err)
			}
			if got := namesOf(p.Events()); got != c.want {
				t.Errorf("events %s, want %s", got, c.want)
			}
			if c.answer == "" && (x.Response != nil || x.ResponseBody != nil) {
				t.Errorf("response %+v", x.Response)
			}
		})
	}
}

// namesOf returns the types of events, without their package.
func namesOf(events []traffic.Event) string {
	var names []string
	for _, e := range events {
		names = append(names, strings.TrimPrefix(fmt.Sprintf("%T", e), "traffic."))
	}
	return strings.Join(names, " ")
}

// TestOriginResetsInContent holds that the client learns of it at once, and that what
// is captured is what the origin sent, under the head that it sent.
func TestOriginResetsInContent(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nX-Kept: yes\r\nContent-Length: 9\r\n\r\nabc"
	reset := make(chan struct{})
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.ReadHead()
		c.Send(answer)
		<-reset
		c.Reset()
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(get(origin.Addr, "/"))
	client.ReadN(len(answer))
	close(reset)
	began := time.Now()
	if rest := client.ReadAll(); rest != "" {
		t.Errorf("and then %q", rest)
	}
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("the client learns of it after %v", took)
	}
	x := p.WaitExchanges(t, 1)[0]
	if x.Failure == nil || x.Failure.Side != traffic.SideUpstream || x.Response.Header.Get("X-Kept") != "yes" {
		t.Errorf("failure %+v, response %+v", x.Failure, x.Response)
	}
	if got := bodyOf(x.ResponseBody); got != "abc" {
		t.Errorf("captured %q", got)
	}
	if n := count[traffic.ClientError](p); n != 0 {
		t.Errorf("%d errors of clients", n)
	}
}

// TestOriginEndsWithItsClient closes the connections to origins with that of the client
// that they were for, and no others.
func TestOriginEndsWithItsClient(t *testing.T) {
	ended := make(chan struct{}, 2)
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) {
		defer func() { ended <- struct{}{} }()
		for !c.Ended(resting) {
			c.ReadHead()
			c.Send(ok)
		}
	})
	p := start(t, proxy.Options{}, proxy.Listener{})
	first, second := nectest.Dial(t, p.addr), nectest.Dial(t, p.addr)
	for _, client := range []*nectest.Conn{first, second, first, second} {
		client.Send(get(origin.Addr, "/"))
		client.ReadN(len(ok))
	}
	first.Close()
	within(t, atOnce, "end of the origin connection", ended)
	second.Send(get(origin.Addr, "/"))
	second.ReadN(len(ok))
	if len(ended) != 0 {
		t.Error("the other connection to the origin has ended")
	}
}

// TestResetInHead has clients that reset in the head of a request, in each layer that
// it can be in: an error of the client, with as much as came of the request, and no
// failure of TLS.
func TestResetInHead(t *testing.T) {
	const half = "GET /half HTTP/1.1\r\nHo"
	origin, _ := secureOrigin(t, ok)
	for name, c := range map[string]struct {
		tunnel, tls bool
	}{
		"plain": {false, false}, "in a tunnel": {true, false}, "in TLS in a tunnel": {true, true}, "in TLS": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, config := intercepting(t, proxy.Options{})
			raw := nectest.Dial(t, p.addr)
			target := ""
			if c.tunnel {
				raw, target = tunnel(t, p, origin.Addr, ""), origin.Addr
			}
			client := raw
			if c.tls {
				client = raw.StartTLS(withName(config, "127.0.0.1"))
			}
			client.Send(half)
			time.Sleep(20 * time.Millisecond)
			raw.Reset()
			e := clientError(t, p)
			if e.Failure.Kind != traffic.FailReset || string(e.Head) != half || e.Status != 0 || e.Target != target || e.Secure != c.tls {
				t.Errorf("event %+v, %+v", e, e.Failure)
			}
			if err := p.stop(); err != nil || count[traffic.ClientError](p) != 1 || count[traffic.TLSFailed](p)+len(p.Exchanges()) > 0 {
				t.Errorf("events %s", namesOf(p.Events()))
			}
		})
	}
}

// TestExpiredClientCert has an origin that does not accept what necto shows.
func TestExpiredClientCert(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	accepted := x509.NewCertPool()
	accepted.AddCert(cert)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		origin, pool := secureServerWith(t, func(config *tls.Config) {
			config.ClientAuth, config.ClientCAs, config.MaxVersion = tls.RequireAndVerifyClientCert, accepted, version
		}, func(c *nectest.Conn) { c.Ended(patience) })
		p := start(t, proxy.Options{Network: &proxy.Network{RootCAs: pool, ClientCerts: []proxy.ClientCert{
			{Host: "127.0.0.1", Cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}},
		}}}, proxy.Listener{})
		client := nectest.Dial(t, p.addr)
		client.Send("GET https://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\n\r\n")
		if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, "certificate") {
			t.Errorf("received %q", got)
		}
		if f := p.WaitExchanges(t, 1)[0].Failure; f.Kind != traffic.FailTLS || f.Side != traffic.SideUpstream {
			t.Errorf("failure %+v", f)
		}
	}
}

// TestFaultOfOneStream breaks one exchange of a connection of HTTP/2 and no other.
func TestFaultOfOneStream(t *testing.T) {
	release := make(chan struct{})
	fault := layer(func(_ context.Context, req *traffic.Request, _ traffic.RoundTripper) (*traffic.Response, error) {
		switch req.URL.Target {
		case "/reset":
			return nil, &traffic.Failure{Kind: traffic.FailFault, Side: traffic.SideNecto, Text: "on purpose", End: traffic.EndReset}
		case "/close":
			return nil, &traffic.Failure{Kind: traffic.FailFault, Side: traffic.SideNecto, Text: "on purpose", End: traffic.EndClose}
		}
		<-release
		return &traffic.Response{Status: 204}, nil
	})
	p := start(t, proxy.Options{Layers: []proxy.Layer{fault}}, proxy.Listener{})
	client := plain2(t, p)
	slow := send(t, client, getPlain("a.test", "/slow"))
	for i, path := range []string{"/reset", "/close"} {
		_, err := send(t, client, getPlain("a.test", path)).ReadHead(t.Context())
		if reset, ok := errors.AsType[*h2.StreamError](err); !ok || !reset.Remote {
			t.Errorf("%s: %v", path, err)
		}
		if f := p.WaitExchanges(t, i+1)[i].Failure; f == nil || f.Kind != traffic.FailFault {
			t.Errorf("%s: failure %+v", path, f)
		}
	}
	close(release)
	if head, _ := receive(t, slow); head.Status() != 204 {
		t.Errorf("status %d", head.Status())
	}
}

// TestWebSocketToNowhere says why there is no connection.
func TestWebSocketToNowhere(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	untrusted, _ := secureOrigin(t, ok)
	for _, c := range []struct {
		origin, addr string
		kind         traffic.FailureKind
	}{
		{"ws://", gone.Addr().String(), traffic.FailConnect}, {"wss://", untrusted.Addr, traffic.FailTLS},
	} {
		p := start(t, proxy.Options{Network: &proxy.Network{RootCAs: x509.NewCertPool()}}, proxy.Listener{})
		client := nectest.Dial(t, p.addr)
		client.Send("GET " + c.origin + c.addr + "/ HTTP/1.1\r\nHost: " + c.addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		if got := client.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
			t.Errorf("%s: received %q", c.origin, got)
		}
		if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Kind != c.kind || x.WS != nil || count[traffic.WSClosed](p) != 0 {
			t.Errorf("%s: failure %+v", c.origin, x.Failure)
		}
	}
}

// TestBadHeads tells of each once.
func TestBadHeads(t *testing.T) {
	origin := newAnswering(t, ok)
	for name, c := range map[string]struct {
		said   string
		status string // "" for no answer
		kind   traffic.FailureKind
	}{
		"no HTTP at all":      {"?? ??\r\n\r\n", "400", traffic.FailProtocol},
		"not even text":       {"\x00\x01\x02\x03\r\n\r\n", "400", traffic.FailProtocol},
		"invalid Host":        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400", traffic.FailProtocol},
		"invalid URL":         {"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n", "400", traffic.FailProtocol},
		"version from beyond": {"GET http://a/ HTTP/9.9\r\nHost: a\r\n\r\n", "505", traffic.FailProtocol},
		"ends in the target":  {"GET /", "", traffic.FailEOF},
		"more than a MiB":     {"GET http://a/ HTTP/1.1\r\n" + strings.Repeat("A: "+strings.Repeat("a", 1<<10)+"\r\n", 1<<10), "431", traffic.FailProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(c.said)
			client.CloseWrite()
			got := client.ReadAll()
			if c.status == "" && got != "" || !strings.HasPrefix(got, "HTTP/1.1 "[:min(len(got), 9)]+c.status) {
				t.Errorf("received %q", got)
			}
			if e := clientError(t, p); e.Failure.Kind != c.kind || !strings.HasPrefix(c.said, string(e.Head)) {
				t.Errorf("event %+v, %+v", e, e.Failure)
			}
			if err := p.stop(); err != nil || len(p.Events()) != 1 {
				t.Errorf("events %s", namesOf(p.Events()))
			}
		})
	}
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(strings.TrimSuffix(get(origin.Addr, "/"), "\r\n") + "A: " + strings.Repeat("a", 20<<10) + "\r\n\r\n")
	if diff := cmp.Diff(ok, client.ReadN(len(ok))); diff != "" {
		t.Errorf("20 KiB of a field (-want +got):\n%s", diff)
	}
}
