package proxy_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// plainOrigin is an origin that speaks HTTP/2 without TLS and nothing else. It
// answers what it was asked for.
func plainOrigin(t testing.TB) (addr string) {
	t.Helper()
	return nectest.NewRawServer(t, func(c *nectest.Conn) {
		_ = c.SetDeadline(time.Time{})
		_ = h2.Server(c, h2.Config{}, echoHead).Run(context.WithoutCancel(t.Context()))
	}).Addr
}

// echoHead answers with the pseudo-fields of a request.
func echoHead(st *h2.Stream) {
	var said []string
	for _, f := range st.Head().Pseudo {
		said = append(said, f.Value)
	}
	answer(st, strings.Join(said, " "))
}

// plain2 opens HTTP/2 without TLS on a connection to the proxy itself.
func plain2(t testing.TB, p *running) *h2.Conn {
	t.Helper()
	return runClient(t, nectest.Dial(t, p.addr))
}

// getPlain is get2 without TLS.
func getPlain(addr, path string, fields ...traffic.Field) h2.Head {
	return h2.RequestHead("GET", "http", addr, path, fields).Ended()
}

// TestHTTP2Prior has clients speak HTTP/2 without having agreed on it: inside a
// tunnel, and where necto stands for the origin.
func TestHTTP2Prior(t *testing.T) {
	addr := plainOrigin(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	old := server.Listener.Addr().String()
	for _, layers := range [][]proxy.Layer{nil, {passThrough}} {
		p, _ := intercepting(t, proxy.Options{Layers: layers, Network: &proxy.Network{}})
		client := runClient(t, tunnel(t, p, addr, ""))
		if _, got := receive(t, send(t, client, getPlain(addr, "/x"))); got != "GET http "+addr+" /x" {
			t.Errorf("received %q", got)
		}
		if _, got := receive(t, send(t, client, getPlain("other.example", "/x"))); got != "GET http other.example /x" {
			t.Errorf("received %q", got)
		}
		client = runClient(t, tunnel(t, p, old, "")) // an origin that does not understand it
		if head, _ := receive(t, send(t, client, getPlain(old, "/x"))); head.Status() != http.StatusNotFound {
			t.Errorf("status %d", head.Status())
		}
		for _, x := range p.WaitExchanges(t, 3) {
			if x.Failure != nil || x.Request.Proto != "HTTP/2.0" || x.Request.URL.Scheme != "http" {
				t.Errorf("recorded %+v, %v", x.Request, x.Failure)
			}
		}
	}
}

// TestHTTP2Reverse has necto in front of an origin, for clients of HTTP/2 without
// TLS.
func TestHTTP2Reverse(t *testing.T) {
	plainAddr := plainOrigin(t)
	secureAddr, network := engineOrigin(t, h2.Config{}, echoHead)
	for origin, scheme := range map[string]string{plainAddr: "http", secureAddr: "https"} {
		for _, keep := range []bool{false, true} {
			p := start(t, proxy.Options{Network: network, AllowHost: anyHost}, proxy.Listener{
				Reverse: &traffic.URL{Scheme: scheme, Authority: origin, Target: "/base"}, KeepHost: keep,
			})
			want := "GET " + scheme + " " + origin + " /base/x"
			if keep {
				want = "GET " + scheme + " asked.example /base/x"
			}
			if _, got := receive(t, send(t, plain2(t, p), getPlain("asked.example", "/x"))); got != want {
				t.Errorf("received %q, want %q", got, want)
			}
			x := p.WaitExchanges(t, 1)[0]
			if got := x.Request.URL.String(); got != scheme+"://"+origin+"/base/x" || x.Failure != nil {
				t.Errorf("recorded %s, %v", got, x.Failure)
			}
		}
	}
}

// TestHTTP2Forward has clients of HTTP/2 ask the proxy itself, for origins of any
// version.
func TestHTTP2Forward(t *testing.T) {
	secure, network := engineOrigin(t, h2.Config{}, echoHead)
	old := newAnswering(t, ok).Addr
	p := start(t, proxy.Options{Network: network}, proxy.Listener{})
	client := plain2(t, p)
	if _, got := receive(t, send(t, client, get2(secure, "/x"))); got != "GET https "+secure+" /x" {
		t.Errorf("received %q", got)
	}
	if head, _ := receive(t, send(t, client, getPlain(old, "/x"))); head.Status() != 200 {
		t.Errorf("status %d", head.Status())
	}
	head, text := receive(t, send(t, client, h2.RequestHead("GET", "ftp", old, "/", nil).Ended()))
	if head.Status() != 400 || !strings.Contains(text, "unsupported scheme") {
		t.Errorf("%d %q", head.Status(), text)
	}
	if e := waitEvent[traffic.ClientError](t, p); e.Status != 400 {
		t.Errorf("event %+v", e)
	}
	if head, _ := receive(t, send(t, client, getPlain(old, "/x"))); head.Status() != 200 {
		t.Errorf("status %d", head.Status()) // on the same connection
	}
}

// TestHTTP2Origin has layers answer clients of HTTP/2 whose base URL is necto.
func TestHTTP2Origin(t *testing.T) {
	p := start(t, proxy.Options{AllowHost: anyHost, Layers: []proxy.Layer{layer(func(ctx context.Context, req *traffic.Request, _ traffic.RoundTripper) (*traffic.Response, error) {
		if !proxy.FromOrigin(ctx) {
			return nil, errors.New("not asked as the origin")
		}
		return &traffic.Response{Status: 200, Body: traffic.NewMemoryBody([]byte(req.URL.String())), Length: -1}, nil
	})}}, proxy.Listener{Origin: true})
	if _, got := receive(t, send(t, plain2(t, p), getPlain("a.example", "/x"))); got != "http://a.example/x" {
		t.Errorf("received %q", got)
	}
}

// TestHTTP2Connect has tunnels inside streams: with HTTP/1, HTTP/2 and bytes that
// are neither.
func TestHTTP2Connect(t *testing.T) {
	secure, network := engineOrigin(t, h2.Config{}, echoHead)
	old := newAnswering(t, ok).Addr
	raw := nectest.NewRawServer(t, func(c *nectest.Conn) { c.Send("+" + c.ReadN(3)); c.ReadAll(); c.Send("bye") }).Addr
	p, config := intercepting(t, proxy.Options{Network: network})
	outer := plain2(t, p)
	open := func(target string) net.Conn {
		st := send(t, outer, h2.Head{Pseudo: traffic.Fields{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: target}}})
		head, err := st.ReadHead(t.Context())
		if err != nil || head.Status() != http.StatusOK {
			t.Fatalf("CONNECT: %d, %v", head.Status(), err)
		}
		return st.NetConn()
	}
	conn := open(old)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	got := make([]byte, len(ok))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != ok {
		t.Errorf("received %q, %v", got, err)
	}
	inner := engineInside(t, open(secure), config)
	if _, got := receive(t, send(t, inner, get2(secure, "/in"))); got != "GET https "+secure+" /in" {
		t.Errorf("received %q", got)
	}
	conn = open(raw)
	_, _ = io.WriteString(conn, "\x00\x01\x02")
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "+\x00\x01\x02bye" {
		t.Errorf("received %q, %v", got, err)
	}
	if e := waitEvent[traffic.TunnelClosed](t, p); e.Target != raw || e.BytesUp != 3 || e.BytesDown != 7 || e.Failure != nil {
		t.Errorf("tunnel %+v", e.Tunnel)
	}
}

// TestHTTP2ConnectFails answers a CONNECT to nowhere.
func TestHTTP2ConnectFails(t *testing.T) {
	gone := nectest.NewRawServer(t, func(*nectest.Conn) {})
	gone.Close()
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := plain2(t, p)
	for authority, status := range map[string]int{gone.Addr: 502, "a.example": 400} {
		st := send(t, client, h2.Head{Pseudo: traffic.Fields{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: authority}}})
		if head, text := receive(t, st); head.Status() != status || !strings.HasPrefix(text, "necto: ") {
			t.Errorf("%s: %d %q", authority, head.Status(), text)
		}
	}
	if x := p.WaitExchanges(t, 1)[0]; x.Failure == nil || x.Failure.Kind != traffic.FailConnect {
		t.Errorf("failure %+v", x.Failure)
	}
}

// TestHTTP2Misdirected has a client use the connection to one origin for others.
func TestHTTP2Misdirected(t *testing.T) {
	client, addr, p := setupEngine(t, proxy.Options{}, echoHead)
	head, text := receive(t, send(t, client, get2("other.example", "/")))
	if head.Status() != http.StatusMisdirectedRequest || !strings.Contains(text, "a request for other.example on a connection to "+addr) {
		t.Errorf("%d %q", head.Status(), text)
	}
	if e := waitEvent[traffic.ClientError](t, p); e.Status != 421 || !strings.HasPrefix(string(e.Head), "GET / HTTP/2.0\r\n") {
		t.Errorf("event %+v, head %q", e, e.Head)
	}
	if _, got := receive(t, send(t, client, get2("127.0.0.1", "/"))); got != "GET https 127.0.0.1 /" {
		t.Errorf("received %q", got) // as the client has put it
	}
}

// TestHTTP2Credentials asks for a user and a password.
func TestHTTP2Credentials(t *testing.T) {
	old := newAnswering(t, ok).Addr
	p := start(t, proxy.Options{Auth: proxy.Credentials{User: "u", Password: "p"}}, proxy.Listener{})
	client := plain2(t, p)
	field := func(s string) traffic.Field {
		return traffic.Field{Name: "proxy-authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(s))}
	}
	for name, fields := range map[string][]traffic.Field{"none": nil, "wrong": {field("u:q")}} {
		head, _ := receive(t, send(t, client, getPlain(old, "/", fields...)))
		if head.Status() != 407 || head.Fields.Get("proxy-authenticate") == "" {
			t.Errorf("%s: %d %v", name, head.Status(), head.Fields)
		}
	}
	if head, _ := receive(t, send(t, client, getPlain(old, "/", field("u:p")))); head.Status() != 200 {
		t.Errorf("status %d", head.Status())
	}
	if x := p.WaitExchanges(t, 1)[0]; x.Request.Header.Has("Proxy-Authorization") {
		t.Error("the password is recorded")
	}
}

// TestHTTP1Only keeps everybody to HTTP/1.1.
func TestHTTP1Only(t *testing.T) {
	client, origin, p := setup2(t, proxy.Options{HTTP1Only: true}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	})
	if resp, got := do(t, client, request(t, "GET", origin, nil)); got != "HTTP/1.1" || resp.Proto != "HTTP/1.1" {
		t.Errorf("the client got %s, the origin %s", resp.Proto, got)
	}
	c := nectest.Dial(t, p.addr)
	c.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if got := c.ReadAll(); !strings.HasPrefix(got, "HTTP/1.1 505 ") {
		t.Errorf("received %q", got)
	}
}
