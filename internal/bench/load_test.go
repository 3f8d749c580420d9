//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test program be the helpers, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && helpers[os.Args[1]] != nil {
		if err := runHelper(os.Args[1], os.Args[2:]); err != nil {
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// testLab is a lab without necto.
func testLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{dir: t.TempDir(), out: io.Discard}
	var err error
	if l.self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	if l.certs, err = makeCerts(l.dir); err != nil {
		t.Fatal(err)
	}
	if l.roots, err = loadRoots(l.certs.ca); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestPlainLoadSendsWhatItCounts(t *testing.T) {
	var answered atomic.Int64
	srv := itemServer(t, func() { answered.Add(1) })
	addr := srv.Listener.Addr().String()
	s, err := plainLoad{itemRequest(itemPath, addr), itemBody()}.open(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	requests := 0
	for _, d := range []time.Duration{0, 50 * time.Millisecond} {
		got, err := s.run(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if got.requests < connections || len(got.latencies) != got.requests || got.took < d {
			t.Errorf("run for %v: %d requests, %d latencies in %v", d, got.requests, len(got.latencies), got.took)
		}
		requests += got.requests
	}
	if n := int(answered.Load()); n != requests {
		t.Errorf("the server answered %d requests, the load counts %d", n, requests)
	}
}

func TestPlainLoadNoticesFaults(t *testing.T) {
	tests := []struct {
		name, answer, want string
	}{
		{"closes early", "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\nshort", "closed by the server"},
		{"refuses", "HTTP/1.1 503 Busy\r\n\r\n", "503"},
		{"says too much", string(itemAnswer()) + "more", "bytes after the answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go answerOnce(ln, tt.answer)
			s, err := plainLoad{itemRequest(itemPath, "x"), itemBody()}.open(t.Context(), ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			if _, err = s.run(t.Context(), 0); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}

// answerOnce reads one request on each connection of ln, answers and closes.
func answerOnce(ln net.Listener, answer string) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			if _, err := c.Read(make([]byte, 4096)); err == nil {
				_, _ = io.WriteString(c, answer) // the load may have gone
			}
		}()
	}
}

func TestTLSLoadThroughGoproxy(t *testing.T) {
	l := testLab(t)
	origin := mustHelper(t, l, "origin-tls", nil)
	proxy := mustHelper(t, l, "goproxy", origin)
	asked, err := loadConnect(l, origin, proxy)
	if err != nil {
		t.Fatal(err)
	}
	s, err := asked.open(t.Context(), proxy.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	got, err := s.run(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got.requests != connections {
		t.Errorf("%d requests, want one on each of %d connections", got.requests, connections)
	}
}

func TestTLSLoadVerifiesCertificates(t *testing.T) {
	l := testLab(t)
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	srv.Config.ErrorLog = nil
	asked := tlsLoad{config: &tls.Config{RootCAs: l.roots, ServerName: "127.0.0.1"}}
	if _, err := asked.open(t.Context(), srv.Listener.Addr().String()); err == nil {
		t.Error("a certificate of an unknown CA was taken")
	}
}

func mustHelper(t *testing.T, l *lab, name string, origin *process) *process {
	t.Helper()
	p, err := l.helper(t.Context(), name, origin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// The peers' rows run whole, only shorter; necto's rows need a build of it,
// which the program does and this test does not.
func TestMeasureLoad(t *testing.T) {
	l := testLab(t)
	r := row{
		name: "test", op: "request", origin: "origin",
		subjects: []subject{
			{rawRelay, startHelper("relay", loadItems)},
			{reverseProxy, startHelper("reverseproxy", loadItems)},
			{"absent", func(context.Context, *lab, *process) (*contender, error) { return nil, errUnavailable }},
		},
	}
	p := plan{rounds: 2, warmup: 10 * time.Millisecond, window: 50 * time.Millisecond}
	results, err := r.run(t.Context(), l, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 {
		t.Fatalf("%d results, want 2", len(results))
	}
	for _, res := range results {
		if len(res.Samples) != p.rounds || res.PeakRSS < 1<<20 {
			t.Errorf("%s: %d samples, peak RSS %d bytes", res.Subject, len(res.Samples), res.PeakRSS)
		}
		for _, s := range res.Samples {
			if s.CPU <= 0 || s.Rate <= 0 || s.P50 <= 0 || s.P99 < s.P50 || s.Harness <= 0 {
				t.Errorf("%s: %+v", res.Subject, s)
			}
		}
	}
}

func TestMeasureStart(t *testing.T) {
	l := testLab(t)
	r := row{origin: "origin", measure: measureStart, subjects: []subject{{rawRelay, startHelper("relay", loadItems)}}}
	results, err := r.run(t.Context(), l, plan{starts: 3, idle: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || len(results[0].Starts) != 3 || results[0].IdleRSS < 1<<20 {
		t.Errorf("results = %+v, want 3 starts and a resident size", results)
	}
}

func TestCheckLines(t *testing.T) {
	const (
		meta    = `{"type":"meta","seq":1}` + "\n"
		pending = `{"type":"http.pending","seq":2}` + "\n"
		http    = `{"type":"http","seq":3}` + "\n"
		end     = `{"type":"end","seq":5,"exchanges":2,"dropped":0}` + "\n"
	)
	tests := []struct {
		name, lines, want string
	}{
		{"whole", meta + pending + http + http + end, ""},
		{"an exchange is missing", meta + http + end, "1 exchanges recorded, 2 requests"},
		{"an exchange too many", meta + http + http + http + end, "3 exchanges recorded"},
		{"no end", meta + http + http, "not the end"},
		{"torn", meta + http + http + strings.TrimSpace(end), "EOF"},
		{"end miscounts", meta + http + http + strings.Replace(end, "2", "1", 1), "counts 1 exchanges"},
		{"end has dropped", meta + http + http + strings.Replace(end, "0", "4", 1), "4 dropped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := checkLines(strings.NewReader(tt.lines), 2)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestCertificatesAreWritten(t *testing.T) {
	l := testLab(t)
	if _, err := tls.LoadX509KeyPair(l.certs.origin, l.certs.originKey); err != nil {
		t.Error(err)
	}
	if _, err := loadRoots(filepath.Join(l.dir, "absent")); err == nil {
		t.Error("roots of an absent file were loaded")
	}
}
