//go:build linux

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"

	"github.com/elazarl/goproxy"
)

// The peers are set up as well as their makers allow: connections to the
// origin are kept for all clients, nothing is decompressed, nothing logged.

// serveReverseProxy is net/http/httputil.ReverseProxy in front of one origin.
func serveReverseProxy(o helperOptions) error {
	ln, err := o.listen()
	if err != nil {
		return err
	}
	to := &url.URL{Scheme: "http", Host: o.to}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: peerTransport(nil),
	}
	return http.Serve(ln, proxy)
}

// serveReverseH2 is net/http/httputil.ReverseProxy with HTTP/2 on both sides.
func serveReverseH2(o helperOptions) error {
	roots, err := loadRoots(o.roots)
	if err != nil {
		return err
	}
	ln, err := o.listen()
	if err != nil {
		return err
	}
	to := &url.URL{Scheme: "https", Host: o.to}
	transport := peerTransport(&tls.Config{RootCAs: roots})
	transport.ForceAttemptHTTP2 = true
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: transport,
	}
	return http.ServeTLS(ln, proxy, o.cert, o.key)
}

// serveGoproxy is elazarl/goproxy intercepting TLS with an ECDSA CA, its leaf
// certificates cached.
func serveGoproxy(o helperOptions) error { return intercept(o, false) }

// serveGoproxyH2 is serveGoproxy with HTTP/2 on both sides.
func serveGoproxyH2(o helperOptions) error { return intercept(o, true) }

func intercept(o helperOptions, http2 bool) error {
	ca, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return err
	}
	roots, err := loadRoots(o.roots)
	if err != nil {
		return err
	}
	proxy := goproxy.NewProxyHttpServer()
	proxy.Logger = log.New(os.Stderr, "", 0)
	proxy.Tr = peerTransport(&tls.Config{RootCAs: roots})
	proxy.Tr.ForceAttemptHTTP2 = http2
	proxy.AllowHTTP2 = http2
	proxy.CertStore = &leafCache{leaves: map[string]*tls.Certificate{}}
	mitm := &goproxy.ConnectAction{Action: goproxy.ConnectMitm, TLSConfig: goproxy.TLSConfigFromCA(&ca)}
	proxy.OnRequest().HandleConnectFunc(func(host string, _ *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		return mitm, host
	})
	ln, err := o.listen()
	if err != nil {
		return err
	}
	return http.Serve(ln, proxy)
}

func peerTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		MaxIdleConns:        4 * connections,
		MaxIdleConnsPerHost: 4 * connections,
		DisableCompression:  true,
		TLSClientConfig:     config,
	}
}

func loadRoots(name string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + name)
	}
	return pool, nil
}

// A leafCache is a goproxy.CertStorage in memory.
type leafCache struct {
	mu     sync.Mutex // guards leaves
	leaves map[string]*tls.Certificate
}

// Fetch implements goproxy.CertStorage.
func (c *leafCache) Fetch(host string, mint func() (*tls.Certificate, error)) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaf, ok := c.leaves[host]; ok {
		return leaf, nil
	}
	leaf, err := mint()
	if err != nil {
		return nil, err
	}
	c.leaves[host] = leaf
	return leaf, nil
}
