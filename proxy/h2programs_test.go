package proxy_test

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// nodeHTTP2 asks for a URL over HTTP/2 inside a CONNECT.
const nodeHTTP2 = `
const [, proxy, target] = process.argv, url = new URL(target);
const http = require('http'), http2 = require('http2'), tls = require('tls'), fs = require('fs');
const connect = http.request({host: proxy.split(':')[0], port: proxy.split(':')[1], method: 'CONNECT', path: url.host});
connect.on('connect', (_, socket) => {
  const session = http2.connect(url.origin, {createConnection: () => url.protocol === 'http:' ? socket :
    tls.connect({socket, host: url.hostname, ALPNProtocols: ['h2'], ca: fs.readFileSync(process.env.NODE_EXTRA_CA_CERTS)})});
  const stream = session.request({':method': 'POST', ':path': url.pathname});
  stream.on('trailers', t => process.stdout.write(' ' + t['x-sum']));
  stream.on('data', d => process.stdout.write(d)).on('end', () => session.close()).end('from node');
});
connect.end();`

// TestHTTP2Programs has programs ask through the proxy, with TLS and without, and
// records what they speak.
func TestHTTP2Programs(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, r.Proto+" "+string(content))
		_ = http.NewResponseController(w).Flush() // no length: curl waits for the end
		w.Header().Set("X-Sum", "42")
	}
	secure, pool := origin2(t, handler)
	plain := plainServer2(t, handler)
	for name, c := range map[string]struct {
		program []string // with PROXY for the proxy's address, ROOTS for a file
		says    string
		proto   string
	}{
		"curl":                      {[]string{"curl", "-sS", "--cacert", "ROOTS", "-d", "from curl", "--proxy", "http://PROXY", secure.URL}, "HTTP/2.0 from curl", "HTTP/2.0"},
		"curl in HTTP/1.1":          {[]string{"curl", "-sS", "--http1.1", "--cacert", "ROOTS", "-d", "from curl", "--proxy", "http://PROXY", secure.URL}, "HTTP/1.1 from curl", "HTTP/1.1"},
		"curl with prior knowledge": {[]string{"curl", "-sS", "--http2-prior-knowledge", "-d", "from curl", "--proxytunnel", "--proxy", "http://PROXY", plain}, "HTTP/2.0 from curl", "HTTP/2.0"},
		"node":                      {[]string{"node", "-e", nodeHTTP2, "PROXY", secure.URL}, "HTTP/2.0 from node 42", "HTTP/2.0"},
		"node with prior knowledge": {[]string{"node", "-e", nodeHTTP2, "PROXY", plain}, "HTTP/2.0 from node 42", "HTTP/2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(c.program[0]); err != nil {
				t.Skipf("%s is not installed: it was NOT tested over HTTP/2", c.program[0])
			}
			t.Parallel()
			authority, roots := authorityFile(t)
			p := start(t, proxy.Options{CA: authority, Network: &proxy.Network{RootCAs: pool}}, proxy.Listener{})
			values := strings.NewReplacer("PROXY", p.addr, "ROOTS", roots)
			var args []string
			for _, arg := range c.program[1:] {
				args = append(args, values.Replace(arg))
			}
			ctx, cancel := context.WithTimeout(t.Context(), programPatience)
			defer cancel()
			cmd := exec.CommandContext(ctx, c.program[0], args...)
			cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+roots)
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != c.says {
				t.Errorf("%q, %v", out, err)
			}
			x := p.WaitExchanges(t, 1)[0]
			if x.Failure != nil || x.Request.Proto != c.proto || x.Response.Trailer.Get("x-sum") != "42" {
				t.Errorf("recorded %s, %+v, %v", x.Request.Proto, x.Response, x.Failure)
			}
		})
	}
}

// authorityFile returns a CA and a file with its certificate.
func authorityFile(t testing.TB) (*ca.Authority, string) {
	t.Helper()
	authority, err := ca.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	roots := filepath.Join(t.TempDir(), "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate().Raw})
	if err := os.WriteFile(roots, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	return authority, roots
}

// plainServer2 is the URL of an origin that speaks HTTP/2 without TLS.
func plainServer2(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = &protocols
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// socketPage opens a WebSocket connection and reports what it said.
const socketPage = `<script>
const ws = new WebSocket('wss://' + location.host + '/ws', 'chat');
ws.onopen = () => ws.send('hello');
ws.onmessage = m => fetch('/report', {method: 'POST', body: m.data});
ws.onerror = () => fetch('/report', {method: 'POST', body: 'error'});
</script>`

// TestHTTP2Chromium has a browser load a page, and open a WebSocket connection
// inside the same connection.
func TestHTTP2Chromium(t *testing.T) {
	if chromium() == "" {
		t.Skip("chromium is not installed: it was NOT tested over HTTP/2")
	}
	reported := make(chan string, 1)
	addr, network := engineOrigin(t, h2.Config{ExtendedConnect: true}, func(st *h2.Stream) {
		switch st.Head().Pseudo.Get(":path") {
		case "/ws":
			_ = st.WriteHead(h2.ResponseHead(200, traffic.Fields{{Name: "sec-websocket-protocol", Value: "chat"}}))
			conn := st.NetConn()
			_, _ = io.ReadFull(conn, make([]byte, len(wsHello)))
			_, _ = io.WriteString(conn, wsWorld)
			_, _ = io.Copy(io.Discard, conn)
		case "/report":
			text, _ := io.ReadAll(st)
			answer(st, "")
			select {
			case reported <- string(text):
			default:
			}
		default:
			answer(st, socketPage, traffic.Field{Name: "content-type", Value: "text/html"})
		}
	})
	p, _ := intercepting(t, proxy.Options{Network: network})
	ctx, cancel := context.WithTimeout(t.Context(), programPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium(), "--headless", "--remote-debugging-port=0", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--user-data-dir="+nectest.ProfileDir(t),
		"--ignore-certificate-errors", "--proxy-server=http://"+p.addr, "--proxy-bypass-list=<-loopback>", "https://"+addr+"/")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	got := within(t, programPatience, "the report of the page", reported)
	cancel()
	_ = cmd.Wait() // it was killed
	if got != "world" {
		t.Errorf("the page reports %q", got)
	}
	if e := waitEvent[traffic.WSOpened](t, p); e.WS.Via != "h2" || e.Request.Header.Get("sec-websocket-protocol") != "chat" {
		t.Errorf("opened %+v by %+v", e.WS, e.Request)
	}
	for _, e := range p.Events() {
		if e, ok := e.(traffic.RequestStarted); ok && strings.HasSuffix(e.Request.URL.Authority, addr) && e.Request.Proto != "HTTP/2.0" {
			t.Errorf("recorded %s %s in %s", e.Request.Method, e.Request.URL, e.Request.Proto)
		}
	}
}
