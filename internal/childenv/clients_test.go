package childenv

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// greeting is the body of every answer of the test's origin.
const greeting = "hello from the origin"

// backend is an origin and a proxy that intercepts every host and connects it
// to that origin.
type backend struct {
	proxy string // URL

	mu       sync.Mutex // guards requests
	requests []string   // method and target
}

func startBackend(t *testing.T) (*backend, *Env) {
	t.Helper()
	a := authority(t)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/info/refs") { // git, the plain protocol
			fmt.Fprintf(w, "%040d\trefs/heads/main\n", 1)
			return
		}
		io.WriteString(w, greeting)
	})
	plain := httptest.NewServer(answer)
	t.Cleanup(plain.Close)

	b := new(backend)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.requests = append(b.requests, r.Method+" "+r.RequestURI)
		b.mu.Unlock()
		if r.Method != http.MethodConnect {
			answer(w, r)
			return
		}
		down, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer down.Close()
		io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		if host, port, _ := net.SplitHostPort(r.RequestURI); port != "80" {
			down = tls.Server(down, &tls.Config{
				GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return a.LeafFor(hello, host) },
			})
		}
		join(t, down, plain.Listener.Addr())
	}))
	t.Cleanup(proxy.Close)
	b.proxy = proxy.URL
	return b, build(t, Options{
		Proxy:   proxy.URL,
		CACert:  a.CertPath(),
		Environ: userEnviron(t),
		Dir:     filepath.Join(t.TempDir(), "with a space"), // as on macOS
	})
}

// join connects the client to the origin until the client is done or the
// origin is.
func join(t *testing.T, client net.Conn, origin net.Addr) {
	up, err := net.Dial(origin.Network(), origin.String())
	if err != nil {
		t.Error(err)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(up, client)
		up.Close()
	})
	io.Copy(client, up)
	client.Close()
	wg.Wait()
}

// userEnviron is this process's environment without what a user's
// configuration files would add.
func userEnviron(t *testing.T) []string {
	return append(os.Environ(), "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0")
}

// saw reports whether the proxy got one of the requests, and forgets all it got.
func (b *backend) saw(requests ...string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.requests
	b.requests = nil
	return slices.ContainsFunc(requests, func(r string) bool { return slices.Contains(got, r) })
}

const (
	httpsGet = "CONNECT origin.test:443"
	httpGet  = "GET http://origin.test/"
	tunneled = "CONNECT origin.test:80"
)

// nodeGet uses the global agent, nodeAgentGet one of its own, as many libraries
// do.
const nodeGet = `const url = process.argv[1];
require(url.split(':')[0]).get(url, (r) => r.pipe(process.stdout))
	.on('error', (e) => { console.error(e); process.exit(1); });`

const nodeAgentGet = `const url = process.argv[1], lib = require(url.split(':')[0]);
lib.get(url, { agent: new lib.Agent({ keepAlive: false }) }, (r) => r.pipe(process.stdout))
	.on('error', (e) => { console.error(e); process.exit(1); });`

const nodeFetch = `fetch(process.argv[1]).then((r) => r.text()).then((s) => process.stdout.write(s))
	.catch((e) => { console.error(e); process.exit(1); });`

const pythonGet = `import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())`

const requestsGet = `import sys, requests
sys.stdout.write(requests.get(sys.argv[1]).text)`

// Clients that only know the variables use the proxy and trust the authority.
func TestRealClients(t *testing.T) {
	b, env := startBackend(t)
	tests := []struct {
		name, url string
		saw       []string // any of
		want      string
		command   []string
	}{
		{"curl https", "https://origin.test/", []string{httpsGet}, greeting, []string{"curl", "-qsS"}},
		{"curl http", "http://origin.test/", []string{httpGet}, greeting, []string{"curl", "-qsS"}},
		{"curl loopback", "https://127.0.0.1:9443/", []string{"CONNECT 127.0.0.1:9443"}, greeting, []string{"curl", "-qsS"}},
		{"git", "https://origin.test/repo", []string{httpsGet}, "refs/heads/main", []string{"git", "ls-remote"}},
		{"wget https", "https://origin.test/", []string{httpsGet}, greeting, []string{"wget", "-qO-"}},
		{"wget http", "http://origin.test/", []string{httpGet}, greeting, []string{"wget", "-qO-"}},
		{"python urllib https", "https://origin.test/", []string{httpsGet}, greeting, []string{"python3", "-c", pythonGet}},
		{"python urllib http", "http://origin.test/", []string{httpGet}, greeting, []string{"python3", "-c", pythonGet}},
		{"python requests", "https://origin.test/", []string{httpsGet}, greeting, []string{"python3", "-c", requestsGet}},
		{"node https", "https://origin.test/", []string{httpsGet}, greeting, []string{"node", "-e", nodeGet}},
		{"node http", "http://origin.test/", []string{httpGet, tunneled}, greeting, []string{"node", "-e", nodeGet}},
		{"node own agent", "https://origin.test/", []string{httpsGet}, greeting, []string{"node", "-e", nodeAgentGet}},
		{"node https by address", "https://127.0.0.1:9443/", []string{"CONNECT 127.0.0.1:9443"}, greeting, []string{"node", "-e", nodeGet}},
		{"node https by IPv6 address", "https://[::1]:9443/", []string{"CONNECT [::1]:9443"}, greeting, []string{"node", "-e", nodeGet}},
		{"node fetch https", "https://origin.test/", []string{httpsGet}, greeting, []string{"node", "-e", nodeFetch}},
		{"node fetch http", "http://origin.test/", []string{httpGet, tunneled}, greeting, []string{"node", "-e", nodeFetch}},
		{"node fetch by IPv6 address", "https://[::1]:9443/", []string{"CONNECT [::1]:9443"}, greeting, []string{"node", "-e", nodeFetch}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			needProgram(t, tt.command[0])
			if tt.name == "python requests" {
				needRequests(t)
			}
			got := run(t, env, append(tt.command, tt.url)...)
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if !b.saw(tt.saw...) {
				t.Errorf("the proxy was not asked for any of %q", tt.saw)
			}
		})
	}
}

func TestGoClient(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Go reads SSL_CERT_FILE on Unix systems other than macOS only")
	}
	b, env := startBackend(t)
	for url, target := range map[string]string{"https://origin.test/": httpsGet, "http://origin.test/": httpGet} {
		env.vars = append(env.vars, Var{asClient, url})
		if got := run(t, env, os.Args[0]); got != greeting {
			t.Errorf("%s: got %q", url, got)
		}
		if !b.saw(target) {
			t.Errorf("%s: the proxy was not asked", url)
		}
	}
}

const javaGet = `import java.net.*;
import java.net.http.*;
public class Get {
	public static void main(String[] args) throws Exception {
		System.out.println(new String(new URL(args[0]).openStream().readAllBytes()));
		System.out.println(HttpClient.newHttpClient().send(
			HttpRequest.newBuilder(URI.create(args[0])).build(), HttpResponse.BodyHandlers.ofString()).body());
	}
}
`

// URLConnection and HttpClient, for a host and, which Java exempts by default,
// a loopback address.
func TestJavaClient(t *testing.T) {
	if testing.Short() {
		t.Skip("Java takes seconds to start")
	}
	needProgram(t, "java")
	b, env := startBackend(t)
	source := filepath.Join(t.TempDir(), "Get.java")
	if err := os.WriteFile(source, []byte(javaGet), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"origin.test:443", "127.0.0.1:9443"} {
		got := run(t, env, "java", "-XX:TieredStopAtLevel=1", source, "https://"+target+"/")
		if want := strings.Repeat(greeting+"\n", 2); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
		if !b.saw("CONNECT " + target) {
			t.Errorf("%s: the proxy was not asked", target)
		}
	}
}

// Without our certificates the same client fails, so it is they that helped.
func TestClientNeedsCertificates(t *testing.T) {
	needProgram(t, "curl")
	_, env := startBackend(t)
	env.vars = slices.DeleteFunc(slices.Clone(env.vars), func(v Var) bool {
		return v.Name == "SSL_CERT_FILE" || v.Name == "CURL_CA_BUNDLE"
	})
	cmd := command(t, env, "curl", "-qsS", "https://origin.test/")
	if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != 60 {
		t.Errorf("curl trusts the origin anyway: %v\n%s", err, out)
	}
}

func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed: whether it obeys the variables is not tested", name)
	}
}

func needRequests(t *testing.T) {
	t.Helper()
	if exec.CommandContext(t.Context(), "python3", "-c", "import requests").Run() != nil {
		t.Skip("Python has no requests: whether it obeys the variables is not tested")
	}
}

// run returns what a command writes to stdout.
func run(t *testing.T, env *Env, args ...string) string {
	t.Helper()
	cmd := command(t, env, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, stderr.String())
	}
	return string(out)
}

func command(t *testing.T, env *Env, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = env.Environ(userEnviron(t))
	return cmd
}
