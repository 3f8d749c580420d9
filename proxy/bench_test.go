package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

const kibibyte = 1 << 10

var kibibyteAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", kibibyte)

// ignore is an observer that does nothing.
type ignore struct{}

func (ignore) Observe(traffic.Event) {}

// benchScript answers every request in one write, without looking at it.
func benchScript(c *nectest.Conn) {
	_ = c.SetDeadline(time.Time{}) // however long the benchmark runs
	r := bufio.NewReader(c)
	answer := []byte(kibibyteAnswer)
	for skipHead(r) == nil {
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// skipHead reads a head.
func skipHead(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil || len(line) == 2 {
			return err
		}
	}
}

// benchGet sends requests over connections that are kept, several at once, and
// reads the answers.
func benchGet(b *testing.B, request string, dial func() net.Conn) {
	b.ReportAllocs()
	b.SetBytes(kibibyte)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		conn := dial()
		if conn == nil {
			b.Error("no connection")
			return
		}
		defer conn.Close()
		r := bufio.NewReaderSize(conn, 4<<10)
		out := []byte(request)
		for pb.Next() {
			if _, err := conn.Write(out); err != nil {
				b.Error(err)
				return
			}
			if err := skipHead(r); err != nil {
				b.Error(err)
				return
			}
			if _, err := r.Discard(kibibyte); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// dialRaw connects to addr; nil if that fails.
func dialRaw(addr string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil
	}
	return conn
}

// BenchmarkDirect is what the client and the origin of the others cost.
func BenchmarkDirect(b *testing.B) {
	origin := nectest.NewRawServer(b, benchScript)
	benchGet(b, "GET / HTTP/1.1\r\nHost: "+origin.Addr+"\r\n\r\n", func() net.Conn { return dialRaw(origin.Addr) })
}

// BenchmarkForward has 1 KiB answers pass the proxy, captured and told to an
// observer that ignores them.
func BenchmarkForward(b *testing.B) {
	origin := nectest.NewRawServer(b, benchScript)
	p := start(b, proxy.Options{Observer: ignore{}}, proxy.Listener{})
	benchGet(b, get(origin.Addr, "/"), func() net.Conn { return dialRaw(p.addr) })
}

// BenchmarkIntercept is BenchmarkForward with TLS on both sides.
func BenchmarkIntercept(b *testing.B) {
	origin, pool := secureServer(b, benchScript)
	p, config := intercepting(b, proxy.Options{Observer: ignore{}, Network: &proxy.Network{RootCAs: pool}})
	config = withName(config, "127.0.0.1")
	benchGet(b, "GET / HTTP/1.1\r\nHost: "+origin.Addr+"\r\n\r\n", func() net.Conn { return dialSecure(p.addr, origin.Addr, config) })
}

// dialSecure opens a tunnel to target and TLS in it; nil if that fails.
func dialSecure(addr, target string, config *tls.Config) net.Conn {
	conn := dialRaw(addr)
	if conn == nil {
		return nil
	}
	answer := make([]byte, len(established))
	if _, err := io.WriteString(conn, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n"); err != nil {
		return nil
	}
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != established {
		return nil
	}
	return tls.Client(conn, config)
}

// BenchmarkAnswer has a layer answer 1 KiB in place of an origin.
func BenchmarkAnswer(b *testing.B) {
	content := []byte(strings.Repeat("x", kibibyte))
	answer := layer(func(context.Context, *traffic.Request, traffic.RoundTripper) (*traffic.Response, error) {
		return &traffic.Response{Status: 200, Proto: "HTTP/1.1", Header: traffic.Fields{{Name: "Content-Length", Value: "1024"}}, Body: traffic.NewMemoryBody(content), Length: kibibyte}, nil
	})
	p := start(b, proxy.Options{Observer: ignore{}, Layers: []proxy.Layer{answer}}, proxy.Listener{})
	benchGet(b, get("a.invalid", "/"), func() net.Conn { return dialRaw(p.addr) })
}

// BenchmarkDownload has a large answer pass, captured only in part.
func BenchmarkDownload(b *testing.B) {
	const size = 64 << 20
	head := "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n"
	piece := make([]byte, 64<<10)
	origin := nectest.NewRawServer(b, func(c *nectest.Conn) {
		_ = c.SetDeadline(time.Time{})
		for r := bufio.NewReader(c); skipHead(r) == nil; {
			c.Send(head)
			for sent := 0; sent < size; sent += len(piece) {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
		}
	})
	p := start(b, proxy.Options{Observer: ignore{}, MaxBody: 1 << 20}, proxy.Listener{})
	conn := dialRaw(p.addr)
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 256<<10)
	b.ReportAllocs()
	b.SetBytes(size)
	for b.Loop() {
		if _, err := io.WriteString(conn, get(origin.Addr, "/")); err != nil {
			b.Fatal(err)
		}
		if err := skipHead(r); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Discard(size); err != nil {
			b.Fatal(err)
		}
	}
}
