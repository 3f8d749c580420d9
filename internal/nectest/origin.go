package nectest

import (
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// OriginHost is a name that the certificate of a TLS origin is valid for,
// beside the loopback addresses. It has to be resolved by the test.
const OriginHost = "origin.example.com"

// Origin is a server with a known behaviour; see NewOriginHandler.
type Origin struct {
	// URL is the base URL, scheme://127.0.0.1:port.
	URL string
	// Addr is host:port.
	Addr string
	// CertPEM is the certificate to trust, PEM; nil without TLS.
	CertPEM []byte

	server *httptest.Server
}

// StartOrigin starts an origin, which the caller closes.
func StartOrigin() *Origin {
	return newOrigin(httptest.NewServer(NewOriginHandler()))
}

// StartTLSOrigin starts an origin that speaks HTTP/1.1 over TLS, which the
// caller closes.
func StartTLSOrigin() *Origin {
	o := newOrigin(httptest.NewTLSServer(NewOriginHandler()))
	o.CertPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.server.Certificate().Raw})
	return o
}

// NewOrigin starts an origin that is closed when the test ends.
func NewOrigin(t testing.TB) *Origin {
	o := StartOrigin()
	t.Cleanup(o.Close)
	return o
}

// NewTLSOrigin is NewOrigin with TLS.
func NewTLSOrigin(t testing.TB) *Origin {
	o := StartTLSOrigin()
	t.Cleanup(o.Close)
	return o
}

func newOrigin(s *httptest.Server) *Origin {
	return &Origin{URL: s.URL, Addr: s.Listener.Addr().String(), server: s}
}

// Close stops the origin at once. It may be called more than once.
func (o *Origin) Close() {
	o.server.CloseClientConnections()
	o.server.Close()
}

// NewOriginHandler returns what an Origin serves:
//
//	/json          a JSON object
//	/gzip          text, gzip-coded if the client accepts that
//	/sse           three server-sent events, 20 ms apart
//	/bytes?n=N     N pseudo-random bytes, the same each time
//	/echo          the request's content, with its type
//	/status/N      status N and nothing more
//	/cookies       two Set-Cookie fields
//	/trailers      chunked, with the trailer X-Checksum
//	/redirect      a redirect to /json
//	/count         how many times it was asked for
//	/hang          a head, then nothing until the client leaves
//	/ws            WebSocket: a ping, then each message sent back, long ones
//	               in fragments
//	/ws/deflate    WebSocket, compressed with context takeover where the client
//	               agrees: each message sent back
func NewOriginHandler() http.Handler {
	var counter atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"name":"necto","tags":["a","b"],"n":12345678901234567890}`)
	})
	mux.HandleFunc("/gzip", serveGzip)
	mux.HandleFunc("/sse", serveEvents)
	mux.HandleFunc("/bytes", serveBytes)
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil || code < 200 || code > 999 {
			code = http.StatusBadRequest
		}
		w.WriteHeader(code)
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "session=one; Path=/")
		w.Header().Add("Set-Cookie", "theme=dark")
	})
	mux.HandleFunc("/trailers", serveTrailers)
	mux.Handle("/redirect", http.RedirectHandler("/json", http.StatusFound))
	mux.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, counter.Add(1))
	})
	mux.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) {
		flush(w)
		<-r.Context().Done()
	})
	mux.HandleFunc("/ws", serveWebSocket)
	mux.HandleFunc("/ws/deflate", serveDeflate)
	return mux
}

func serveGzip(w http.ResponseWriter, r *http.Request) {
	text := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog.\n"), 100)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Vary", "Accept-Encoding")
	if !bytes.Contains([]byte(r.Header.Get("Accept-Encoding")), []byte("gzip")) {
		_, _ = w.Write(text)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	zw := gzip.NewWriter(w)
	_, _ = zw.Write(text)
	_ = zw.Close() // the client sees what is missing
}

func serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range 3 {
		fmt.Fprintf(w, "data: %d\n\n", i)
		flush(w)
		select {
		case <-time.After(20 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
}

func serveBytes(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
	if err != nil || n < 0 {
		http.Error(w, "n is no size", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	_, _ = io.CopyN(w, rand.NewChaCha8([32]byte{}), n)
}

func serveTrailers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "X-Checksum")
	fmt.Fprint(w, "first ")
	flush(w)
	fmt.Fprint(w, "second")
	w.Header().Set("X-Checksum", "abc")
}

func flush(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush() // the client sees what is missing
}
