package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"sync"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
)

func missingChromium() string {
	if _, err := chromium(); err != nil {
		return "chromium"
	}
	return ""
}

// chromium returns the path of the browser.
func chromium() (path string, err error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", err
}

// callChromium lets the browser load a page that does what it is told, and ends
// when that is loaded.
func callChromium(t *testing.T, c wsCall) {
	t.Helper()
	page := startEchoPage(t, c)
	path, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), wsPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--headless", "--dump-dom", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
		"--user-data-dir="+nectest.ProfileDir(t),
		"--ignore-certificate-errors-spki-list="+pinOf(t, c),
		"--proxy-pac-url="+pacURL(c.proxy),
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		page.url)
	out, err := cmd.CombinedOutput()
	if got := page.result(); err != nil || got != "same" {
		t.Fatalf("%s: %q, %v\n%s", path, got, err, out)
	}
}

// pinOf returns the hash of the key that necto's certificate for the origin has:
// Chromium has no flag to trust an authority.
func pinOf(t *testing.T, c wsCall) string {
	t.Helper()
	leaf, err := c.ca.Leaf(t.Context(), nectest.OriginHost)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(leaf.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// pacURL returns a configuration that sends only the origin's host to the proxy,
// and not what the browser has to tell its maker.
func pacURL(proxy string) string {
	way := "DIRECT"
	if u, err := url.Parse(proxy); err == nil && u.Host != "" {
		way = "PROXY " + u.Host
	}
	script := fmt.Sprintf("function FindProxyForURL(url, host) { return host === %q ? %q : 'DIRECT'; }",
		nectest.OriginHost, way)
	return "data:application/x-ns-proxy-autoconfig;base64," + base64.StdEncoding.EncodeToString([]byte(script))
}

// echoPage serves echo.html and takes its report.
type echoPage struct {
	url      string
	once     sync.Once     // guards report
	reported chan struct{} // closed when report is there
	report   string
}

func startEchoPage(t *testing.T, c wsCall) *echoPage {
	t.Helper()
	p := &echoPage{reported: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, clientFile("echo.html"))
	})
	mux.HandleFunc("GET /task", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(c.task()) // a lack of it shows in the report
	})
	mux.HandleFunc("POST /report", p.take)
	mux.HandleFunc("GET /reported", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-p.reported:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNoContent)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// take takes the first report: what follows is no news.
func (p *echoPage) take(_ http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body) // what is missing makes another text
	p.once.Do(func() {
		p.report = string(text)
		close(p.reported)
	})
}

// result returns the report, "" if there is none.
func (p *echoPage) result() string {
	select {
	case <-p.reported:
		return p.report
	default:
		return ""
	}
}
