package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// demoRequests is what the client of the demonstration asks, in order. One is
// asked twice and answered differently.
var demoRequests = []struct{ method, scheme, target, content string }{
	{"GET", "http", "/", ""},
	{"GET", "https", "/api/users", ""},
	{"POST", "https", "/api/orders", `{"item":"lamp","count":2}`},
	{"GET", "https", "/api/orders/1", ""},
	{"GET", "https", "/api/orders/1", ""},
	{"GET", "https", "/api/report", ""},
	{"GET", "https", "/events", ""},
	{"GET", "https", "/download", ""},
}

// demoPatience is how long one request may take.
const demoPatience = time.Minute

// demoAnswer is what became of one request.
type demoAnswer struct {
	request string // method and URL
	status  int
	size    int64 // bytes of content, compression undone
	sum     [sha256.Size]byte
	took    time.Duration
	same    bool
}

// verdict says how a replayed answer compares to the recorded one.
func (a demoAnswer) verdict() string {
	if a.same {
		return "identical"
	}
	return "DIFFERENT"
}

// demoClient asks everything, and chats, through the proxy at proxyURL and trusts nobody but
// its authority.
func demoClient(ctx context.Context, proxyURL string, authority *x509.Certificate) ([]demoAnswer, error) {
	through, err := url.Parse(proxyURL)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	transport := &http.Transport{
		Proxy:           http.ProxyURL(through),
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: demoPatience}
	answers := make([]demoAnswer, 0, len(demoRequests)+1)
	for _, r := range demoRequests {
		req, err := http.NewRequestWithContext(ctx, r.method, demoURL(r.scheme, r.target), strings.NewReader(r.content))
		if err != nil {
			return nil, err
		}
		if r.content != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		answer, err := ask(client, req)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	heard, err := chat(ctx, transport)
	if err != nil {
		return nil, err
	}
	return append(answers, heard), nil
}

func ask(client *http.Client, req *http.Request) (demoAnswer, error) {
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return demoAnswer{}, err
	}
	defer resp.Body.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, resp.Body)
	if err != nil {
		return demoAnswer{}, fmt.Errorf("%s %s: %w", req.Method, req.URL, err)
	}
	a := demoAnswer{
		request: fmt.Sprintf("%-4s %s", req.Method, req.URL),
		status:  resp.StatusCode, size: n, took: time.Since(start),
	}
	hash.Sum(a.sum[:0])
	return a, nil
}
