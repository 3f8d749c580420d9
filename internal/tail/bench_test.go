package tail

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// bigRecording returns a recording of about so many bytes: exchanges with 2 KiB of
// JSON, and a frame for every second of them. One of 500 exchanges failed.
func bigRecording(size int) []byte {
	var b bytes.Buffer
	b.WriteString(metaLine)
	b.WriteString(opened(1_000_000, "wss://chat.example.com/socket"))
	body := strings.Repeat(`{\"id\":17,\"name\":\"somebody\",\"mail\":\"somebody@example.com\"},`, 32)
	for i := 1; b.Len() < size; i++ {
		status := 200
		if i%500 == 0 {
			status = 500
		}
		fmt.Fprintf(&b, `{"type":"http","seq":%d,"id":%d,"conn":1,%s,"client":"127.0.0.1:50312","server":"203.0.113.7:443",`+
			`"request":{"method":"GET","url":"https://api%d.example.com/v1/users/%d?expand=items","proto":"HTTP/1.1","headers":[["Host","api.example.com"],["Accept","application/json"]]},`+
			`"response":{"status":%d,"reason":"OK","proto":"HTTP/1.1","headers":[["Content-Type","application/json"],["Content-Length","2048"]],"body":{"size":2048,"text":"[%s]"}},`+
			`"timings":{"send":0.1,"wait":1.1,"receive":0.1},"ms":1.3}`+"\n", i, i, at(i%1000), i%10, i, status, body)
		if i%2 == 0 {
			b.WriteString(framed(1_000_000, i%1000, `"dir":"client-to-server","opcode":1,"fin":true,"length":40,"text":"{\"type\":\"message\",\"text\":\"hello world\"}"`))
		}
	}
	return b.Bytes()
}

// BenchmarkRun goes through a recording; the filters match little or nothing.
func BenchmarkRun(b *testing.B) {
	recording := bigRecording(32 << 20)
	for name, o := range map[string]Options{
		"json":       {JSON: true},
		"last":       {Last: new(20)},
		"failed":     filtered(b, "status:5xx or error"),
		"host":       filtered(b, "host:nowhere"),
		"frame text": filtered(b, "ws and text:zebra"),
		"body":       filtered(b, "body:zebra"),
		"everything": {},
		"stats":      {Stats: true},
		"slow":       filtered(b, "dur>100s"),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(recording)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Run(b.Context(), io.Discard, []Source{NewStream("big", bytes.NewReader(recording))}, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
