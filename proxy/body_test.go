package proxy_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// hashing is an origin that answers with the hash of the content it receives and
// sends the content that the query asks for.
func hashing(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Sum", hex.EncodeToString(sum.Sum(nil)))
	if n == 0 {
		nectest.NewOriginHandler().ServeHTTP(w, r)
	}
}

// through returns a client of net/http that uses the proxy.
func through(t testing.TB, p *running, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr}), TLSClientConfig: config, DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func random(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{}), n) }

func sumOf(t testing.TB, r io.Reader) (int64, string) {
	t.Helper()
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	if err != nil {
		t.Error(err)
	}
	return n, hex.EncodeToString(sum.Sum(nil))
}

// TestLargeBodies sends and receives more than any buffer holds, whole at both
// ends whatever is captured of it.
func TestLargeBodies(t *testing.T) {
	const size = 3 << 20
	_, want := sumOf(t, random(size))
	for name, c := range map[string]struct {
		maxBody, kept int64
		chunks        bool
	}{
		"all captured":             {0, size, false},
		"no limit":                 {-1, size, false},
		"little captured, spliced": {1000, 1000, false},
		"end not captured":         {size - 1, size - 1, false},
		"exact limit":              {size, size, false},
		"with events":              {1000, 1000, true},
	} {
		for _, secure := range []bool{false, true} {
			for _, length := range []int64{size, -1} {
				t.Run(fmt.Sprintf("%s, secure %v, length %d", name, secure, length), func(t *testing.T) {
					origin := hashingOrigin(t, secure)
					opts := proxy.Options{MaxBody: c.maxBody, BodyChunks: wanted(c.chunks), Network: &proxy.Network{Insecure: true}}
					seen := newChunkSum()
					opts.Observer = seen
					p, config := intercepting(t, opts)
					client := through(t, p, config)
					request, _ := http.NewRequestWithContext(t.Context(), "POST", origin+"/", random(size))
					request.ContentLength = length
					resp, err := client.Do(request)
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					if got := resp.Header.Get("X-Sum"); got != want {
						t.Errorf("the origin received content of hash %s, want %s", got, want)
					}
					resp, err = client.Get(fmt.Sprintf("%s/bytes?n=%d", origin, size))
					if err != nil {
						t.Fatal(err)
					}
					if n, got := sumOf(t, resp.Body); n != size || got != want {
						t.Errorf("received %d bytes of hash %s, want %s", n, got, want)
					}
					resp.Body.Close()
					xs := seen.WaitExchanges(t, 2)
					for _, body := range []*traffic.Body{xs[0].RequestBody, xs[1].ResponseBody} {
						kept, err := io.ReadAll(body.Open())
						if err != nil {
							t.Fatal(err)
						}
						first, _ := io.ReadAll(random(c.kept))
						if body.Size() != size || body.Truncated() != (c.kept < size) || !bytes.Equal(kept, first) || body.Err() != nil {
							t.Errorf("captured %d of %d bytes, truncated: %v, %v", len(kept), body.Size(), body.Truncated(), body.Err())
						}
					}
					if want := strings.Repeat(want, 2); c.chunks && seen.sums() != want {
						t.Errorf("the events have the hashes %s, want %s", seen.sums(), want)
					}
				})
			}
		}
	}
}

func hashingOrigin(t *testing.T, secure bool) string {
	t.Helper()
	start := httptest.NewServer
	if secure {
		start = httptest.NewTLSServer
	}
	server := start(http.HandlerFunc(hashing))
	t.Cleanup(server.Close)
	return server.URL
}

// chunkSum collects events. Of body chunks it keeps only the hashes of what
// they had, by direction.
type chunkSum struct {
	nectest.Collect
	up, down hash.Hash
}

func newChunkSum() *chunkSum { return &chunkSum{up: sha256.New(), down: sha256.New()} }

func (c *chunkSum) Observe(e traffic.Event) {
	chunk, ok := e.(traffic.BodyChunk)
	switch {
	case !ok:
		c.Collect.Observe(e)
	case chunk.Dir == traffic.ClientToServer:
		c.up.Write(chunk.Data)
	default:
		c.down.Write(chunk.Data)
	}
}

func (c *chunkSum) sums() string {
	return hex.EncodeToString(c.up.Sum(nil)) + hex.EncodeToString(c.down.Sum(nil))
}

// TestContentKept holds that what the clients of net/http see is what the
// origin sent.
func TestContentKept(t *testing.T) {
	origin := nectest.NewTLSOrigin(t)
	p, config := intercepting(t, proxy.Options{})
	client := through(t, p, config)
	for path, want := range map[string]string{
		"/json":     `{"name":"necto","tags":["a","b"],"n":12345678901234567890}`,
		"/sse":      "data: 0\n\ndata: 1\n\ndata: 2\n\n",
		"/trailers": "first second",
		"/redirect": `{"name":"necto","tags":["a","b"],"n":12345678901234567890}`,
	} {
		resp, err := client.Get(origin.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
		if path == "/trailers" && resp.Trailer.Get("X-Checksum") != "abc" {
			t.Errorf("trailer %v", resp.Trailer)
		}
	}
}
