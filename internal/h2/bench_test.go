package h2_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/traffic"
)

// answer is what the servers of benchmarks send.
var answer = bytes.Repeat([]byte("0123456789abcdef"), 64)

var answerFields = traffic.Fields{{Name: "content-type", Value: "application/json"}, {Name: "content-length", Value: "1024"}}

func answerEngine(s *h2.Stream) {
	_ = s.WriteHead(h2.ResponseHead(200, answerFields))
	_, _ = s.WriteLast(answer)
}

func answerNetHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1024")
	_, _ = w.Write(answer)
}

// together runs do b.N times on 32 goroutines.
func together(b *testing.B, do func() error) {
	b.ReportAllocs()
	var wait sync.WaitGroup
	work := make(chan struct{}, 1024)
	for range 32 {
		wait.Go(func() {
			for range work {
				if err := do(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for b.Loop() {
		work <- struct{}{}
	}
	close(work)
	wait.Wait()
}

// exchange asks for an answer over c.
func exchange(c *h2.Conn, buf []byte) error {
	s, err := c.Open(context.Background(), get("/"))
	if err != nil {
		return err
	}
	if _, err := s.ReadHead(context.Background()); err != nil {
		return err
	}
	for {
		if _, err := s.Read(buf); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	return s.Close()
}

func BenchmarkExchanges(b *testing.B) {
	buffers := sync.Pool{New: func() any { return new([4096]byte) }}
	engine := func(c *h2.Conn) func() error {
		return func() error {
			buf := buffers.Get().(*[4096]byte)
			defer buffers.Put(buf)
			return exchange(c, buf[:])
		}
	}
	b.Run("engine", func(b *testing.B) {
		client, _ := pair(b, h2.Config{}, h2.Config{}, answerEngine)
		together(b, engine(client.Conn))
	})
	b.Run("nethttp", func(b *testing.B) {
		client, url := netHTTPClient(b), "http://"+netHTTPServerOf(b, answerNetHTTP)+"/"
		together(b, func() error { return fetch(client, url) })
	})
	b.Run("engine client, nethttp server", func(b *testing.B) {
		conn := dial(b, netHTTPServerOf(b, answerNetHTTP))
		together(b, engine(run(b, h2.Client(conn, h2.Config{})).Conn))
	})
	b.Run("nethttp client, engine server", func(b *testing.B) {
		address := engineServer(b, h2.Config{}, answerEngine)
		client := netHTTPClient(b)
		together(b, func() error { return fetch(client, "http://"+address+"/") })
	})
}

func fetch(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return err
}

// BenchmarkContent sends 1 MiB an operation on one stream.
func BenchmarkContent(b *testing.B) {
	const size = 1 << 20
	content := make([]byte, size)
	b.Run("engine", func(b *testing.B) {
		client, _ := pair(b, h2.Config{}, h2.Config{}, func(s *h2.Stream) {
			_ = s.WriteHead(h2.ResponseHead(200, nil))
			for s.Context().Err() == nil {
				_, _ = s.Write(content[:32<<10])
			}
		})
		s, err := client.Open(b.Context(), get("/"))
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		readContent(b, s, size)
	})
	b.Run("nethttp", func(b *testing.B) {
		address := netHTTPServerOf(b, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write(content[:32<<10])
			}
		})
		resp, err := netHTTPClient(b).Get("http://" + address + "/")
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		readContent(b, resp.Body, size)
	})
}

func readContent(b *testing.B, r io.Reader, size int64) {
	b.SetBytes(size)
	b.ReportAllocs()
	buf := make([]byte, 32<<10)
	for b.Loop() {
		for left := size; left > 0; {
			n, err := r.Read(buf[:min(left, int64(len(buf)))])
			if err != nil {
				b.Fatal(err)
			}
			left -= int64(n)
		}
	}
}
