package mockttp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

func TestTunnels(t *testing.T) {
	m, c := newMapper(t)
	tunnel := &traffic.Tunnel{
		Client: "[::1]:50312", Target: "a.test:443", Started: began.Add(2 * time.Millisecond), Tags: []string{"mine"},
		Steps: traffic.ConnSteps{Accepted: began, Tunnel: began.Add(time.Millisecond)},
	}
	m.Observe(traffic.TunnelOpened{Tunnel: tunnel})
	m.Observe(traffic.TunnelData{Tunnel: tunnel, Dir: traffic.ClientToServer, Time: began, Data: []byte("up")})
	m.Observe(traffic.TunnelData{Tunnel: tunnel, Dir: traffic.ServerToClient, Time: began, Data: []byte("down")})
	tunnel.Duration = 3 * time.Millisecond
	tunnel.Failure = &traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideUpstream}
	m.Observe(traffic.TunnelClosed{Tunnel: tunnel})
	opened, closed := c.payload(RawPassthroughOpened), c.payload(RawPassthroughClosed)
	want := map[string]any{
		"id": opened["id"], "destination": map[string]any{"hostname": "a.test", "port": 443.0},
		"remoteIpAddress": "::1", "remotePort": 50312.0, "tags": []any{"socket-metadata:mine"},
		"timingEvents": map[string]any{"startTime": 1.79e12, "connectTimestamp": 1.79e12, "tunnelTimestamp": 1.79e12 + 1},
	}
	if diff := cmp.Diff(want, opened); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
	want["tags"] = []any{"socket-metadata:mine", "raw-passthrough-error:ECONNRESET"}
	want["timingEvents"].(map[string]any)["disconnectTimestamp"] = 1.79e12 + 5
	if diff := cmp.Diff(want, closed); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	up := c.events[1]
	want = map[string]any{"id": opened["id"], "direction": "received", "content": "up", "eventTimestamp": 1.79e12}
	if diff := cmp.Diff(want, decodePayload(t, up)); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if got := decodePayload(t, c.events[2])["direction"]; got != "sent" {
		t.Errorf("what goes to the client is %v", got)
	}
	if up.Subject().Tunnel != tunnel || len(m.tunnels) != 0 {
		t.Error("filters see no tunnel, or it is remembered")
	}
}

func TestTunnelsWithTLS(t *testing.T) {
	for name, tunnel := range map[string]*traffic.Tunnel{
		"with a name":    {Target: "a.test:443", Started: began, SNI: "a.test"},
		"without a name": {Target: "10.0.0.1:443", Started: began, JA3: "ja3", JA4: "ja4", Offered: []string{"h2"}},
	} {
		m, c := newMapper(t)
		m.Observe(traffic.TunnelOpened{Tunnel: tunnel})
		m.Observe(traffic.TunnelData{Tunnel: tunnel, Data: []byte("encrypted")})
		tunnel.Failure = &traffic.Failure{Kind: traffic.FailShutdown}
		m.Observe(traffic.TunnelClosed{Tunnel: tunnel})
		if len(c.payload(TLSPassthroughClosed)["tags"].([]any)) != 0 {
			t.Errorf("%s: that necto was stopped is told as an error", name)
		}
		metadata := map[string]any{"sniHostname": "a.test"}
		if tunnel.SNI == "" {
			metadata = map[string]any{"clientAlpn": []any{"h2"}, "ja3Fingerprint": "ja3", "ja4Fingerprint": "ja4"}
		}
		if diff := cmp.Diff(metadata, c.payload(TLSPassthroughOpened)["tlsMetadata"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff([]string{"tls-passthrough-opened", "tls-passthrough-closed"}, c.names()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", name, diff)
		}
	}
}

func TestHandshakesThatFail(t *testing.T) {
	for word, want := range map[string]string{
		"cert-rejected": "cert-rejected", "no-shared-cipher": "no-shared-cipher", "closed": "closed",
		"reset": "reset", "timeout": "handshake-timeout", "protocol": "unknown",
	} {
		m, c := newMapper(t)
		m.Observe(traffic.TLSFailed{Client: "127.0.0.1:1", Time: began, Failure: word})
		p := c.payload(TLSClientError)
		wantAll := map[string]any{
			"failureCause": want, "remoteIpAddress": "127.0.0.1", "remotePort": 1.0, "tags": []any{}, "tlsMetadata": map[string]any{},
			"timingEvents": map[string]any{"startTime": 1.79e12, "connectTimestamp": 1.79e12, "failureTimestamp": 1.79e12},
		}
		if diff := cmp.Diff(wantAll, p); diff != "" {
			t.Errorf("%s (-want +got):\n%s", word, diff)
		}
	}
}

func TestBadRequests(t *testing.T) {
	for name, test := range map[string]struct {
		error traffic.ClientError
		code  string
		want  map[string]any // members of the request
	}{
		"nothing": {traffic.ClientError{Failure: &traffic.Failure{Kind: traffic.FailTimeout}, Status: 408}, "ERR_HTTP_REQUEST_TIMEOUT", map[string]any{
			"httpVersion": "1.1", "headers": map[string]any{}, "rawHeaders": []any{},
		}},
		"half a line": {traffic.ClientError{Failure: &traffic.Failure{Kind: traffic.FailEOF}, Head: []byte("GET /pa")}, "HPE_INVALID_EOF_STATE", map[string]any{
			"httpVersion": "1.1", "protocol": "http", "method": "GET", "headers": map[string]any{}, "rawHeaders": []any{},
		}},
		"a bad field": {traffic.ClientError{Failure: &traffic.Failure{Kind: traffic.FailProtocol}, Status: 400, Head: []byte("GET /p HTTP/1.0\r\nHost: a.test\r\nbad field\r\nX-A:1")}, "HPE_INVALID_HEADER_TOKEN", map[string]any{
			"httpVersion": "1.0", "protocol": "http", "method": "GET", "url": "http://a.test/p", "path": "/p",
			"destination": map[string]any{"hostname": "a.test", "port": 80.0},
			"headers":     map[string]any{"host": "a.test", "x-a": "1"}, "rawHeaders": []any{[]any{"Host", "a.test"}, []any{"X-A", "1"}},
		}},
		"a bad method": {traffic.ClientError{Failure: &traffic.Failure{Kind: traffic.FailProtocol}, Status: 400, Head: []byte("?? ??\r\n")}, "HPE_INVALID_METHOD", map[string]any{
			"httpVersion": "1.1", "protocol": "http", "method": "??", "url": "??", "path": "??", "headers": map[string]any{}, "rawHeaders": []any{},
		}},
		"a bad version": {traffic.ClientError{Failure: &traffic.Failure{Kind: traffic.FailProtocol}, Status: 505, Head: []byte("GET http://b.test:81/ HTTP/3.0\r\n\r\n")}, "HPE_INVALID_VERSION", map[string]any{
			"httpVersion": "3.0", "protocol": "http", "method": "GET", "url": "http://b.test:81/", "path": "/",
			"destination": map[string]any{"hostname": "b.test", "port": 81.0}, "headers": map[string]any{}, "rawHeaders": []any{},
		}},
		"a bad host": {traffic.ClientError{Failure: &traffic.Failure{Kind: traffic.FailProtocol}, Status: 400, Head: []byte("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")}, "ERR_INVALID_URL", map[string]any{
			"httpVersion": "1.1", "protocol": "http", "method": "GET", "url": "/", "path": "/",
			"headers": map[string]any{"host": "a b"}, "rawHeaders": []any{[]any{"Host", "a b"}},
		}},
		"in a tunnel": {traffic.ClientError{Failure: &traffic.Failure{Kind: traffic.FailReset}, Target: "c.test:443", Secure: true, Head: []byte("GET /p HTTP/1.1\r\n")}, "ECONNRESET", map[string]any{
			"httpVersion": "1.1", "protocol": "https", "method": "GET", "url": "https://c.test:443/p", "path": "/p",
			"destination": map[string]any{"hostname": "c.test", "port": 443.0}, "headers": map[string]any{}, "rawHeaders": []any{},
		}},
		"HTTP/2": {traffic.ClientError{Failure: &traffic.Failure{Kind: traffic.FailProtocol}, Proto: "HTTP/2.0", Secure: true}, "ERR_HTTP2_ERROR", map[string]any{
			"httpVersion": "2.0", "headers": map[string]any{}, "rawHeaders": []any{},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m, c := newMapper(t)
			test.error.Client, test.error.Time = "127.0.0.1:1", began
			m.Observe(test.error)
			p := c.payload(ClientError)
			if p["errorCode"] != test.code {
				t.Errorf("code %v, want %s", p["errorCode"], test.code)
			}
			request := p["request"].(map[string]any)
			for _, member := range []string{"id", "timingEvents", "tags", "remoteIpAddress", "remotePort"} {
				if request[member] == nil {
					t.Errorf("no %s", member)
				}
				delete(request, member)
			}
			if diff := cmp.Diff(test.want, request); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if response, ok := p["response"].(map[string]any); ok != (test.error.Status != 0) || ok && response["statusCode"] != float64(test.error.Status) {
				t.Errorf("response %v", p["response"])
			}
		})
	}
}

func FuzzGuessRequest(f *testing.F) {
	for _, head := range []string{"", "GET /pa", "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "?? ??\r\n", "\r\n\r\n", "GET http://[::1]:1/ HTTP/1.1\n:\n", "A  B\n"} {
		f.Add([]byte(head), "a.test:443", true)
	}
	f.Fuzz(func(t *testing.T, head []byte, target string, secure bool) {
		m, c := newMapper(t)
		m.Observe(traffic.ClientError{
			Failure: &traffic.Failure{Kind: traffic.FailProtocol}, Head: head, Target: target, Secure: secure, Time: began,
		})
		c.payload(ClientError) // is valid JSON
	})
}
