package main

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"

	"github.com/necto-dev/necto/internal/nectest"
)

// The scenarios of handshakes, tunnels and bad requests.
var mockttpConnections = []mockttpScenario{
	{name: "client resets the handshake", run: func(l *mockttpLab) {
		c := l.connect(nectest.OriginHost + ":443")
		_ = tls.Client(&mute{Conn: c}, l.trust).HandshakeContext(l.t.Context())
		c.ReadN(1) // necto has read the hello, and answers
		c.Reset()
		l.events.waitFor("tls-client-error")
	}},
	{name: "client rejects the certificate", run: func(l *mockttpLab) {
		l.distrust(&tls.Config{ServerName: "distrust.test", NextProtos: []string{"h2", "http/1.1"}})
	}},
	{name: "client rejects the certificate in TLS 1.2", run: func(l *mockttpLab) {
		l.distrust(&tls.Config{ServerName: "distrust.test", MaxVersion: tls.VersionTLS12})
	}},
	{name: "client closes behind the handshake", run: func(l *mockttpLab) {
		l.connect(nectest.OriginHost + ":443").StartTLS(l.trust).Close()
		l.events.waitFor("tls-client-error")
	}},
	{name: "client resets behind the handshake", run: func(l *mockttpLab) {
		c := l.connect(nectest.OriginHost + ":443")
		c.StartTLS(l.trust)
		c.Reset()
		l.events.waitFor("tls-client-error")
	}},
	{name: "no shared cipher", run: func(l *mockttpLab) {
		l.distrust(&tls.Config{
			ServerName: "cipher.test", MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, //nolint:gosec // the test is about that
		})
	}},
	{name: "TLS 1.0", run: func(l *mockttpLab) {
		l.distrust(&tls.Config{ServerName: "old.test", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}) //nolint:gosec // as above
	}},
	{name: "passthrough to nobody", options: mockttpOptions{passthrough: []string{"*.invalid"}}, run: func(l *mockttpLab) {
		l.ask("passthrough.invalid:443", "CONNECT ADDR HTTP/1.1\r\nHost: ADDR\r\n\r\n")
	}},
	{name: "passthrough", options: mockttpOptions{passthrough: []string{nectest.OriginHost}}, run: func(l *mockttpLab) {
		config := l.trust.Clone()
		config.InsecureSkipVerify = true //nolint:gosec // the origin's own certificate
		config.NextProtos = []string{"http/1.1"}
		c := l.connect(nectest.OriginHost + ":443").StartTLS(config)
		c.Send("GET /json HTTP/1.1\r\nHost: " + nectest.OriginHost + "\r\nConnection: close\r\n\r\n")
		c.ReadAll()
		c.Close()
		l.events.waitFor("tls-passthrough-closed")
	}},
	{name: "unknown protocol over socks", run: func(l *mockttpLab) {
		addr := l.origin(func(c *nectest.Conn) {
			c.Send("RAW:" + c.ReadN(5))
		})
		c := l.socks(addr)
		c.Send("\x00\x01BIN")
		c.ReadN(len("RAW:") + 5)
		c.Close()
		l.events.waitFor("raw-passthrough-closed")
	}},
	{name: "garbage in place of a request", run: func(l *mockttpLab) { l.bad("?? ??\r\n\r\n") }},
	{name: "header that is too large", run: func(l *mockttpLab) {
		l.bad("GET / HTTP/1.1\r\nHost: h.test\r\nX-Long: " + strings.Repeat("X", 1<<20) + "\r\n\r\n")
	}},
	{name: "half a head", run: func(l *mockttpLab) { l.bad("GET / HT") }},
	{name: "half a head, reset", run: func(l *mockttpLab) {
		c := l.connect(nectest.OriginHost + ":443").StartTLS(l.trust)
		c.Send("GET /half HTTP/1.1\r\nHost: a.te")
		nectest.Dial(l.t, l.addr).Close() // what was sent has time to arrive
		if under, ok := c.Conn.(*tls.Conn); ok {
			if tcp, ok := under.NetConn().(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // it is open
				_ = tcp.Close()
			}
		}
		l.events.waitFor("client-error")
	}},
	{name: "bad preface of HTTP/2", options: mockttpOptions{http2: true}, run: func(l *mockttpLab) {
		config := l.trust.Clone()
		config.NextProtos = []string{"h2"}
		c := l.connect(nectest.OriginHost + ":443").StartTLS(config)
		c.Send("this is no preface of HTTP/2\r\n\r\n")
		c.ReadAll()
		l.events.waitFor("client-error")
	}},
	{name: "preface of HTTP/2 cut short", run: func(l *mockttpLab) { l.bad("PRI * HTTP/2.0\r\n\r\nSM") }},
	{name: "leaves without a word", run: func(l *mockttpLab) { nectest.Dial(l.t, l.addr).Reset() }},
}

// mute is a connection whose peer is not listened to.
type mute struct{ net.Conn }

// Read ends.
func (*mute) Read([]byte) (int, error) { return 0, errors.New("not listening") }

// distrust lets a handshake fail.
func (l *mockttpLab) distrust(config *tls.Config) {
	l.t.Helper()
	c := l.connect(nectest.OriginHost + ":443")
	if tls.Client(c, config).HandshakeContext(l.t.Context()) == nil {
		l.t.Error("the handshake did not fail")
	}
	c.Close()
	l.events.waitFor("tls-client-error")
}

// bad sends what is no request.
func (l *mockttpLab) bad(request string) {
	l.t.Helper()
	c := nectest.Dial(l.t, l.addr)
	_, _ = c.Write([]byte(request)) // necto may end the connection inside it
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // as above
	}
	c.ReadAll()
	l.events.waitFor("client-error")
}
