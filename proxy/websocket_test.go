package proxy_test

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

const (
	wsFields = "Connection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n" +
		"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	wsAcceptFields = "HTTP/1.1 101 Here We Go\r\nUpgrade: websocket\r\nconnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	deflateField   = "Sec-WebSocket-Extensions: permessage-deflate"
)

// wsGet is the head of a handshake in the form for a proxy.
func wsGet(addr, more string) string {
	return "GET http://" + addr + "/chat HTTP/1.1\r\nHost: " + addr + "\r\n" + wsFields + more + "\r\n"
}

// fromClient is a frame with FIN as clients send it, fromServer as servers do.
func fromClient(opcode uint8, payload string) string {
	h := wsframe.Header{Fin: true, Opcode: opcode, Masked: true, Key: [4]byte{1, 2, 3, 4}}
	return string(wsframe.AppendFrame(nil, h, []byte(payload)))
}

func fromServer(opcode uint8, payload string) string {
	return string(wsframe.AppendFrame(nil, wsframe.Header{Fin: true, Opcode: opcode}, []byte(payload)))
}

// closeWith is the payload of a close frame.
func closeWith(code int, reason string) string { return string(wsframe.AppendClose(nil, code, reason)) }

// wsDial sends a handshake, with more behind it in the same write, and reads its
// answer.
func wsDial(t testing.TB, p *running, origin, more string) *nectest.Conn {
	t.Helper()
	client := nectest.Dial(t, p.addr)
	client.Send(wsGet(origin, "") + more)
	if got := client.ReadHead(); !strings.HasPrefix(got, wsAcceptFields) {
		t.Fatalf("the answer is %q", got)
	}
	return client
}

// framesOf describes the frames seen so far, in order.
func framesOf(events []traffic.Event) []string {
	var frames []string
	for _, e := range events {
		if e, ok := e.(traffic.FrameSeen); ok {
			frames = append(frames, describe(e.Frame))
		}
	}
	return frames
}

// describe says what there is to say about a frame.
func describe(f *traffic.Frame) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %q", map[traffic.Direction]string{traffic.ClientToServer: "up", traffic.ServerToClient: "down"}[f.Dir], f.Opcode, f.Payload)
	if !f.Fin {
		b.WriteString(" more")
	}
	if f.RSV != 0 {
		fmt.Fprintf(&b, " rsv%d", f.RSV)
	}
	if f.Inflated {
		b.WriteString(" inflated")
	}
	if f.Truncated {
		fmt.Fprintf(&b, " of %d", f.Size)
	}
	for _, a := range f.Anomalies {
		b.WriteString("; " + a)
	}
	return b.String()
}

// closedWS waits for the end of the one connection of a run.
func closedWS(t testing.TB, p *running) *traffic.WSClose {
	t.Helper()
	return waitEvent[traffic.WSClosed](t, p).Close
}

// wsOrigin accepts with further fields, says down once it has read up, and goes on
// as then says.
func wsOrigin(t testing.TB, fields, up, down string, then func(*nectest.Conn)) *nectest.RawServer {
	t.Helper()
	return nectest.NewRawServer(t, func(c *nectest.Conn) {
		c.ReadHead()
		c.Send(wsAcceptFields + fields + "\r\n")
		if got := c.ReadN(len(up)); got != up {
			t.Errorf("the origin received %q, want %q", got, up)
		}
		c.Send(down)
		then(c)
	})
}

// finish ends the origin's side and reads to the end.
func finish(c *nectest.Conn) {
	c.CloseWrite()
	c.ReadAll()
}

// TestWebSocket passes a conversation, with frames behind both heads in the same
// writes, in each way a client can come in.
func TestWebSocket(t *testing.T) {
	const answer = wsAcceptFields + "Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=1\r\n\r\n"
	early, late, bye := fromClient(1, "early"), fromClient(2, "\x00\xff"), fromClient(8, closeWith(1000, "bye"))
	hello, pong := fromServer(1, "hello"), fromServer(10, "p")
	heads := make(chan string, 1)
	script := func(c *nectest.Conn) {
		heads <- c.ReadHead()
		c.Send(answer + hello)
		c.ReadN(len(early))
		c.Send(pong)
		c.ReadN(len(late + bye))
		c.Send(fromServer(8, closeWith(1000, "")))
	}
	want := []string{
		`up 1 "early"`, `down 1 "hello"`, `down 10 "p"`, `up 2 "\x00\xff"`, `up 8 "\x03\xe8bye"`, `down 8 "\x03\xe8"`,
	}
	for _, c := range []struct {
		name, target      string
		secure, viaTunnel bool
		listener          func(addr string) proxy.Listener
	}{
		{name: "forward", target: "http://ADDR/chat"},
		{name: "forward ws", target: "ws://ADDR/chat"},
		{name: "connect", target: "/chat", viaTunnel: true},
		{name: "connect secure", target: "/chat", viaTunnel: true, secure: true},
		{name: "reverse", target: "/chat", listener: func(addr string) proxy.Listener {
			return proxy.Listener{Reverse: &traffic.URL{Scheme: "http", Authority: addr, Target: "/"}, KeepHost: true}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			origin, pool := nectest.NewRawServer(t, script), (*x509.CertPool)(nil)
			if c.secure {
				origin, pool = secureServer(t, script)
			}
			opts := proxy.Options{Network: &proxy.Network{RootCAs: pool}, AllowHost: anyHost}
			authority, config := authority(t)
			opts.CA = authority
			listener := proxy.Listener{}
			if c.listener != nil {
				listener = c.listener(origin.Addr)
			}
			p := start(t, opts, listener)
			client := nectest.Dial(t, p.addr)
			if c.viaTunnel {
				client = tunnel(t, p, origin.Addr, "")
			}
			if c.secure {
				client = client.StartTLS(withName(config, "127.0.0.1"))
			}
			const rest = " HTTP/1.1\r\nHost: h\r\n" + wsFields + "Sec-WebSocket-Protocol: a, chat\r\nORIGIN: null\r\n\r\n"
			target := strings.ReplaceAll(c.target, "ADDR", origin.Addr)
			client.Send("GET " + target + rest + early)
			if got := client.ReadN(len(answer + hello + pong)); got != answer+hello+pong {
				t.Errorf("the client received %q", got)
			}
			host := "h"
			if target != "/chat" {
				host = origin.Addr // the target wins
			}
			if diff := cmp.Diff("GET /chat"+strings.Replace(rest, "Host: h", "Host: "+host, 1), <-heads); diff != "" {
				t.Errorf("the origin received (-want +got):\n%s", diff)
			}
			client.Send(late + bye)
			if got := client.ReadAll(); got != fromServer(8, closeWith(1000, "")) {
				t.Errorf("and at the end %q", got)
			}
			client.Close()
			closed := closedWS(t, p)
			if got := [2]uint64{3, 3}; closed.Code != 1000 || closed.Reason != "bye" || closed.By != traffic.SideClient || closed.Cause != "" || closed.Frames != got {
				t.Errorf("closed %+v", closed)
			}
			got := framesOf(p.Events())
			if got[0] != want[0] { // which of the two early ones is seen first is open
				got[0], got[1] = got[1], got[0]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
			x := p.Exchanges()[0]
			if ws := *x.WS; ws != (traffic.WebSocket{Subprotocol: "chat"}) || x.Response.Status != 101 || x.Duration > closed.Duration || x.RequestDone < 0 || x.Server != origin.Addr {
				t.Errorf("WebSocket %+v of exchange %+v", ws, x)
			}
		})
	}
}

// TestWebSocketAgreement reads what a handshake agreed on.
func TestWebSocketAgreement(t *testing.T) {
	both := func(up, down traffic.Deflate) [2]traffic.Deflate { return [2]traffic.Deflate{up, down} }
	for fields, want := range map[string]traffic.WebSocket{
		"":                                    {},
		"Sec-WebSocket-Protocol: v2.chat\r\n": {Subprotocol: "v2.chat"},
		"Sec-WebSocket-Extensions: permessage-deflate\r\n":                                               {Deflate: both(traffic.DeflateTakeover, traffic.DeflateTakeover)},
		"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n":                   {Deflate: both(traffic.DeflateNoTakeover, traffic.DeflateTakeover)},
		"sec-websocket-extensions: permessage-deflate;server_no_context_takeover\r\n":                    {Deflate: both(traffic.DeflateTakeover, traffic.DeflateNoTakeover)},
		"Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n":                                           {Opaque: true},
		"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: bbf-usp-protocol\r\n": {Opaque: true},
	} {
		t.Run(fields, func(t *testing.T) {
			origin := wsOrigin(t, fields, "", "", finish)
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := wsDial(t, p, origin.Addr, "")
			client.ReadAll()
			client.Close()
			closedWS(t, p)
			if diff := cmp.Diff(&want, p.Exchanges()[0].WS); diff != "" {
				t.Errorf("agreed on (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWebSocketRefused is an answer like any other, with its content.
func TestWebSocketRefused(t *testing.T) {
	for _, refusal := range []string{
		"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
		"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno",
	} {
		origin := newAnswering(t, refusal)
		p := start(t, proxy.Options{}, proxy.Listener{})
		client := nectest.Dial(t, p.addr)
		for range 2 {
			client.Send(wsGet(origin.Addr, ""))
			if diff := cmp.Diff(refusal, client.ReadN(len(refusal))); diff != "" {
				t.Errorf("received (-want +got):\n%s", diff)
			}
		}
		for _, x := range p.WaitExchanges(t, 2) {
			if body, _ := x.ResponseBody.Bytes(); x.Failure != nil || x.WS != nil || string(body) != "no" {
				t.Errorf("failure %v, WebSocket %v, content %q", x.Failure, x.WS, body)
			}
		}
	}
}

// TestOtherUpgrade is not read, whatever was asked for.
func TestOtherUpgrade(t *testing.T) {
	origin := nectest.NewRawServer(t, func(c *nectest.Conn) { c.ReadHead(); c.Send(switching); finish(c) })
	p := start(t, proxy.Options{}, proxy.Listener{})
	client := nectest.Dial(t, p.addr)
	client.Send(wsGet(origin.Addr, "") + fromClient(1, "x"))
	client.CloseWrite()
	client.ReadAll()
	p.WaitExchanges(t, 1)
	if got, want := strings.Join(kinds(p.Events()), " "), "RequestStarted RequestDone ResponseStarted TunnelOpened TunnelClosed ExchangeDone"; got != want {
		t.Errorf("events %s", got)
	}
}
