package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// BenchmarkSpool writes lines of 1 KiB, as a recorder does every 8 ms under load,
// and reads them for Redis.
func BenchmarkSpool(b *testing.B) {
	s, err := createSpool(b.TempDir(), "R", Target{}, math.MaxInt64)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := errors.Join(s.end(), s.clear(), s.remove()); err != nil {
			b.Error(err)
		}
	}()
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	lines := bytes.Repeat(line, 80)
	c := cursor{spool: s, next: 1}
	b.SetBytes(int64(len(lines)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.write(lines); err != nil {
			b.Fatal(err)
		}
		batch, err := c.read(b.Context(), 0)
		if err == nil {
			err = s.sent(batch.end())
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := c.close(); err != nil {
		b.Error(err)
	}
}

// BenchmarkMessage makes what other nodes are told of an exchange with 1 KiB of
// content, and reads it.
func BenchmarkMessage(b *testing.B) {
	x := &traffic.Exchange{
		ID: 1, Conn: 1, Started: time.Now(), Client: "127.0.0.1:1",
		Request: &traffic.Request{Method: "GET", URL: traffic.URL{Scheme: "http", Authority: "h", Target: "/"}, Header: traffic.Fields{
			{Name: "Host", Value: "h"}, {Name: "Accept", Value: "*/*"}, {Name: "User-Agent", Value: "bench"},
		}},
		Response:     &traffic.Response{Status: 200, Header: traffic.Fields{{Name: "Content-Type", Value: "application/json"}}},
		ResponseBody: traffic.BodyOf(bytes.Repeat([]byte("x"), 1024)),
	}
	b.ReportAllocs()
	for b.Loop() {
		text, err := json.Marshal([]*message{messageOf(traffic.ExchangeDone{Exchange: x}, nil)})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := parseBatch(string(text)); err != nil {
			b.Fatal(err)
		}
	}
}
