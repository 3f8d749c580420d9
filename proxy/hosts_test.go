package proxy_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// originHosts are names under which requests come to the origin behind a listener,
// whose own is origin.test, and whether they are let in.
var originHosts = map[string]bool{
	"127.0.0.1:8888": true, "localhost": true, "LOCALHOST.:1": true, "app.localhost": true, "[::1]:1": true,
	"192.0.2.1": true, "[2001:db8::1]": true, "host.docker.internal:8888": true, "Origin.test:99": true,
	"mine.test": true, "MINE.test.:8888": true,
	"evil.test": false, "evil.test:8888": false, "localhost.evil.test": false, "127.0.0.1.evil.test": false,
	"xlocalhost": false, "sub.origin.test": false, "2130706433": false,
}

// TestHostsOfOrigins lets no page read what is behind a listener by a name of its own
// that resolves to it, unless that name is allowed.
func TestHostsOfOrigins(t *testing.T) {
	allow := func(host string) bool { return strings.EqualFold(host, "mine.test") }
	mock := []proxy.Layer{answerWith(traffic.Response{Status: 204})}
	for name, l := range map[string]proxy.Listener{
		"reverse": {Reverse: &traffic.URL{Scheme: "http", Authority: "origin.test:80", Target: "/"}},
		"origin":  {Origin: true},
	} {
		p := start(t, proxy.Options{AllowHost: allow, Layers: mock}, l)
		for host, want := range originHosts {
			if strings.HasPrefix(host, "Origin.test") && l.Origin {
				want = false
			}
			client := nectest.Dial(t, p.addr)
			client.Send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
			head := client.ReadHead()
			if got := strings.HasPrefix(head, "HTTP/1.1 204 "); got != want || !got && !strings.HasPrefix(head, "HTTP/1.1 421 ") {
				t.Errorf("%s, Host %s: the answer is %q, let in: want %v", name, host, head, want)
			}
			status := 421
			if want {
				status = 204
			}
			if got, _ := receive(t, send(t, plain2(t, p), getPlain(host, "/"))); got.Status() != status {
				t.Errorf("%s, HTTP/2, :authority %s: status %d, want %d", name, host, got.Status(), status)
			}
		}
	}
}

// TestHostsElsewhere has no say about what comes to another address than the
// loopback's, nor about requests to the proxy.
func TestHostsElsewhere(t *testing.T) {
	mock := []proxy.Layer{answerWith(traffic.Response{Status: 204})}
	p := start(t, proxy.Options{Layers: mock}, proxy.Listener{Addr: "0.0.0.0:0", Origin: true})
	client := nectest.Dial(t, "127.0.0.1:"+portOf(t, p.addr))
	client.Send(get("evil.test", "/"))
	if got := client.ReadHead(); !strings.HasPrefix(got, "HTTP/1.1 204 ") {
		t.Errorf("the proxy answers %q", got)
	}
	own := ownAddress(t)
	client = nectest.Dial(t, net.JoinHostPort(own, portOf(t, p.addr)))
	client.Send("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n")
	if got := client.ReadHead(); !strings.HasPrefix(got, "HTTP/1.1 204 ") {
		t.Errorf("at %s the answer is %q, want status %d", own, got, http.StatusNoContent)
	}
}

// ownAddress returns an address of this machine that is none of the loopback.
func ownAddress(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address beside the loopback")
	return ""
}
