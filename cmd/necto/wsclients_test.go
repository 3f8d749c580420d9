package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/rules"
	"github.com/necto-dev/necto/traffic"
)

// wsMessage is a message that a client sends and gets back. Scripts read it as
// JSON.
type wsMessage struct {
	Binary bool   `json:"binary,omitempty"`
	Data   []byte `json:"data"` // base64
	// Parts is how many frames the client sends the message in, if it can.
	Parts int `json:"parts"`
	// Ping lets the client ping before the message, if it can.
	Ping bool `json:"ping,omitempty"`
}

// wsMessages returns n messages of all lengths that have a form of their own on
// the wire (RFC 6455 section 5.2).
func wsMessages(n int) []wsMessage {
	sizes := []int{20, 60, 124, 125, 126, 127, 128, 500, 0, 1}
	all := make([]wsMessage, n)
	for i := range all {
		size := sizes[i%len(sizes)]
		if i%500 == 42 {
			size = 65_534 + i/500%5
		}
		m := &all[i]
		m.Binary, m.Ping, m.Parts = i%3 == 2, i%50 == 7, 1
		if i%7 == 3 && size > 3 {
			m.Parts = 3
		}
		m.Data = wsContent(i, size, m.Binary)
	}
	return all
}

// wsContent returns size bytes, which are UTF-8 if they are to be text.
func wsContent(i, size int, binary bool) []byte {
	if binary {
		p := bytes.Repeat([]byte{0x00, 0xff, 0xc3, byte(i), byte(i >> 8)}, size/5+1)
		return p[:size]
	}
	text := fmt.Sprintf(`{"n":%d,"text":"größer 漢字 🙂 `, i)
	text += strings.Repeat("lorem ipsum ", size/12+1)
	return []byte(strings.ToValidUTF8(text[:size], "~"))
}

// wsCall is what a client is told to do: open a connection, send the messages
// while it receives, check that each comes back as it was, and close with 1000.
type wsCall struct {
	url      string
	proxy    string // URL, "" for a connection without a proxy
	ca       *ca.Authority
	messages []wsMessage
	deflate  bool // ask for compression
}

// roots returns the certificates that the client trusts.
func (c wsCall) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.ca.Certificate())
	return pool
}

// wsClient is a program or library that speaks WebSocket.
type wsClient struct {
	name string
	// missing says what has to be installed and is not, "" if nothing.
	missing func() string
	call    func(*testing.T, wsCall)
	// messages is how many the client sends.
	messages int
	sends    wsSends
}

// wsSends is which frames a client can be told to send.
type wsSends int

const (
	onlyMessages  wsSends = iota // neither fragments nor pings
	someFragments                // fragments where the library wants, pings
	allParts                     // fragments as told, pings
)

var wsClients = []wsClient{
	{name: "gorilla", missing: nothing, call: callGorilla, messages: 5000, sends: someFragments},
	{name: "coder", missing: nothing, call: callCoder, messages: 5000, sends: someFragments},
	{name: "node", missing: missingNode, call: callNode, messages: 1000, sends: allParts},
	{name: "python", missing: missingPython, call: callPython, messages: 500, sends: allParts},
	{name: "chromium", missing: missingChromium, call: callChromium, messages: 200, sends: onlyMessages},
}

// wsWay is a way through necto.
type wsWay struct {
	name, scheme string
	reverse      bool
}

var wsWays = []wsWay{
	{"ws", "ws", false},
	{"wss", "wss", false},
	{"reverse", "ws", true},
}

func TestWebSocketClientsAreRecorded(t *testing.T) {
	plain, secure := nectest.NewOrigin(t), nectest.NewTLSOrigin(t)
	for _, client := range wsClients {
		t.Run(client.name, func(t *testing.T) {
			if missing := client.missing(); missing != "" {
				t.Skipf("%s is not installed: %s was NOT tested as a client", missing, client.name)
			}
			t.Parallel()
			authority, err := ca.Load(t.TempDir()) // one proxy at a time may use it
			if err != nil {
				t.Fatal(err)
			}
			for _, way := range wsWays {
				p := wsProxy{authority: authority, plain: plain, secure: secure}
				t.Run(way.name, func(t *testing.T) { testWSClient(t, client, way, p, false) })
				t.Run(way.name+" compressed", func(t *testing.T) { testWSClient(t, client, way, p, true) })
			}
		})
	}
}

func testWSClient(t *testing.T, client wsClient, way wsWay, p wsProxy, deflate bool) {
	p.start(t)
	n := client.messages
	if raceEnabled { // make test runs this without, too
		n = min(n, 100)
	}
	call := wsCall{
		url: way.scheme + "://" + nectest.OriginHost, proxy: p.forward, ca: p.authority,
		messages: wsMessages(n), deflate: deflate,
	}
	if way.reverse {
		call.url, call.proxy = way.scheme+"://"+p.reverse, ""
	}
	call.url += "/ws"
	if deflate {
		call.url += "/deflate"
	}
	client.call(t, call)
	p.stop(t)
	c := readConversation(t, p.recording)
	c.check(t, client, call)
}

// wsProxy is a proxy that records, for one connection.
type wsProxy struct {
	authority     *ca.Authority
	plain, secure *nectest.Origin

	forward   string        // URL of the proxy
	reverse   string        // address that stands for the secure origin
	recording string        // file
	rules     *rules.Engine // nil for none
	writer    *record.Writer
	cancel    context.CancelFunc
	ran       chan error
}

func (p *wsProxy) start(t *testing.T) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.secure.CertPEM)
	p.recording = filepath.Join(t.TempDir(), "run.jsonl")
	var err error
	if p.writer, err = record.Create(p.recording, record.Options{Mode: "forward"}); err != nil {
		t.Fatal(err)
	}
	options := proxy.Options{
		CA: p.authority, Observer: p.writer,
		Network: &proxy.Network{RootCAs: roots, Resolve: map[string]string{
			nectest.OriginHost + ":80":  p.plain.Addr,
			nectest.OriginHost + ":443": p.secure.Addr,
		}},
	}
	if p.rules != nil {
		options.Layers, options.Frames = []proxy.Layer{p.rules.Layer}, p.rules.Frames
	}
	running := proxy.New(options)
	p.forward = "http://" + listenWS(t, running, nil)
	p.reverse = listenWS(t, running, &traffic.URL{Scheme: "https", Authority: p.secure.Addr, Target: "/"})
	ctx, cancel := context.WithCancel(t.Context())
	p.cancel, p.ran = cancel, make(chan error, 1)
	go func() { p.ran <- running.Run(ctx) }()
}

func listenWS(t *testing.T, p *proxy.Proxy, reverse *traffic.URL) string {
	t.Helper()
	addr, err := p.Listen(t.Context(), proxy.Listener{Addr: "127.0.0.1:0", Reverse: reverse})
	if err != nil {
		t.Fatal(err)
	}
	return addr.String()
}

// stop ends the recording.
func (p *wsProxy) stop(t *testing.T) {
	t.Helper()
	p.cancel()
	if err := <-p.ran; err != nil {
		t.Errorf("proxy: %v", err)
	}
	if err := p.writer.Close(); err != nil {
		t.Errorf("recording: %v", err)
	}
}
