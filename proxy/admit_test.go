package proxy_test

import (
	"encoding/base64"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// ann is who may use the proxy.
var ann = proxy.Credentials{User: "ann", Password: "p:w"}

func basic(text string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(text))
}

// TestAuth lets in who knows the password, and keeps it to itself.
func TestAuth(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		ok    bool
	}{
		"right":           {basic("ann:p:w"), true},
		"scheme in lower": {strings.Replace(basic("ann:p:w"), "B", "b", 1), true},
		"none":            {"", false},
		"wrong password":  {basic("ann:p:x"), false},
		"wrong user":      {basic("bob:p:w"), false},
		"no password":     {basic("ann"), false},
		"not base64":      {"Basic ann:p:w", false},
		"other scheme":    {"Bearer x", false},
	} {
		t.Run(name, func(t *testing.T) {
			origin := newAnswering(t, ok)
			p := start(t, proxy.Options{Auth: ann}, proxy.Listener{})
			field := "Proxy-Authorization: " + c.value + "\r\n"
			if c.value == "" {
				field = ""
			}
			client := nectest.Dial(t, p.addr)
			client.Send("GET http://" + origin.Addr + "/ HTTP/1.1\r\nHost: " + origin.Addr + "\r\n" + field + "\r\n")
			if c.ok {
				client.ReadN(len(ok))
				if x := p.WaitExchanges(t, 1)[0]; x.Request.Header.Has("Proxy-Authorization") {
					t.Errorf("the password is in %v", x.Request.Header)
				}
			} else {
				checkAsked(t, p, client)
			}
			client = nectest.Dial(t, p.addr)
			client.Send("CONNECT " + origin.Addr + " HTTP/1.1\r\nHost: " + origin.Addr + "\r\n" + field + "\r\n")
			if c.ok {
				client.ReadN(len(established))
				client.Send("GET / HTTP/1.1\r\nHost: " + origin.Addr + "\r\n\r\n")
				client.ReadN(len(ok))
			} else {
				checkAsked(t, p, client)
			}
		})
	}
}

// checkAsked expects that a client is asked for a password.
func checkAsked(t *testing.T, p *running, client *nectest.Conn) {
	t.Helper()
	got := client.ReadAll()
	if !strings.HasPrefix(got, "HTTP/1.1 407 ") || !strings.Contains(got, "\r\nProxy-Authenticate: Basic realm=\"necto\"\r\n") {
		t.Errorf("received %q", got)
	}
	if e := clientError(t, p); e.Status != 407 || strings.Contains(string(e.Head), "Authorization") {
		t.Errorf("event %+v", e)
	}
}

// TestAuthOfBadHeads keeps the password to itself though there is no request.
func TestAuthOfBadHeads(t *testing.T) {
	p := start(t, proxy.Options{Auth: ann}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nproxy-authorization: " + basic("ann:p:w") +
		"\r\nProxy-Authorization\t: Basic\r\n " + basic("ann:p:w") + "\r\nBad Field: x\r\n\r\n")
	client.ReadAll()
	want := "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nBad Field: x\r\n\r\n"
	if e := clientError(t, p); string(e.Head) != want {
		t.Errorf("the event has %q, want %q", e.Head, want)
	}
}

// TestAuthForSOCKS is TestAuth for the other way in.
func TestAuthForSOCKS(t *testing.T) {
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{Auth: ann}, proxy.Listener{})
	request := "\x05\x01\x00\x01\x7f\x00\x00\x01" + socksPort(t, origin.Addr)
	client := nectest.Dial(t, p.addr)
	client.Send("\x05\x01\x02\x01\x03ann\x03p:w" + request + "GET / HTTP/1.1\r\n\r\n")
	if got, want := client.ReadN(len("\x05\x02\x01\x00")+10), "\x05\x02\x01\x00"+socksGranted[2:]; got != want {
		t.Errorf("received %q, want %q", got, want)
	}
	client.ReadN(len(ok))
	for send, want := range map[string]string{
		"\x05\x01\x02\x01\x03ann\x01x" + request:                        "\x05\x02\x01\x01",
		socksHello + request:                                            "\x05\xff",
		"\x04\x01" + socksPort(t, origin.Addr) + "\x7f\x00\x00\x01\x00": "\x00\x5b\x00\x00\x00\x00\x00\x00",
	} {
		client := nectest.Dial(t, p.addr)
		client.Send(send)
		if got := client.ReadAll(); got != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	if e := clientError(t, p); !strings.Contains(e.Failure.Text, "not accepted") {
		t.Errorf("event %+v", e.Failure)
	}
}

// TestAuthIsForTheProxy does not ask who takes necto for the origin.
func TestAuthIsForTheProxy(t *testing.T) {
	origin := newAnswering(t, ok)
	p := start(t, proxy.Options{Auth: ann, AllowHost: anyHost}, proxy.Listener{Reverse: &traffic.URL{Scheme: "http", Authority: origin.Addr, Target: "/"}})
	client := nectest.Dial(t, p.addr)
	client.Send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	client.ReadN(len(ok))
	client.Send(get(origin.Addr, "/"))
	checkAsked(t, p, client)
}

// TestAuthClients has curl bring the password in each of its ways.
func TestAuthClients(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed: passwords are not tested with a real client")
	}
	origin := nectest.NewOrigin(t)
	for name, args := range map[string][]string{
		"HTTP":          {"--proxy"},
		"HTTP, asked":   {"--proxy-anyauth", "--proxy"},
		"HTTP, CONNECT": {"--proxytunnel", "--proxy"},
		"SOCKS":         {"--socks5-hostname"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := intercepting(t, proxy.Options{Auth: proxy.Credentials{User: "ann", Password: "pw"}})
			args := append([]string{"--silent", "--show-error", "--noproxy", "", "--proxy-user", "ann:pw"}, args...)
			out, err := exec.CommandContext(t.Context(), curl, append(args, p.addr, origin.URL+"/json")...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), `"name":"necto"`) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestAdmitted knows who may connect.
func TestAdmitted(t *testing.T) {
	ranges := []netip.Prefix{netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("fd00::/8")}
	for addr, want := range map[string]bool{
		"172.17.0.2:1": true, "[::ffff:172.17.0.2]:1": true, "[fd00::1]:1": true, "127.0.0.1:1": true, "[::1]:1": true,
		"192.0.2.1:1": false, "[2001:db8::1]:1": false,
	} {
		tcp := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))
		if got := proxy.Admitted(ranges, tcp); got != want {
			t.Errorf("%s: %v", addr, got)
		}
		if !proxy.Admitted(nil, tcp) {
			t.Errorf("%s is refused where there are no ranges", addr)
		}
	}
}
