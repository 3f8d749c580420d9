package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/replay"
)

// TestVersionsReplayEachOther records over HTTP/2 and HTTP/1.1, and has clients of
// both replay each.
func TestVersionsReplayEachOther(t *testing.T) {
	origin := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("X-Kept", "yes")
		w.WriteHeader(map[bool]int{true: 404, false: 200}[r.URL.Path == "/none"])
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, content)
		w.Header().Set("X-Sum", "42")
	}))
	origin.EnableHTTP2 = true
	origin.StartTLS()
	defer origin.Close()
	roots := x509.NewCertPool()
	roots.AddCert(origin.Certificate())
	authority, err := ca.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var answers []string
	recordings := make(map[bool]string)
	for _, two := range []bool{false, true} {
		recordings[two] = filepath.Join(t.TempDir(), "run.jsonl")
		writer, err := record.Create(recordings[two], record.Options{Mode: "forward"})
		if err != nil {
			t.Fatal(err)
		}
		stop, addr := runProxy(t, proxy.Options{Observer: writer, CA: authority, Network: &proxy.Network{RootCAs: roots}})
		answers = askVersion(t, two, authority, addr, origin.URL)
		stop()
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, recorded := range []bool{false, true} {
		for _, two := range []bool{false, true} {
			index, err := replay.Load([]string{recordings[recorded]}, replay.Options{OnMiss: func(m replay.Miss) { t.Errorf("%s", m) }})
			if err != nil {
				t.Fatal(err)
			}
			stop, addr := runProxy(t, proxy.Options{CA: authority, Layers: []proxy.Layer{replayLayer(index)}})
			got := askVersion(t, two, authority, addr, origin.URL)
			stop()
			index.Close()
			if diff := cmp.Diff(answers, got); diff != "" {
				t.Errorf("HTTP/2 recorded %v, replayed %v: %s", recorded, two, diff)
			}
		}
	}
}

// runProxy runs a proxy on a port of its own until it is stopped.
func runProxy(t *testing.T, o proxy.Options) (stop func(), addr string) {
	t.Helper()
	p := proxy.New(o)
	listener, err := p.Listen(t.Context(), proxy.Listener{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}, listener.String()
}

// askVersion sends requests over HTTP/2 or HTTP/1.1 and returns the answers in
// words.
func askVersion(t *testing.T, two bool, authority *ca.Authority, addr, origin string) (answers []string) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())
	transport := &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addr}), TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: two,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	for _, request := range []string{"GET /a?b=%20c", "POST /a body", "GET /none", "POST /a other"} {
		method, rest, _ := strings.Cut(request, " ")
		target, body, _ := strings.Cut(rest, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, origin+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Add("Cookie", "a=1; b=2")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.ProtoMajor == 2 != two {
			t.Errorf("answered in %s, %v", resp.Proto, err)
		}
		answers = append(answers, fmt.Sprint(resp.StatusCode, resp.Header["X-Kept"], resp.Trailer, string(content)))
	}
	return answers
}
