//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
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
	requests := runTwice(t, s)
	if n := int(answered.Load()); n != requests {
		t.Errorf("the server answered %d requests, the load counts %d", n, requests)
	}
}

// runTwice runs s for no time and for some, and returns how many requests were
// answered.
func runTwice(t *testing.T, s session) (requests int) {
	t.Helper()
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
	return requests
}

// openAndRun does one operation on each connection.
func openAndRun(t *testing.T, asked load, addr string) error {
	s, err := asked.open(t.Context(), addr)
	if err != nil {
		return err
	}
	defer s.close()
	_, err = s.run(t.Context(), 0)
	return err
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
			go answerInTurn(ln, tt.answer)
			err = openAndRun(t, plainLoad{itemRequest(itemPath, "x"), itemBody()}, ln.Addr().String())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}

// answerInTurn reads once for each answer on each connection of ln, and closes.
func answerInTurn(ln net.Listener, answers ...string) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for _, answer := range answers {
				if _, err := c.Read(make([]byte, 4096)); err != nil {
					return
				}
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
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it is told of every client that hangs up
	srv.StartTLS()
	defer srv.Close()
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
		opened  = `{"type":"ws.open","seq":4}` + "\n"
		frames  = `{"type":"ws.frame","seq":5}` + "\n" + `{"type":"ws.frame","seq":6}` + "\n" + `{"type":"ws.frame","seq":7}` + "\n"
		closed  = `{"type":"ws.close","seq":8}` + "\n"
		end     = `{"type":"end","seq":9,"exchanges":2,"websockets":1,"frames":3,"dropped":0}` + "\n"
		ws      = opened + frames + closed
	)
	tests := []struct {
		name, lines, want string
	}{
		{"whole", meta + pending + http + http + ws + end, ""},
		{"an exchange is missing", meta + http + ws + end, "recorded are 1 exchanges, 1 WebSocket connections and 3 frames"},
		{"an exchange too many", meta + http + http + http + ws + end, "recorded are 3 exchanges"},
		{"a handshake is missing", meta + http + http + frames + end, "0 WebSocket connections"},
		{"a frame is missing", meta + http + http + opened + frames[:len(frames)/3] + closed + end, "1 frames"},
		{"no end", meta + http + http + ws, "not the end"},
		{"torn", meta + http + http + ws + strings.TrimSpace(end), "EOF"},
		{"end miscounts exchanges", meta + http + http + ws + strings.Replace(end, "2", "1", 1), "counts 1 exchanges"},
		{"end miscounts frames", meta + http + http + ws + strings.Replace(end, `"frames":3`, `"frames":2`, 1), "2 frames, relayed"},
		{"end has dropped", meta + http + http + ws + strings.Replace(end, "0", "4", 1), "4 dropped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := checkLines(strings.NewReader(tt.lines), counts{2, 1, 3})
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
