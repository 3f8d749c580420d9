package main

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/necto-dev/necto/internal/ca"
	"github.com/necto-dev/necto/proxy"
)

const (
	// demoHost is a name that never resolves (RFC 6761 section 6.4); the proxy
	// of the demonstration knows where it is.
	demoHost = "shop.test"
	// demoDownload is the size of the large answer in bytes.
	demoDownload = 8 << 20
	// demoPause is the time between two events of the stream, and Grace needs
	// to answer in the chat.
	demoPause = 100 * time.Millisecond
)

// demoOrigin is a web shop with one customer.
type demoOrigin struct {
	plain, secure net.Listener
	server        *http.Server
	roots         *x509.CertPool
}

// startDemoOrigin starts the origin for HTTP and HTTPS. Its certificate is
// signed by an authority made for it in dir.
func startDemoOrigin(ctx context.Context, dir string) (*demoOrigin, error) {
	authority, err := ca.Load(dir)
	if err != nil {
		return nil, err
	}
	cert, err := authority.Leaf(ctx, demoHost)
	if err != nil {
		return nil, err
	}
	o := &demoOrigin{
		server: &http.Server{Handler: demoHandler(), ReadHeaderTimeout: 10 * time.Second},
		roots:  x509.NewCertPool(),
	}
	o.roots.AddCert(authority.Certificate())
	var config net.ListenConfig
	if o.plain, err = config.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if o.secure, err = config.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		o.plain.Close()
		return nil, err
	}
	go o.serve(o.plain)
	go o.serve(tls.NewListener(o.secure, &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}))
	return o, nil
}

// serve answers until close; a listener that breaks before that shows in the
// client's answers.
func (o *demoOrigin) serve(l net.Listener) { _ = o.server.Serve(l) }

// close stops the origin. A connection that does not end well belongs to the
// proxy, which is gone.
func (o *demoOrigin) close() { _ = o.server.Close() }

// network leads from demoHost to the origin.
func (o *demoOrigin) network() *proxy.Network {
	return &proxy.Network{RootCAs: o.roots, Resolve: map[string]string{
		demoHost + ":80":  o.plain.Addr().String(),
		demoHost + ":443": o.secure.Addr().String(),
	}}
}

func demoHandler() http.Handler {
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Shop</title><h1>Welcome</h1>\n")
	})
	mux.HandleFunc("GET /api/users", func(w http.ResponseWriter, _ *http.Request) {
		sendJSON(w, http.StatusOK, []map[string]any{{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}})
	})
	mux.HandleFunc("POST /api/orders", placeOrder)
	mux.HandleFunc("GET /api/orders/1", func(w http.ResponseWriter, _ *http.Request) {
		state := "open"
		if asked.Add(1) > 1 {
			state = "paid"
		}
		sendJSON(w, http.StatusOK, map[string]any{"id": 1, "state": state})
	})
	mux.HandleFunc("GET /api/report", serveReport)
	mux.HandleFunc("GET /events", serveEvents)
	mux.HandleFunc("GET /download", serveDownload)
	mux.HandleFunc("GET /chat", serveChat)
	return mux
}

func sendJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that left is told nothing
}

func placeOrder(w http.ResponseWriter, r *http.Request) {
	var order map[string]any
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sendJSON(w, http.StatusCreated, map[string]any{"id": 1, "state": "open", "item": order["item"]})
}

// serveReport sends text that is compressed on the wire.
func serveReport(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/csv")
	w.Header().Set("Content-Encoding", "gzip")
	zw := gzip.NewWriter(w)
	_, _ = io.WriteString(zw, strings.Repeat("2026-01-31,shop,42.00\n", 1000))
	_ = zw.Close()
}

// serveEvents sends server-sent events with pauses between them.
func serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range 3 {
		fmt.Fprintf(w, "event: stock\ndata: {\"left\":%d}\n\n", 3-i)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(demoPause):
		case <-r.Context().Done():
			return
		}
	}
}

// serveDownload sends what looks random and is the same each time.
func serveDownload(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(demoDownload))
	_, _ = io.CopyN(w, rand.NewChaCha8([32]byte{}), demoDownload)
}
