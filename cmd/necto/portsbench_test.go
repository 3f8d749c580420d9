package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/ports"
	"github.com/necto-dev/necto/proxy"
)

// BenchmarkBind200Ports opens a pool of 200 ports, half of which lead to an origin and
// half through an upstream proxy. ms/pool is until all listen, and online-ms/pool until
// what is behind each was reached.
func BenchmarkBind200Ports(b *testing.B) {
	const n = 200
	behind, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer behind.Close()
	go accept(behind)
	first := freePorts(b, n)
	config, err := ports.Parse("ports.yaml", []byte(poolOf(n, first, behind.Addr().String())))
	if err != nil {
		b.Fatal(err)
	}
	var bound, online time.Duration
	b.ReportAllocs()
	for b.Loop() {
		all := make(chan struct{}, n)
		o := proxy.Options{Network: &proxy.Network{}, Grace: -1}
		p := proxy.New(o)
		pool := ports.New(ports.Options{
			Config: config, Opener: &portOpener{proxy: p, options: o},
			Events: func(ports.Event) { all <- struct{}{} },
		})
		began := time.Now()
		if err := pool.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		bound += time.Since(began)
		for range n {
			<-all
		}
		online += time.Since(began)
		b.StopTimer()
		stopped, stop := context.WithCancel(b.Context())
		stop()
		if err := p.Run(stopped); err != nil {
			b.Fatal(err)
		}
		if err := pool.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(bound.Microseconds())/1000/float64(b.N), "ms/pool")
	b.ReportMetric(float64(online.Microseconds())/1000/float64(b.N), "online-ms/pool")
}

// accept takes connections until the listener is closed.
func accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, conn) // a probe says nothing
		conn.Close()
	}
}

// poolOf returns a ports file.
func poolOf(n, first int, behind string) string {
	var file strings.Builder
	fmt.Fprintf(&file, "version: 1\nports: {start: %d, count: %d}\nprobe: {timeout: 10s}\nbindings:\n", first, n)
	for i := range n {
		way := "target"
		if i%2 == 1 {
			way = "upstream"
		}
		fmt.Fprintf(&file, "  - {port: %d, %s: 'http://%s'}\n", first+i, way, behind)
	}
	return file.String()
}
