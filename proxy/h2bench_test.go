package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/necto-dev/necto/internal/h2"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// BenchmarkStreams is BenchmarkIntercept over HTTP/2: 32 streams at a time on one
// connection.
func BenchmarkStreams(b *testing.B) {
	content := []byte(strings.Repeat("x", kibibyte))
	fields := traffic.Fields{{Name: "content-type", Value: "application/json"}, {Name: "content-length", Value: "1024"}}
	origin, pool := origin2(b, nil) // for its certificate
	addr := serveStreams(b, origin.TLS.Certificates, func(s *h2.Stream) {
		_ = s.WriteHead(h2.ResponseHead(200, fields))
		_, _ = s.WriteLast(content)
	})
	p, config := intercepting(b, proxy.Options{Observer: ignore{}, Network: &proxy.Network{RootCAs: pool}})
	config = withName(config, "127.0.0.1")
	config.NextProtos = []string{"h2"}
	client := h2.Client(dialSecure(p.addr, addr, config), h2.Config{})
	ended := make(chan error, 1)
	go func() { ended <- client.Run(context.Background()) }()
	b.ReportAllocs()
	b.SetBytes(kibibyte)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		buf := make([]byte, 4<<10)
		for pb.Next() {
			if err := getStream(client, addr, buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
	client.Close()
	<-ended
}

// getStream has a request answered on a stream of its own.
func getStream(client *h2.Conn, authority string, buf []byte) error {
	s, err := client.Open(context.Background(), h2.RequestHead("GET", "https", authority, "/", nil).Ended())
	if err != nil {
		return err
	}
	defer s.Close()
	if head, err := s.ReadHead(context.Background()); err != nil || head.Status() != 200 {
		return errors.Join(errors.New("no answer"), err)
	}
	for {
		if _, err := s.Read(buf); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// serveStreams serves HTTP/2 inside TLS on the address it returns.
func serveStreams(b *testing.B, certificates []tls.Certificate, handle func(*h2.Stream)) string {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificates, NextProtos: []string{"h2"}})
	if err != nil {
		b.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _ = h2.Server(conn, h2.Config{}, handle).Run(b.Context()) })
		}
	})
	b.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}
