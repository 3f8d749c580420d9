package har_test

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/necto-dev/necto/har"
	"github.com/necto-dev/necto/traffic"
)

// typical returns an exchange of 1 KiB of JSON with eight headers each way.
func typical() *har.Entry {
	e := sampleOf("GET", "https://api.example.test/v1/orders?expand=items&page=2", 200, "application/json",
		append(append([]byte(`{"items":[`), bytes.Repeat([]byte(`{"id":1,"name":"größer"},`), 40)...), "null]}"...))
	for _, headers := range []*[]har.Pair{&e.Request.Headers, &e.Response.Headers} {
		for len(*headers) < 8 {
			*headers = append(*headers, har.Pair{Name: "X-Header-Name", Value: "a value of some length; q=0.9"})
		}
	}
	e.Request.QueryString = har.QueryString("expand=items&page=2")
	return e
}

func benchmarkWrite(b *testing.B, w *har.Writer, e *har.Entry) {
	size := entrySize(b, e)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(e); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

// entrySize returns how many bytes of JSON an entry is.
func entrySize(b *testing.B, e *har.Entry) int64 {
	b.Helper()
	var out bytes.Buffer
	w, err := har.NewWriter(&out, har.Options{})
	if err != nil {
		b.Fatal(err)
	}
	before := out.Len()
	if err := w.Write(e); err != nil {
		b.Fatal(err)
	}
	return int64(out.Len() - before)
}

func BenchmarkWriteStream(b *testing.B) {
	for _, s := range benchmarked() {
		b.Run(s.name, func(b *testing.B) {
			w, err := har.NewWriter(io.Discard, har.Options{})
			if err != nil {
				b.Fatal(err)
			}
			benchmarkWrite(b, w, s.entry)
		})
	}
}

// A file grows as long as the benchmark runs: large entries are left to
// BenchmarkWriteStream.
func BenchmarkWriteFile(b *testing.B) {
	w, err := har.Create(filepath.Join(b.TempDir(), "run.har"), har.Options{})
	if err != nil {
		b.Fatal(err)
	}
	benchmarkWrite(b, w, typical())
}

// benchmarked returns entries by what they are mostly.
func benchmarked() []sample {
	text := bytes.Repeat([]byte(`{"id":1,"name":"größer"},`), 40_000)
	binary := append(bytes.Repeat(text[:1000], 1000), 0xff)
	ofBody := func(body har.Body) *har.Entry {
		e := sampleOf("GET", "https://example.test/long", 200, "", nil)
		e.Response.Content.Body = body
		return e
	}
	messages := conversation()
	messages.WebSocketMessages = har.Messages(slices.Repeat(
		[]har.Message{{Time: began, Opcode: traffic.OpText, Body: har.Body{Data: text[:128]}}}, 1000))
	return []sample{
		{"typical", typical()},
		{"text", ofBody(har.Body{Data: text})},
		{"text-source", ofBody(har.Body{Source: open(text)})},
		{"binary", ofBody(har.Body{Data: binary})},
		{"binary-source", ofBody(har.Body{Source: open(binary)})},
		{"messages", messages},
	}
}
