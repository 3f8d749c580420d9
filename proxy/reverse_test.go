package proxy_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// TestReverse sends origin-form requests to a listener that stands for an
// origin, ADDR, and compares what that receives.
func TestReverse(t *testing.T) {
	for name, c := range map[string]struct {
		prefix     string
		keepHost   bool
		sent, want string
		url        string
	}{
		"Host is the origin's": {sent: "GET /a?b HTTP/1.1\r\nA: 1\r\nhost: me\r\nB: 2\r\n\r\n", want: "GET /a?b HTTP/1.1\r\nA: 1\r\nhost: ADDR\r\nB: 2\r\n\r\n", url: "/a?b"},
		"Host is kept":         {keepHost: true, sent: "GET /a HTTP/1.1\r\nHost: me\r\n\r\n", want: "GET /a HTTP/1.1\r\nHost: me\r\n\r\n", url: "/a"},
		"no Host":              {sent: "GET / HTTP/1.0\r\n\r\n", want: "GET / HTTP/1.0\r\nHost: ADDR\r\n\r\n", url: "/"},
		"prefix":               {prefix: "/v1", sent: "GET /a HTTP/1.1\r\nHost: me\r\n\r\n", want: "GET /v1/a HTTP/1.1\r\nHost: ADDR\r\n\r\n", url: "/v1/a"},
		"prefix with a slash":  {prefix: "/v1/", sent: "GET /?x HTTP/1.1\r\nHost: me\r\n\r\n", want: "GET /v1/?x HTTP/1.1\r\nHost: ADDR\r\n\r\n", url: "/v1/?x"},
		"only a slash":         {prefix: "/", sent: "GET //x HTTP/1.1\r\nHost: me\r\n\r\n", want: "GET //x HTTP/1.1\r\nHost: ADDR\r\n\r\n", url: "//x"},
		"OPTIONS *":            {prefix: "/v1", sent: "OPTIONS * HTTP/1.1\r\nHost: me\r\n\r\n", want: "OPTIONS * HTTP/1.1\r\nHost: ADDR\r\n\r\n", url: "*"},
	} {
		t.Run(name, func(t *testing.T) {
			const answer = "HTTP/1.1 200 OK\r\nA: 1\r\nalt-svc: h3=\":443\"\r\nB: 2\r\nContent-Length: 2\r\n\r\nok"
			origin := newAnswering(t, answer)
			p := start(t, proxy.Options{AllowHost: anyHost}, proxy.Listener{
				Reverse: &traffic.URL{Scheme: "http", Authority: origin.Addr, Target: c.prefix}, KeepHost: c.keepHost,
			})
			client := nectest.Dial(t, p.addr)
			client.Send(c.sent)
			want := strings.Replace(answer, "alt-svc: h3=\":443\"\r\n", "", 1)
			if diff := cmp.Diff(want, client.ReadN(len(want))); diff != "" {
				t.Errorf("the client received (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(strings.ReplaceAll(c.want, "ADDR", origin.Addr), <-origin.heads); diff != "" {
				t.Errorf("the origin received (-want +got):\n%s", diff)
			}
			x := p.WaitExchanges(t, 1)[0]
			if got := x.Request.URL.String(); got != "http://"+origin.Addr+c.url {
				t.Errorf("URL %q", got)
			}
			if got := x.Response.Header.Get("Alt-Svc"); got == "" {
				t.Error("the exchange does not show what the origin sent")
			}
		})
	}
}

func TestReverseSecure(t *testing.T) {
	origin, pool := secureOrigin(t, ok)
	p := start(t, proxy.Options{Network: &proxy.Network{RootCAs: pool, Resolve: map[string]string{nectest.OriginHost + ":443": origin.Addr}}},
		proxy.Listener{Reverse: &traffic.URL{Scheme: "https", Authority: nectest.OriginHost, Target: "/"}})
	client := nectest.Dial(t, p.addr)
	client.Send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
	client.ReadN(len(ok))
	if x := p.WaitExchanges(t, 1)[0]; x.Request.URL.String() != "https://"+nectest.OriginHost+"/a" || x.TLS != nil {
		t.Errorf("URL %v", x.Request.URL)
	}
}

// TestReverseIsProxyToo has a client that uses a reverse listener as its proxy,
// as the command of necto record --reverse does for other origins.
func TestReverseIsProxyToo(t *testing.T) {
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{}, proxy.Listener{Reverse: &traffic.URL{Scheme: "http", Authority: "127.0.0.1:1", Target: "/"}})
	client := tunnel(t, p, origin.Addr, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
	if got := client.ReadN(len(ok)); got != ok {
		t.Errorf("the client received %q", got)
	}
}

// TestOriginListener lets a layer answer as the origin and as a proxy on one
// address.
func TestOriginListener(t *testing.T) {
	type seen struct {
		URL  string
		From bool
	}
	var got []seen
	answer := func(traffic.RoundTripper) traffic.RoundTripper {
		return traffic.RoundTripperFunc(func(ctx context.Context, req *traffic.Request) (*traffic.Response, error) {
			got = append(got, seen{req.URL.String(), proxy.FromOrigin(ctx)})
			return &traffic.Response{Status: 200, Proto: "HTTP/1.1", Header: traffic.Fields{{Name: "Content-Length", Value: "0"}}}, nil
		})
	}
	p := start(t, proxy.Options{Layers: []proxy.Layer{answer}}, proxy.Listener{Origin: true})
	client := nectest.Dial(t, p.addr)
	for _, request := range []string{
		"GET /a HTTP/1.1\r\nHost: localhost:123\r\n\r\n", "GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", get("api.example", "/c"),
	} {
		client.Send(request)
		client.ReadHead()
	}
	p.WaitExchanges(t, 3)
	want := []seen{{"http://localhost:123/a", true}, {"http://localhost/b", true}, {"http://api.example/c", false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the layer saw (-want +got):\n%s", diff)
	}
}
