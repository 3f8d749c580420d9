package har

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// generated returns a HAR in Chrome's layout of about 8 MiB, with bodies of size
// bytes.
func generated(size int) []byte {
	item := `{\"id\": 17, \"name\": \"größer\", \"tags\": [\"a\", \"b\"]},`
	body := strings.Repeat(item, size/len(item)+1)
	headers := `[` + strings.Repeat(`
            {"name": "X-Header-Name", "value": "a value of some length; q=0.9"},`, 11) + `
            {"name": "Content-Type", "value": "application/json"}]`
	entry := fmt.Sprintf(`
      {"startedDateTime": "2026-11-20T23:44:03.131Z", "time": 12.25,
        "request": {"method": "GET", "url": "https://api.example.test/v1/orders?page=2", "httpVersion": "http/2.0",
          "headers": %s, "queryString": [{"name": "page", "value": "2"}], "cookies": [], "headersSize": -1, "bodySize": 0},
        "response": {"status": 200, "statusText": "", "httpVersion": "http/2.0", "headers": %s, "cookies": [],
          "content": {"size": 1024, "mimeType": "application/json", "text": "%s"}, "redirectURL": "", "headersSize": -1, "bodySize": -1},
        "cache": {}, "timings": {"blocked": 1, "dns": -1, "ssl": -1, "connect": -1, "send": 0.1, "wait": 11, "receive": 0.15},
        "serverIPAddress": "127.0.0.1", "_initiator": {"type": "script"}, "_priority": "High", "_resourceType": "fetch"}`, headers, headers, body)
	var b bytes.Buffer
	b.WriteString(`{"log": {"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}, "pages": [], "entries": [`)
	for before := ""; b.Len() < 8<<20; before = "," {
		b.WriteString(before + entry)
	}
	b.WriteString("\n]}}\n")
	return b.Bytes()
}

var benchmarkBodies = []int{1 << 10, 16 << 10, 1 << 20}

func benchmarkReader(b *testing.B, each func(*Reader) error) {
	for _, size := range benchmarkBodies {
		b.Run(fmt.Sprintf("body=%dKiB", size>>10), func(b *testing.B) {
			document := generated(size)
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := NewReader(bytes.NewReader(document))
				for err == nil {
					err = each(r)
				}
				if !errors.Is(err, io.EOF) || len(r.warnings) > 0 {
					b.Fatal(err, r.warnings)
				}
			}
		})
	}
}

// BenchmarkScan splits entries and leaves them as they are.
func BenchmarkScan(b *testing.B) {
	benchmarkReader(b, func(r *Reader) error {
		_, err := nextRaw(r)
		return err
	})
}

func BenchmarkRead(b *testing.B) {
	benchmarkReader(b, func(r *Reader) error {
		_, err := r.Next()
		return err
	})
}
