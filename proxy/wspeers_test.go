package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// message is one that peers exchange.
type message struct {
	opcode traffic.Opcode
	data   []byte
}

// peer is a connection of some implementation.
type peer interface {
	read() (message, error)
	write(message) error
	close() error // with 1000
}

// library is an implementation, as client and as server.
type library struct {
	dial  func(ctx context.Context, url string, client *http.Client, compress bool) (peer, error)
	serve func(w http.ResponseWriter, r *http.Request, compress bool) (peer, error)
}

var libraries = map[string]library{
	"gorilla": {dialGorilla, serveGorilla},
	"coder":   {dialCoder, serveCoder},
}

type gorillaPeer struct{ *gorilla.Conn }

func (p gorillaPeer) read() (message, error) {
	kind, data, err := p.ReadMessage()
	return message{traffic.Opcode(kind), data}, err
}

func (p gorillaPeer) write(m message) error { return p.WriteMessage(int(m.opcode), m.data) }

func (p gorillaPeer) close() error {
	_ = p.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, ""), time.Now().Add(patience))
	if _, _, err := p.NextReader(); !gorilla.IsCloseError(err, gorilla.CloseNormalClosure) {
		return err
	}
	return p.Close()
}

func dialGorilla(ctx context.Context, url string, client *http.Client, compress bool) (peer, error) {
	transport := client.Transport.(*http.Transport)
	dialer := gorilla.Dialer{Proxy: transport.Proxy, TLSClientConfig: transport.TLSClientConfig, EnableCompression: compress}
	conn, _, err := dialer.DialContext(ctx, url, nil)
	return gorillaPeer{conn}, err
}

func serveGorilla(w http.ResponseWriter, r *http.Request, compress bool) (peer, error) {
	conn, err := (&gorilla.Upgrader{EnableCompression: compress}).Upgrade(w, r, nil)
	return gorillaPeer{conn}, err
}

type coderPeer struct {
	*coder.Conn
	ctx context.Context
}

func (p coderPeer) read() (message, error) {
	kind, data, err := p.Read(p.ctx)
	return message{traffic.Opcode(kind), data}, err
}

func (p coderPeer) write(m message) error {
	return p.Write(p.ctx, coder.MessageType(m.opcode), m.data)
}

func (p coderPeer) close() error { return p.Close(coder.StatusNormalClosure, "") }

func coderMode(compress bool) coder.CompressionMode {
	if compress {
		return coder.CompressionContextTakeover
	}
	return coder.CompressionDisabled
}

func dialCoder(ctx context.Context, url string, client *http.Client, compress bool) (peer, error) {
	conn, _, err := coder.Dial(ctx, url, &coder.DialOptions{HTTPClient: client, CompressionMode: coderMode(compress)})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return coderPeer{conn, ctx}, nil
}

func serveCoder(w http.ResponseWriter, r *http.Request, compress bool) (peer, error) {
	conn, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: coderMode(compress)})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return coderPeer{conn, r.Context()}, nil
}

// echo answers every message with the same.
func echo(serve func(http.ResponseWriter, *http.Request, bool) (peer, error), compress bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := serve(w, r, compress)
		if err != nil {
			return // the client fails, too
		}
		for {
			m, err := p.read()
			if err != nil || p.write(m) != nil {
				break
			}
		}
		_ = p.close()
	})
}

// messages returns n messages, texts and binary, some short, some long, alike
// enough to be compressed.
func messages(n int) []message {
	random := rand.New(rand.NewChaCha8([32]byte{}))
	list := make([]message, n)
	for i := range list {
		if i%3 == 0 {
			data := make([]byte, random.IntN(2000))
			for j := range data {
				data[j] = byte(random.UintN(256))
			}
			list[i] = message{traffic.OpBinary, data}
			continue
		}
		text := fmt.Sprintf(`{"type":"message","room":"general","n":%d,"text":%q}`, i, strings.Repeat("hello ", random.IntN(400)))
		list[i] = message{traffic.OpText, []byte(text)}
	}
	return list
}

// exchangeAll sends messages while it reads what is echoed, and compares.
func exchangeAll(p peer, sent []message) error {
	failed := make(chan error, 1)
	go func() {
		for _, m := range sent {
			if err := p.write(m); err != nil {
				failed <- fmt.Errorf("write: %w", err)
				return
			}
		}
		failed <- nil
	}()
	for i, want := range sent {
		if got, err := p.read(); err != nil || got.opcode != want.opcode || !bytes.Equal(got.data, want.data) {
			return fmt.Errorf("message %d came back as opcode %d with %.80q, %w", i, got.opcode, got.data, err)
		}
	}
	return <-failed
}

// TestWebSocketPeers has other implementations exchange thousands of messages,
// compressed and not, over plain connections and TLS, which the observer is told
// as they were.
func TestWebSocketPeers(t *testing.T) {
	n := 5000
	if testing.Short() || raceEnabled {
		n = 500
	}
	sent := messages(n)
	for _, names := range [][2]string{{"gorilla", "coder"}, {"coder", "gorilla"}, {"coder", "coder"}} {
		for _, secure := range []bool{false, true} {
			for _, compress := range []bool{false, true} {
				name := fmt.Sprintf("%s to %s, secure %v, compressed %v", names[0], names[1], secure, compress)
				t.Run(name, func(t *testing.T) {
					testPeers(t, libraries[names[0]], libraries[names[1]], secure, compress, sent)
				})
			}
		}
	}
}

func testPeers(t *testing.T, client, server library, secure, compress bool, sent []message) {
	origin := httptest.NewUnstartedServer(echo(server.serve, compress))
	if secure {
		origin.StartTLS()
	} else {
		origin.Start()
	}
	t.Cleanup(origin.Close)
	p, config := intercepting(t, proxy.Options{})
	proxyURL := &url.URL{Scheme: "http", Host: p.addr}
	transport := &http.Transport{Proxy: http.ProxyURL(proxyURL), TLSClientConfig: config}
	conn, err := client.dial(t.Context(), strings.Replace(origin.URL, "http", "ws", 1)+"/echo", &http.Client{Transport: transport}, compress)
	if err != nil {
		t.Fatal(err)
	}
	if err := exchangeAll(conn, sent); err != nil {
		t.Fatal(err)
	}
	if err := conn.close(); err != nil {
		t.Errorf("close: %v", err)
	}
	closed := closedWS(t, p)
	if closed.Code != 1000 || closed.By != traffic.SideClient || closed.Cause != "" {
		t.Errorf("closed %+v", closed)
	}
	for _, dir := range []traffic.Direction{traffic.ClientToServer, traffic.ServerToClient} {
		checkMessages(t, p.Events(), dir, sent)
	}
	if ws := waitEvent[traffic.WSOpened](t, p).WS; (ws.Deflate[0] != traffic.DeflateOff) != compress || ws.Opaque {
		t.Errorf("agreed on %+v", ws)
	}
}

// checkMessages holds the frames of a direction against the messages of which
// they are.
func checkMessages(t *testing.T, events []traffic.Event, dir traffic.Direction, want []message) {
	t.Helper()
	n := 0
	var got message
	for _, e := range events {
		f, ok := e.(traffic.FrameSeen)
		if !ok || f.Dir != dir || f.Opcode.Control() {
			continue
		}
		if len(f.Anomalies) > 0 || f.Truncated || f.Masked != (dir == traffic.ClientToServer) || f.Exchange.WS == nil {
			t.Fatalf("frame %+v", f.Frame)
		}
		if f.Opcode != traffic.OpContinuation {
			got = message{opcode: f.Opcode}
		}
		if got.data = append(got.data, f.Payload...); !f.Fin {
			continue
		}
		if n == len(want) || got.opcode != want[n].opcode || !bytes.Equal(got.data, want[n].data) {
			t.Fatalf("%v: message %d was told as opcode %d with %.80q", dir, n, got.opcode, got.data)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%v: %d messages were told of %d", dir, n, len(want))
	}
}
