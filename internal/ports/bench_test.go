package ports

import (
	"io"
	"testing"
)

// BenchmarkDialed notes good attempts of clients of a port that is online, as for each
// connection to an origin.
func BenchmarkDialed(b *testing.B) {
	s := newStage(b, config(b, onePort), newWorld(), "")
	if err := s.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	one := s.get(60000)
	<-one.tried
	b.ReportAllocs()
	for b.Loop() {
		one.dialed("a.test:80", nil)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkMeter counts what passes a connection.
func BenchmarkMeter(b *testing.B) {
	var m meter
	server, client := pipe(b, &m)
	p := make([]byte, 1024)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := server.Write(p); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(client, p); err != nil {
			b.Fatal(err)
		}
	}
}
