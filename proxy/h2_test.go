package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// origin2 is an origin that speaks HTTP/2 and HTTP/1.1.
func origin2(t testing.TB, handler http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server, pool
}

// client2 is a client that goes through the proxy and offers HTTP/2.
func client2(t testing.TB, p *running, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr}),
		TLSClientConfig: config, ForceAttemptHTTP2: true, DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// setup2 runs an origin, a proxy in front of it and a client, all of which speak
// HTTP/2.
func setup2(t testing.TB, opts proxy.Options, handler http.HandlerFunc) (client *http.Client, origin string, p *running) {
	t.Helper()
	server, pool := origin2(t, handler)
	if opts.Network == nil {
		opts.Network = &proxy.Network{RootCAs: pool}
	}
	p, config := intercepting(t, opts)
	return client2(t, p, config), server.URL, p
}

// do sends a request and returns the answer with its content read.
func do(t testing.TB, client *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(content)
}

// request makes a request.
func request(t testing.TB, method, target string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// TestHTTP2 has a request with content and trailers pass in both directions.
func TestHTTP2(t *testing.T) {
	client, origin, p := setup2(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "%s %s %s %q %v", r.Proto, r.Method, r.URL, content, r.Trailer)
		w.Header().Set("X-Sum", "42")
	})
	req := request(t, "POST", origin+"/a%20b?c", io.NopCloser(strings.NewReader("hello")))
	req.Trailer = http.Header{"X-Last": {"1"}}
	resp, content := do(t, client, req)
	if want := `HTTP/2.0 POST /a%20b?c "hello" map[X-Last:[1]]`; content != want || resp.Proto != "HTTP/2.0" || resp.StatusCode != 201 {
		t.Errorf("%s %d %s, want %s", resp.Proto, resp.StatusCode, content, want)
	}
	if diff := cmp.Diff(http.Header{"X-Sum": {"42"}}, resp.Trailer); diff != "" {
		t.Error(diff)
	}
	x := p.WaitExchanges(t, 1)[0]
	if x.Failure != nil || x.Request.Proto != "HTTP/2.0" || x.Response.Proto != "HTTP/2.0" || x.TLS.ALPN != "h2" {
		t.Errorf("exchange %+v", x)
	}
	if got := x.Request.URL.String(); got != origin+"/a%20b?c" || x.Request.Target != "/a%20b?c" {
		t.Errorf("recorded %s, target %s", got, x.Request.Target)
	}
	if got := bodyOf(x.RequestBody) + "," + bodyOf(x.ResponseBody); got != "hello,"+content {
		t.Errorf("recorded %s", got)
	}
	want := []traffic.Fields{{{Name: "x-last", Value: "1"}}, {{Name: "x-sum", Value: "42"}}}
	if got := []traffic.Fields{x.Request.Trailer, x.Response.Trailer}; !equalFields(got[0], want[0]) || !equalFields(got[1], want[1]) {
		t.Errorf("trailers %v", got)
	}
}

func equalFields(a, b traffic.Fields) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].Value != b[i].Value {
			return false
		}
	}
	return true
}

// bodyOf returns what was captured.
func bodyOf(b *traffic.Body) string {
	if b == nil {
		return ""
	}
	content, err := io.ReadAll(b.Open())
	if err != nil {
		return err.Error()
	}
	return string(content)
}
