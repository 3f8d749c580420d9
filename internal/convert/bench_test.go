package convert_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/necto-dev/necto/internal/convert"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// benchmarked is how many exchanges a benchmark converts.
const benchmarked = 10_000

// typical writes a recording of exchanges that have 1 KiB of JSON.
func typical(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "in.jsonl")
	w, err := record.Create(path, record.Options{Redaction: "off"})
	if err != nil {
		b.Fatal(err)
	}
	content := []byte("[" + strings.Repeat(`{"id":17,"name":"größer","tags":["a","b"],"mail":"a@example.com"},`, 15) + "0]")
	started := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for i := range benchmarked {
		target := fmt.Sprintf("/v1/orders/%d?expand=items", i)
		w.Observe(traffic.ExchangeDone{Exchange: &traffic.Exchange{
			ID: traffic.ExchangeID(i + 1), Conn: 1, Started: started.Add(time.Duration(i) * time.Millisecond),
			Client: "127.0.0.1:50312", Server: "127.0.0.1:443", Duration: 12 * time.Millisecond,
			Timing: traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: 0, Wait: 11 * time.Millisecond, Receive: time.Millisecond},
			Request: &traffic.Request{
				Method: "GET", Proto: "HTTP/1.1", Target: target,
				URL:    traffic.URL{Scheme: "https", Authority: "api.example.com", Target: target},
				Header: traffic.Fields{{Name: "Host", Value: "api.example.com"}, {Name: "Accept", Value: "application/json"}, {Name: "User-Agent", Value: "benchmark/1.0"}},
			},
			Response: &traffic.Response{
				Status: 200, Reason: "OK", Proto: "HTTP/1.1",
				Header: traffic.Fields{{Name: "Date", Value: "Fri, 20 Nov 2026 12:00:00 GMT"}, {Name: "Content-Type", Value: "application/json"}, {Name: "Server", Value: "benchmark"}},
			},
			ResponseBody: traffic.BodyOf(content),
		}})
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkRun says how many bytes of input are converted in a second.
func BenchmarkRun(b *testing.B) {
	jsonl := typical(b)
	asHAR := strings.TrimSuffix(jsonl, ".jsonl") + ".har"
	if _, err := convert.Run(b.Context(), convert.Options{Inputs: []string{jsonl}, Output: asHAR, Format: convert.HAR}); err != nil {
		b.Fatal(err)
	}
	for _, input := range []string{jsonl, asHAR} {
		info, err := os.Stat(input)
		if err != nil {
			b.Fatal(err)
		}
		for _, format := range []convert.Format{convert.JSONL, convert.HAR} {
			b.Run(strings.TrimPrefix(filepath.Ext(input), ".")+" to "+string(format), func(b *testing.B) {
				o := convert.Options{Inputs: []string{input}, Output: filepath.Join(b.TempDir(), "out."+string(format)), Format: format}
				b.SetBytes(info.Size())
				b.ReportAllocs()
				for b.Loop() {
					if _, err := convert.Run(b.Context(), o); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
