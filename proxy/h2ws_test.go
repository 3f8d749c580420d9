package proxy_test

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// wsHead is the head of an extended CONNECT.
func wsHead(authority string) h2.Head {
	return h2.Head{
		Pseudo: traffic.Fields{
			{Name: ":method", Value: "CONNECT"},
			{Name: ":protocol", Value: "websocket"},
			{Name: ":scheme", Value: "https"},
			{Name: ":authority", Value: authority},
			{Name: ":path", Value: "/ws"},
		},
		Fields: traffic.Fields{{Name: "sec-websocket-version", Value: "13"}, {Name: "origin", Value: "https://a"}, {Name: "sec-websocket-protocol", Value: "chat"}},
	}
}

const (
	wsHello = "\x81\x85\x00\x00\x00\x00hello" // masked with nothing
	wsWorld = "\x81\x05world"
	wsBye   = "\x88\x82\x00\x00\x00\x00\x03\xe8"
	wsByeUp = "\x88\x02\x03\xe8"
)

// openWS opens a stream by extended CONNECT, once that is offered.
func openWS(t testing.TB, client *h2.Conn, authority string) *h2.Stream {
	t.Helper()
	if settings, err := client.PeerSettings(t.Context()); err != nil || !settings.ExtendedConnect {
		t.Fatalf("extended CONNECT: %v, %v", settings.ExtendedConnect, err)
	}
	return send(t, client, wsHead(authority))
}

// converse says hello on a stream and closes the WebSocket connection.
func converse(t testing.TB, st *h2.Stream) {
	t.Helper()
	head, err := st.ReadHead(t.Context())
	if err != nil || head.Status() != 200 || head.Fields.Get("sec-websocket-protocol") != "chat" {
		t.Fatalf("head %+v, %v", head, err)
	}
	for _, name := range []string{"upgrade", "connection", "sec-websocket-accept"} {
		if head.Fields.Has(name) {
			t.Errorf("the answer has %s", name)
		}
	}
	conn := st.NetConn()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, wsHello)
	got := make([]byte, len(wsWorld))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != wsWorld {
		t.Fatalf("received %q, %v", got, err)
	}
	_, _ = io.WriteString(conn, wsBye)
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != wsByeUp {
		t.Errorf("received %q, %v", rest, err)
	}
}

// greet is the other end of converse.
func greet(conn net.Conn) {
	got := make([]byte, len(wsHello))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != wsHello {
		return
	}
	_, _ = io.WriteString(conn, wsWorld)
	got = got[:len(wsBye)]
	if _, err := io.ReadFull(conn, got); err == nil {
		_, _ = io.WriteString(conn, wsByeUp)
	}
}

func checkConversation(t testing.TB, p *running) {
	t.Helper()
	opened := waitEvent[traffic.WSOpened](t, p)
	if opened.WS.Via != "h2" || opened.WS.Subprotocol != "chat" || opened.Response.Status != 101 || opened.Request.Method != "GET" {
		t.Errorf("opened %+v by %+v, %+v", opened.WS, opened.Request, opened.Response)
	}
	closed := waitEvent[traffic.WSClosed](t, p)
	if closed.Close.Code != 1000 || closed.Close.By != traffic.SideClient || closed.Close.Frames != [2]uint64{2, 2} {
		t.Errorf("closed %+v", closed.Close)
	}
}

// TestHTTP2WebSocket has both sides open the connection by extended CONNECT, which
// is offered because the origin does.
func TestHTTP2WebSocket(t *testing.T) {
	heads := make(chan h2.Head, 1)
	addr, network := engineOrigin(t, h2.Config{ExtendedConnect: true}, func(st *h2.Stream) {
		heads <- st.Head()
		_ = st.WriteHead(h2.ResponseHead(200, traffic.Fields{{Name: "sec-websocket-protocol", Value: "chat"}}))
		greet(st.NetConn())
		_ = st.CloseWrite(nil)
	})
	p, config := intercepting(t, proxy.Options{Network: network})
	client := engineClient(t, p, config, addr)
	converse(t, openWS(t, client, addr))
	got := <-heads
	if want := wsHead(addr); got.Pseudo.Get(":protocol") != "websocket" || !equalFields(got.Pseudo, want.Pseudo) || !equalFields(got.Fields, want.Fields) {
		t.Errorf("the origin got %v %v", got.Pseudo, got.Fields)
	}
	checkConversation(t, p)
}

// TestHTTP2WebSocketNotOffered leaves it to the origin whether there is extended
// CONNECT.
func TestHTTP2WebSocketNotOffered(t *testing.T) {
	for _, offered := range []bool{false, true} {
		addr, network := engineOrigin(t, h2.Config{ExtendedConnect: offered}, echoHead)
		p, config := intercepting(t, proxy.Options{Network: network})
		client := engineClient(t, p, config, addr)
		settings, err := client.PeerSettings(t.Context())
		if err != nil || settings.ExtendedConnect != offered {
			t.Errorf("offered %v, %v; the origin %v", settings.ExtendedConnect, err, offered)
		}
	}
}

// TestHTTP2WebSocketToHTTP1 has the origin speak HTTP/1.1, of its own or because it
// has no extended CONNECT.
func TestHTTP2WebSocketToHTTP1(t *testing.T) {
	for _, protocols := range [][]string{{"http/1.1"}, {"h2", "http/1.1"}} {
		configure := func(config *tls.Config) { config.NextProtos = protocols }
		origin, pool := secureServerWith(t, configure, func(c *nectest.Conn) {
			secure := c.Conn.(*tls.Conn)
			if secure.Handshake() == nil && secure.ConnectionState().NegotiatedProtocol == "h2" {
				_ = h2.Server(c, h2.Config{}, echoHead).Run(context.WithoutCancel(t.Context()))
				return
			}
			_, rest, _ := strings.Cut(c.ReadHead(), "sec-websocket-key: ")
			key, _, _ := strings.Cut(rest, "\r\n")
			sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
			c.Send("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
				base64.StdEncoding.EncodeToString(sum[:]) + "\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
			greet(c)
		})
		p, config := intercepting(t, proxy.Options{Network: &proxy.Network{RootCAs: pool}, Layers: []proxy.Layer{passThrough}})
		converse(t, openWS(t, engineClient(t, p, config, origin.Addr), origin.Addr))
		checkConversation(t, p)
	}
}

// TestHTTP2WebSocketRefused passes on what an origin answers in place of a
// WebSocket connection, and a proof that is none as a failure.
func TestHTTP2WebSocketRefused(t *testing.T) {
	for wire, status := range map[string]int{
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno":                                                      403,
		"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: guess\r\n\r\n": 502,
	} {
		client, addr, p := setupDown(t, func(c *nectest.Conn) {
			c.ReadHead()
			c.Send(wire)
			c.Ended(patience)
		})
		st := openWS(t, client, addr)
		head, _ := receive(t, st)
		if head.Status() != status {
			t.Errorf("status %d, want %d", head.Status(), status)
		}
		if x := p.WaitExchanges(t, 1)[0]; (x.Failure != nil) != (status == 502) || x.WS != nil {
			t.Errorf("failure %v, WebSocket %v", x.Failure, x.WS)
		}
	}
}

// TestHTTP2WebSocketCut resets the other side if one side does.
func TestHTTP2WebSocketCut(t *testing.T) {
	ended := make(chan error, 1)
	addr, network := engineOrigin(t, h2.Config{ExtendedConnect: true}, func(st *h2.Stream) {
		_ = st.WriteHead(h2.ResponseHead(200, nil))
		_, err := io.ReadAll(st)
		ended <- err
	})
	p, config := intercepting(t, proxy.Options{Network: network})
	st := openWS(t, engineClient(t, p, config, addr), addr)
	if _, err := st.ReadHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _ = st.Write([]byte(wsHello))
	st.Reset(h2.CodeCancel)
	if err := within(t, patience, "the end", ended); err == nil || !strings.Contains(err.Error(), "CANCEL") {
		t.Errorf("the origin saw %v", err)
	}
	if e := waitEvent[traffic.WSClosed](t, p); e.Close.Cause != "reset" || e.Close.By != traffic.SideClient {
		t.Errorf("closed %+v", e.Close)
	}
}
