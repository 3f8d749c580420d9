package proxy_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// sayProto answers with the version of HTTP that was asked in.
func sayProto(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }

// TestProxyBehindTLS takes what comes inside TLS to necto itself as it takes it
// without.
func TestProxyBehindTLS(t *testing.T) {
	secure, pool := origin2(t, sayProto)
	plain := newAnswering(t, ok)
	p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}})
	client := &http.Client{Timeout: patience}
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "https", Host: p.addr}), TLSClientConfig: config, ForceAttemptHTTP2: true}
	client.Transport = transport
	t.Cleanup(transport.CloseIdleConnections)
	for i, c := range []struct{ url, want string }{
		{"http://" + plain.Addr + "/", "ok"}, {secure.URL + "/", "HTTP/2.0"},
	} {
		if _, content := do(t, client, request(t, "GET", c.url, nil)); content != c.want {
			t.Errorf("%s says %q", c.url, content)
		}
		x := p.WaitExchanges(t, i+1)[i]
		if x.Request.URL.String() != c.url || x.TLS == nil || x.TLS.JA4 == "" {
			t.Errorf("URL %s, TLS %+v", x.Request.URL, x.TLS)
		}
	}
	if issued := waitEvent[traffic.CertIssued](t, p); issued.Name != "127.0.0.1" {
		t.Errorf("the certificate is for %s", issued.Name)
	}
}

// TestSOCKSBehindTLS is one layer more than anybody needs.
func TestSOCKSBehindTLS(t *testing.T) {
	origin := newAnswering(t, ok)
	p, config := intercepting(t, proxy.Options{})
	client := nectest.Dial(t, p.addr).StartTLS(withName(config, "localhost"))
	client.Send(socksHello + "\x05\x01\x00\x01\x7f\x00\x00\x01" + socksPort(t, origin.Addr) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	client.ReadN(len(socksGranted) + len(ok))
	p.WaitExchanges(t, 1)
}

// TestOriginBehindTLS serves clients that take necto for an origin with https.
func TestOriginBehindTLS(t *testing.T) {
	origin := newAnswering(t, ok)
	authority, config := authority(t)
	for name, l := range map[string]proxy.Listener{
		"https://127.0.0.1/x":             {Origin: true},
		"http://" + origin.Addr + "/v1/x": {Reverse: &traffic.URL{Scheme: "http", Authority: origin.Addr, Target: "/v1"}},
	} {
		for _, protocol := range []string{"http/1.1", "h2"} {
			opts := proxy.Options{CA: authority}
			if l.Origin {
				opts.Layers = []proxy.Layer{answerWith(traffic.Response{Status: 204})}
			}
			p := start(t, opts, l)
			transport := &http.Transport{TLSClientConfig: config.Clone(), Protocols: new(http.Protocols)}
			transport.Protocols.SetHTTP1(protocol != "h2")
			transport.Protocols.SetHTTP2(protocol == "h2")
			resp, _ := do(t, &http.Client{Transport: transport, Timeout: patience}, request(t, "GET", "https://"+p.addr+"/x", nil))
			transport.CloseIdleConnections()
			x := p.WaitExchanges(t, 1)[0]
			want := strings.Replace(name, "//127.0.0.1/", "//"+p.addr+"/", 1)
			if got := x.Request.URL.String(); got != want || (x.TLS.ALPN == "h2") != (protocol == "h2") || resp.StatusCode >= 300 {
				t.Errorf("%s: status %d, URL %s, want %s, TLS %+v", protocol, resp.StatusCode, got, want, x.TLS)
			}
		}
	}
}

// TestTLSToTheProxyFails tells of it once.
func TestTLSToTheProxyFails(t *testing.T) {
	for name, c := range map[string]struct{ said, failure string }{
		"half a hello": {"\x16\x03\x01\x02\x00\x01", "closed"},
		"no hello":     {"\x16\x03\x01\x00\x05hello", "protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := intercepting(t, proxy.Options{})
			client := nectest.Dial(t, p.addr)
			client.Send(c.said)
			client.CloseWrite()
			client.ReadAll()
			if e := waitEvent[traffic.TLSFailed](t, p); e.Failure != c.failure || e.Target != "" {
				t.Errorf("event %+v", e)
			}
			if err := p.stop(); err != nil || count[traffic.TLSFailed](p)+count[traffic.ClientError](p) != 1 {
				t.Errorf("events %v", p.Events())
			}
		})
	}
}

// TestProxyBehindTLSClients has programs use it.
func TestProxyBehindTLSClients(t *testing.T) {
	secure, _ := origin2(t, sayProto)
	authority, _ := authority(t)
	trusted := authority.CertPath()
	const node = `const [, proxy, target] = process.argv;
const https = require("node:https"), tls = require("node:tls");
const { hostname, port } = new URL(proxy);
https.request({ host: hostname, port, method: "CONNECT", path: new URL(target).host }).on("connect", (_, socket) => {
  https.get(target, { createConnection: () => tls.connect({ socket, host: new URL(target).hostname }) }, (res) => res.pipe(process.stdout));
}).end();`
	for name, args := range map[string][]string{
		"curl": {"--silent", "--show-error", "--noproxy", "", "--proxy-cacert", trusted, "--cacert", trusted, "--proxy", "https://PROXY", secure.URL},
		"node": {"-e", node, "https://PROXY", secure.URL},
	} {
		t.Run(name, func(t *testing.T) {
			path, err := exec.LookPath(name)
			if err != nil {
				t.Skipf("%s is not installed: not tested as a client of a proxy behind TLS", name)
			}
			p := start(t, proxy.Options{CA: authority, Network: &proxy.Network{Insecure: true}}, proxy.Listener{})
			for i, arg := range args {
				args[i] = strings.Replace(arg, "PROXY", p.addr, 1)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, path, args...)
			command.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+trusted)
			out, err := command.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), "HTTP/") {
				t.Fatalf("%v: %s", err, out)
			}
			if got := p.WaitExchanges(t, 1)[0].Request.URL.String(); got != secure.URL+"/" {
				t.Errorf("URL %s", got)
			}
		})
	}
}

// TestNamesInHTTP2 has a client that has resolved a name itself: requests say it, but
// the address counts.
func TestNamesInHTTP2(t *testing.T) {
	addr := plainOrigin(t)
	p, _ := intercepting(t, proxy.Options{})
	raw := nectest.Dial(t, p.addr)
	raw.Send(socksHello + "\x05\x01\x00\x01\x7f\x00\x00\x01" + socksPort(t, addr))
	raw.ReadN(len(socksGranted))
	client := runClient(t, raw)
	for i, name := range []string{"one.invalid", "two.invalid"} {
		if _, got := receive(t, send(t, client, getPlain(name, "/x"))); got != "GET http "+name+" /x" {
			t.Errorf("received %q", got)
		}
		if x := p.WaitExchanges(t, i+1)[i]; x.Request.URL.String() != "http://"+name+"/x" || x.Server != addr {
			t.Errorf("URL %s, server %s, failure %v", x.Request.URL, x.Server, x.Failure)
		}
	}
}

// TestTunnelsInHTTP2 opens them on streams of one connection to the proxy behind TLS,
// with HTTP/2 inside HTTP/2, and tags of their own.
func TestTunnelsInHTTP2(t *testing.T) {
	secure, network := engineOrigin(t, h2.Config{}, echoHead)
	p, config := intercepting(t, proxy.Options{Network: network})
	offering := withName(config, "localhost")
	offering.NextProtos = []string{"h2"}
	outer := runClient(t, nectest.Dial(t, p.addr).StartTLS(offering))
	for i, tag := range []string{"first", "second"} {
		st := send(t, outer, h2.Head{
			Pseudo: traffic.Fields{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: secure}},
			Fields: traffic.Fields{{Name: "proxy-authorization", Value: basic("metadata:" + tag)}},
		})
		if head, err := st.ReadHead(t.Context()); err != nil || head.Status() != http.StatusOK {
			t.Fatalf("CONNECT: %d, %v", head.Status(), err)
		}
		inner := engineInside(t, st.NetConn(), config)
		if _, got := receive(t, send(t, inner, get2(secure, "/in"))); got != "GET https "+secure+" /in" {
			t.Errorf("received %q", got)
		}
		x := p.WaitExchanges(t, i+1)[i]
		if x.Request.Proto != "HTTP/2.0" || x.TLS.ALPN != "h2" || len(x.Tags) != 1 || x.Tags[0] != tag {
			t.Errorf("%s, TLS %+v, tags %q", x.Request.Proto, x.TLS, x.Tags)
		}
	}
}

// TestBadPrefaces are told of once, wherever they come.
func TestBadPrefaces(t *testing.T) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for name, said := range map[string]string{
		"cut short":               preface[:20],
		"cut in the method":       "PR",
		"wrong":                   "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n",
		"garbage behind it":       preface + strings.Repeat("garbage", 10),
		"cut behind it":           preface + settings[:5],
		"frame of another kind":   preface + "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x01",
		"stream without a number": preface + settings + "\x00\x00\x01\x01\x05\x00\x00\x00\x00\x82",
	} {
		t.Run(name, func(t *testing.T) {
			p, config := intercepting(t, proxy.Options{})
			config = withName(config, "localhost")
			config.NextProtos = []string{"h2"}
			clients := []*nectest.Conn{nectest.Dial(t, p.addr), nectest.Dial(t, p.addr).StartTLS(config)}
			for i, client := range clients {
				client.Send(said)
				client.CloseWrite()
				client.ReadAll()
				p.Wait(t, func([]traffic.Event) bool { return count[traffic.ClientError](p) > i })
			}
			if err := p.stop(); err != nil || count[traffic.ClientError](p) != len(clients) || count[traffic.TLSFailed](p)+len(p.Exchanges()) > 0 {
				t.Errorf("events %v", p.Events())
			}
		})
	}
}
