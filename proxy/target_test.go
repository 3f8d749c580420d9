package proxy_test

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
)

// TestTargets sends request heads, in which ADDR stands for the origin, and
// compares what the origin receives.
func TestTargets(t *testing.T) {
	for name, c := range map[string]struct{ sent, want, url string }{
		"absolute to origin form": {
			"GET http://ADDR/a?b=c HTTP/1.1\r\nHost: ADDR\r\n\r\n", "GET /a?b=c HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR/a?b=c",
		},
		"no path": {
			"GET http://ADDR HTTP/1.1\r\nHost: ADDR\r\n\r\n", "GET / HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR/",
		},
		"query without path": {
			"GET http://ADDR?x HTTP/1.1\r\nHost: ADDR\r\n\r\n", "GET /?x HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR/?x",
		},
		"scheme in capitals": {
			"GET HTTP://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "GET / HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR/",
		},
		"ws scheme": {
			"GET ws://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "GET / HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR/",
		},
		"user information": {
			"GET http://me:pw@ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "GET / HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR/",
		},
		"target wins over Host": {
			"GET http://ADDR/ HTTP/1.1\r\nA: 1\r\nhOst: other.example\r\nB: 2\r\n\r\n", "GET / HTTP/1.1\r\nA: 1\r\nhOst: ADDR\r\nB: 2\r\n\r\n", "http://ADDR/",
		},
		"empty Host": {
			"GET http://ADDR/ HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR/",
		},
		"HTTP/1.0 without Host": {
			"GET http://ADDR/ HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost: ADDR\r\n\r\n", "http://ADDR/",
		},
		"proxy fields": {
			"GET http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\nProxy-Connection: keep-alive\r\nproxy-authorization: Basic eA==\r\nX: 1\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: ADDR\r\nX: 1\r\n\r\n", "http://ADDR/",
		},
		"OPTIONS of the whole server": {
			"OPTIONS http://ADDR HTTP/1.1\r\nHost: ADDR\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR*",
		},
		"OPTIONS of a path": {
			"OPTIONS http://ADDR/ HTTP/1.1\r\nHost: ADDR\r\n\r\n", "OPTIONS / HTTP/1.1\r\nHost: ADDR\r\n\r\n", "http://ADDR/",
		},
	} {
		t.Run(name, func(t *testing.T) {
			origin := newAnswering(t, ok)
			fill := strings.NewReplacer("ADDR", origin.Addr)
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(fill.Replace(c.sent))
			if got := client.ReadN(len(ok)); got != ok {
				t.Errorf("the answer is %q", got)
			}
			if diff := cmp.Diff(fill.Replace(c.want), <-origin.heads); diff != "" {
				t.Errorf("the origin received (-want +got):\n%s", diff)
			}
			x := p.WaitExchanges(t, 1)[0]
			if got, want := x.Request.URL.String(), fill.Replace(c.url); got != want {
				t.Errorf("URL %q, want %q", got, want)
			}
			if x.Server != origin.Addr {
				t.Errorf("server %q, want %q", x.Server, origin.Addr)
			}
		})
	}
}

func TestIPv6Literal(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1000))
		_, _ = conn.Write([]byte(ok))
	}()
	p := start(t, proxy.Options{}, proxy.Listener{})
	c := nectest.Dial(t, p.addr)
	c.Send(get(l.Addr().String(), "/"))
	c.ReadUntil("ok")
	x := p.WaitExchanges(t, 1)[0]
	if want := l.Addr().String(); x.Server != want || x.Request.URL.Authority != want {
		t.Errorf("server %q, authority %q, want %q", x.Server, x.Request.URL.Authority, want)
	}
}

// TestRefusedTargets sends heads that are well-formed but name no origin.
func TestRefusedTargets(t *testing.T) {
	for name, c := range map[string]struct{ sent, status, text string }{
		"origin-form on a proxy":     {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "400", "--reverse URL"},
		"OPTIONS * on a proxy":       {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "400", "--reverse URL"},
		"GET *":                      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400", "no scheme"},
		"unknown scheme":             {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400", `unsupported scheme "ftp"`},
		"no host in the target":      {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "400", "no host"},
		"no Host":                    {"GET http://a/ HTTP/1.1\r\n\r\n", "400", "no Host field"},
		"two Hosts":                  {"GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400", "more than one Host field"},
		"bad Host":                   {"GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n", "400", "invalid Host"},
		"bare IPv6 address":          {"GET http://::1/ HTTP/1.1\r\nHost: a\r\n\r\n", "400", "brackets"},
		"port out of range":          {"GET http://a:99999/ HTTP/1.1\r\nHost: a\r\n\r\n", "400", "invalid port"},
		"CONNECT without port":       {"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "400", "no port"},
		"CONNECT with an empty port": {"CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", "400", "no port"},
		"CONNECT with a path":        {"CONNECT a:1/x HTTP/1.1\r\nHost: a\r\n\r\n", "400", "invalid"},
		"CONNECT with content":       {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "400", "CONNECT with a body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := nectest.Dial(t, p.addr)
			client.Send(c.sent)
			checkRefused(t, p, client, c.status, c.text)
			head, _, _ := strings.Cut(c.sent, "\r\n\r\n")
			if got := clientError(t, p).Head; !strings.HasPrefix(string(got), head) {
				t.Errorf("the event has the head %q", got)
			}
		})
	}
}
