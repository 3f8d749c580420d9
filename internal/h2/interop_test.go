package h2_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// mirror answers with the request's method, path and content, and a trailer.
func mirror(s *h2.Stream) {
	content, err := io.ReadAll(s)
	if err != nil {
		return
	}
	p := s.Head().Pseudo
	_ = s.WriteHead(h2.ResponseHead(103, traffic.Fields{{Name: "link", Value: "</x>"}}))
	_ = s.WriteHead(h2.ResponseHead(200, traffic.Fields{{Name: "x-method", Value: p.Get(":method")}, {Name: "x-path", Value: p.Get(":path")}}))
	_, _ = s.Write(content)
	_ = s.CloseWrite(traffic.Fields{{Name: "x-size", Value: fmt.Sprint(len(content))}})
}

// mirrorHTTP is mirror for net/http.
func mirrorHTTP(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Trailer", "X-Size")
	w.Header().Set("X-Method", r.Method)
	w.Header().Set("X-Path", r.URL.RequestURI())
	_, _ = w.Write(content)
	w.Header().Set("X-Size", fmt.Sprint(len(content)))
}

// sizes are the lengths of contents to try.
var sizes = []int{0, 1, 16 << 10, 70_000, 5 << 20}

// engineTLSServer is engineServer behind TLS. It returns the transport of a client
// that trusts it.
func engineTLSServer(t testing.TB, handle func(*h2.Stream)) (address string, client *tls.Config) {
	t.Helper()
	// The certificate of httptest is for example.com, and its client trusts it.
	helper := httptest.NewTLSServer(nil)
	t.Cleanup(helper.Close)
	config := &tls.Config{Certificates: helper.TLS.Certificates, NextProtos: []string{"h2"}}
	client = helper.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return serveOn(t, func(conn net.Conn) net.Conn { return tls.Server(conn, config) }, h2.Config{}, handle), client
}

func TestClientsOfNetHTTP(t *testing.T) {
	address, config := engineTLSServer(t, mirror)
	overTLS := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(overTLS.CloseIdleConnections)
	plain := engineServer(t, h2.Config{}, mirror)
	tests := map[string]struct {
		client *http.Client
		url    string
	}{
		"over TLS":             {&http.Client{Transport: overTLS}, "https://" + address},
		"with prior knowledge": {netHTTPClient(t), "http://" + plain},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			for _, size := range sizes {
				all.Go(func() { checkMirror(t, test.client, test.url+"/a?b=c", size) })
			}
			all.Wait()
		})
	}
}

func checkMirror(t *testing.T, client *http.Client, url string, size int) {
	content := bytes.Repeat([]byte("x"), size)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, bytes.NewReader(content))
	if err != nil {
		t.Error(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d of %d bytes came back, %v", len(got), size, err)
	}
	if resp.ProtoMajor != 2 || resp.Header.Get("X-Method") != "PUT" || resp.Header.Get("X-Path") != "/a?b=c" || resp.Trailer.Get("X-Size") != fmt.Sprint(size) {
		t.Errorf("answer %v %v, trailer %v", resp.Proto, resp.Header, resp.Trailer)
	}
}

func TestServersOfNetHTTP(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(mirrorHTTP))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	config := secure.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName, config.NextProtos = "example.com", []string{"h2"}
	tests := map[string]net.Conn{
		"over TLS":             tls.Client(dial(t, secure.Listener.Addr().String()), config),
		"with prior knowledge": dial(t, netHTTPServerOf(t, mirrorHTTP)),
	}
	for name, conn := range tests {
		t.Run(name, func(t *testing.T) {
			client := run(t, h2.Client(conn, h2.Config{}))
			var all sync.WaitGroup
			for _, size := range sizes {
				all.Go(func() { askMirror(t, client, size) })
			}
			all.Wait()
		})
	}
}

func askMirror(t *testing.T, client *running, size int) {
	s, err := client.Open(t.Context(), h2.RequestHead("PUT", "http", "example.com", "/a?b=c", nil))
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	content := bytes.Repeat([]byte("x"), size)
	if _, err := s.WriteLast(content); err != nil {
		t.Error(err)
	}
	head, err := s.ReadHead(t.Context())
	if head.Status() == 103 {
		head, err = s.ReadHead(t.Context())
	}
	if err != nil || head.Fields.Get("x-path") != "/a?b=c" {
		t.Errorf("head %v, %v", head, err)
	}
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d of %d bytes came back, %v", len(got), size, err)
	}
	want := traffic.Fields{{Name: "x-size", Value: fmt.Sprint(size)}}
	if diff := cmp.Diff(want, s.Trailer(), cmpopts.IgnoreUnexported(traffic.Field{})); diff != "" {
		t.Error(diff)
	}
}

// program returns the path of a program, without which the test is skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// output runs a program and returns what it prints.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func TestCurl(t *testing.T) {
	curl := program(t, "curl")
	if !strings.Contains(output(t, curl, "--version"), "HTTP2") {
		t.Skip("this curl has no HTTP/2")
	}
	const show = "%{http_version} %{http_code} "
	url := "http://" + engineServer(t, h2.Config{}, mirror) + "/a?b=c"
	if got := output(t, curl, "-sS", "--http2-prior-knowledge", "-d", "hello ", "-w", show, url); got != "hello 2 200 " {
		t.Errorf("curl printed %q with prior knowledge", got)
	}
	// Over TLS, where old versions can use a connection twice.
	address, _ := engineTLSServer(t, mirror)
	args := []string{"-sS", "--insecure", "--parallel", "-T", "interop_test.go", "-w", show}
	for i := range 10 {
		args = append(args, fmt.Sprintf("https://%s/%d", address, i), "-o", "/dev/null")
	}
	if got := output(t, curl, args...); strings.Count(got, "2 200 ") != 10 {
		t.Errorf("curl printed %q", got)
	}
}

// nodeClient sends requests that depend on much of the protocol: many at a time,
// content, trailers, and one that it takes back.
const nodeClient = `
const http2 = require('http2');
const client = http2.connect(process.argv[1]);
client.on('error', (e) => { console.log('error ' + e.message); process.exit(1); });
let left = 20;
for (let i = 0; i < 20; i++) {
  const req = client.request({':method': 'POST', ':path': '/' + i}, {waitForTrailers: true});
  req.on('wantTrailers', () => req.sendTrailers({'x-sent': 'yes'}));
  let size = 0, status = 0, early = 0, trailers = {};
  req.on('headers', (h) => { early = h[':status']; });
  req.on('response', (h) => { status = h[':status']; });
  req.on('trailers', (h) => { trailers = h; });
  req.on('data', (d) => { size += d.length; });
  req.on('close', () => {
    if (i == 7) console.log('closed with ' + req.rstCode);
    else if (early != 103 || status != 200 || size != 100000 || trailers['x-size'] != '100000') console.log('wrong', i, early, status, size, trailers);
    if (--left == 0) { console.log('done'); client.close(); }
  });
  if (i == 7) { req.write('x'); req.close(http2.constants.NGHTTP2_CANCEL); continue; }
  req.end(Buffer.alloc(100000, 'x'));
}
`

func TestNode(t *testing.T) {
	node := program(t, "node")
	got := output(t, node, "-e", nodeClient, "http://"+engineServer(t, h2.Config{}, mirror))
	if want := "closed with 8\ndone\n"; got != want {
		t.Errorf("node printed %q, want %q", got, want)
	}
}

// nodeServer is the other side of TestServersOfNode.
const nodeServer = `
const http2 = require('http2');
const server = http2.createServer({settings: {enableConnectProtocol: true}});
server.on('stream', (stream, headers) => {
  const chunks = [];
  stream.additionalHeaders({':status': 103, link: '</x>'});
  stream.respond({':status': 200, 'x-path': headers[':path'], 'x-protocol': headers[':protocol'] || ''}, {waitForTrailers: true});
  let size = 0;
  stream.on('data', (d) => { size += d.length; stream.write(d); });
  stream.on('end', () => stream.end());
  stream.on('wantTrailers', () => stream.sendTrailers({'x-size': String(size)}));
  stream.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
`

func TestServersOfNode(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), program(t, "node"), "-e", nodeServer)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	var port int
	if _, err := fmt.Fscan(stdout, &port); err != nil {
		t.Fatal(err)
	}
	client := run(t, h2.Client(dial(t, fmt.Sprintf("127.0.0.1:%d", port)), h2.Config{}))
	settings, err := client.PeerSettings(t.Context())
	if err != nil || !settings.ExtendedConnect {
		t.Fatalf("settings %+v, %v", settings, err)
	}
	head := post("/chat")
	head.Pseudo = append(head.Pseudo, traffic.Field{Name: ":protocol", Value: "websocket"})
	head.Pseudo.Set(":method", "CONNECT")
	tests := map[string]h2.Head{"websocket": head, "": post("/chat")}
	for protocol, head := range tests {
		s := client.open(t, head)
		for _, status := range []int{103, 200} {
			head, err := s.ReadHead(t.Context())
			if err != nil || head.Status() != status || status == 200 && head.Fields.Get("x-protocol") != protocol {
				t.Fatalf("head %v, %v", head, err)
			}
		}
		if _, err := s.WriteLast(make([]byte, 300_000)); err != nil {
			t.Error(err)
		}
		if n, err := io.Copy(io.Discard, s); n != 300_000 || protocol == "" && err != nil {
			t.Errorf("%q: read %d bytes, %v", protocol, n, err)
		}
	}
}
