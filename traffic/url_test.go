package traffic_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestParseURL(t *testing.T) {
	tests := []struct {
		url  string
		want traffic.URL
	}{
		{"http://a/", traffic.URL{Scheme: "http", Authority: "a", Target: "/"}},
		{"http://a", traffic.URL{Scheme: "http", Authority: "a", Target: "/"}},
		{"HTTP://A.Example:8080/x", traffic.URL{Scheme: "http", Authority: "A.Example:8080", Target: "/x"}},
		{"https://a?b=c", traffic.URL{Scheme: "https", Authority: "a", Target: "/?b=c"}},
		{"http://a/?", traffic.URL{Scheme: "http", Authority: "a", Target: "/?"}},
		{"ws://a/s", traffic.URL{Scheme: "ws", Authority: "a", Target: "/s"}},
		{"WSS://a/s", traffic.URL{Scheme: "wss", Authority: "a", Target: "/s"}},
		{"http://a/?a=1;b=2&c=%zz", traffic.URL{Scheme: "http", Authority: "a", Target: "/?a=1;b=2&c=%zz"}},
		{"http://a//x/../%2f|{}", traffic.URL{Scheme: "http", Authority: "a", Target: "//x/../%2f|{}"}},
		{"http://a/\xff?\xfe", traffic.URL{Scheme: "http", Authority: "a", Target: "/\xff?\xfe"}},
		{"http://a/b#frag?x", traffic.URL{Scheme: "http", Authority: "a", Target: "/b"}},
		{"http://a#frag/b@c", traffic.URL{Scheme: "http", Authority: "a", Target: "/"}},
		{"http://u:p@a:1/", traffic.URL{Scheme: "http", Authority: "a:1", Target: "/"}},
		{"http://u@v@a/", traffic.URL{Scheme: "http", Authority: "a", Target: "/"}},
		{"http://a/b@c:d", traffic.URL{Scheme: "http", Authority: "a", Target: "/b@c:d"}},
		{"http://a?b@c", traffic.URL{Scheme: "http", Authority: "a", Target: "/?b@c"}},
		{"http://a:/", traffic.URL{Scheme: "http", Authority: "a:", Target: "/"}},
		{"http://[::1]/", traffic.URL{Scheme: "http", Authority: "[::1]", Target: "/"}},
		{"http://[2001:db8::1]:8080/", traffic.URL{Scheme: "http", Authority: "[2001:db8::1]:8080", Target: "/"}},
		{"http://a_b.example/", traffic.URL{Scheme: "http", Authority: "a_b.example", Target: "/"}},
	}
	for _, test := range tests {
		got, err := traffic.ParseURL(test.url)
		if err != nil {
			t.Errorf("%q: %v", test.url, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.url, diff)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	tests := []struct{ url, want string }{
		{"", "no scheme"},
		{"/path", "no scheme"},
		{"a:80", "no scheme"},
		{"//a/", "no scheme"},
		{"://a/", "no scheme"},
		{"ftp://a/", "unsupported scheme"},
		{"ht tp://a/", "unsupported scheme"},
		{"http://", "no host"},
		{"http:///x", "no host"},
		{"http://:80/", "no host"},
		{"http://u@/", "no host"},
		{"http://a b/", "invalid byte"},
		{"http://a:80:90/", "brackets"},
		{"http://a:x/", "invalid port"},
	}
	for _, test := range tests {
		_, err := traffic.ParseURL(test.url)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one about %q", test.url, err, test.want)
		}
	}
}

func TestCheckAuthority(t *testing.T) {
	for _, s := range []string{
		"a", "a:80", "a:", "a:0", "a:65535", "a:00080", "1.2.3.4:80", "a_b", "a,b", "%41", "xn--bcher-kva.example",
		"b\xc3\xbccher.example", "[::1]", "[::1]:80", "[::1]:", "[fe80::1%25eth0]:80", "[::ffff:1.2.3.4]",
	} {
		if err := traffic.CheckAuthority(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	tests := []struct{ authority, want string }{
		{"", "no host"},
		{":80", "no host"},
		{"[]", "no host"},
		{"[]:80", "no host"},
		{"a:65536", "invalid port"},
		{"a:99999999999999999999", "invalid port"},
		{"a:-1", "invalid port"},
		{"a:+1", "invalid port"},
		{"a:8 0", "invalid port"},
		{"[::1]80", "invalid port"},
		{"[::1]:80:90", "invalid port"},
		{"[::1]x", "invalid port"},
		{"::1", "brackets"},
		{"a:b:80", "brackets"},
		{"[::1", "invalid byte"},
		{"[", "invalid byte"},
		{"::1]", "brackets"},
		{"[a]", "invalid IPv6"},
		{"[1.2.3.4]", "invalid IPv6"},
		{"[::1% x]", "invalid byte"},
		{"[[::1]]", "invalid byte"},
		{"a b", "invalid byte"},
		{"a\tb", "invalid byte"},
		{"a\x00", "invalid byte"},
		{"a\x7f", "invalid byte"},
		{"a/b", "invalid byte"},
		{"a?b", "invalid byte"},
		{"a#b", "invalid byte"},
		{"u@a", "invalid byte"},
		{`a\b`, "invalid byte"},
		{"<a>", "invalid byte"},
	}
	for _, test := range tests {
		err := traffic.CheckAuthority(test.authority)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one about %q", test.authority, err, test.want)
		}
	}
}

func TestURLParts(t *testing.T) {
	tests := []struct {
		url                            traffic.URL
		hostname, port, hostPort, path string
		query                          string
		hasQuery, secure               bool
		text                           string
	}{
		{
			url:      traffic.URL{Scheme: "http", Authority: "A.example", Target: "/x?y?z"},
			hostname: "A.example", port: "80", hostPort: "A.example:80", path: "/x", query: "y?z", hasQuery: true,
			text: "http://A.example/x?y?z",
		},
		{
			url:      traffic.URL{Scheme: "https", Authority: "[::1]", Target: "/?"},
			hostname: "::1", port: "443", hostPort: "[::1]:443", path: "/", hasQuery: true, secure: true,
			text: "https://[::1]/?",
		},
		{
			url:      traffic.URL{Scheme: "wss", Authority: "[::1]:8443", Target: "/"},
			hostname: "::1", port: "8443", hostPort: "[::1]:8443", path: "/", secure: true,
			text: "wss://[::1]:8443/",
		},
		{
			url:      traffic.URL{Scheme: "ws", Authority: "a:", Target: "*"},
			hostname: "a", port: "80", hostPort: "a:80", path: "*",
			text: "ws://a:*",
		},
	}
	for _, test := range tests {
		u := test.url
		query, hasQuery := u.Query()
		got := []any{u.Hostname(), u.Port(), u.HostPort(), u.Path(), query, hasQuery, u.Secure(), u.String()}
		want := []any{test.hostname, test.port, test.hostPort, test.path, test.query, test.hasQuery, test.secure, test.text}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", u, diff)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"http://a/", "HTTPS://u@[::1]:443?x#y", "ws://a:80:90/", "http://[::1%25z]/", "://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := traffic.ParseURL(s)
		if err != nil {
			return
		}
		again, err := traffic.ParseURL(u.String())
		if err != nil || again != u {
			t.Errorf("%q gave %+v, its text %+v, %v", s, u, again, err)
		}
		if !strings.HasPrefix(u.Target, "/") || u.Hostname() == "" {
			t.Errorf("%q gave %+v", s, u)
		}
	})
}

func TestURLOfAWebSocketConnection(t *testing.T) {
	tests := []struct{ handshake, connection string }{
		{"http://a:1/s?t", "ws://a:1/s?t"},
		{"https://a/s", "wss://a/s"},
	}
	for _, test := range tests {
		handshake, connection := parseURL(t, test.handshake), parseURL(t, test.connection)
		for _, u := range []traffic.URL{handshake, connection} {
			if got := u.WebSocket(); got != connection {
				t.Errorf("connection of %v: got %v, want %v", u, got, connection)
			}
			if got := u.Handshake(); got != handshake {
				t.Errorf("handshake of %v: got %v, want %v", u, got, handshake)
			}
		}
		if handshake.IsWebSocket() || !connection.IsWebSocket() {
			t.Errorf("only %v is a WebSocket's, got %v and %v", connection, handshake.IsWebSocket(), connection.IsWebSocket())
		}
	}
	other := traffic.URL{Scheme: "ftp", Authority: "a", Target: "/"}
	if other.WebSocket() != other || other.Handshake() != other {
		t.Errorf("%v was changed", other)
	}
}

func parseURL(t *testing.T, s string) traffic.URL {
	t.Helper()
	u, err := traffic.ParseURL(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
