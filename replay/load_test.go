package replay

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/necto-dev/necto/traffic"
)

// generate writes a recording of n exchanges, a fifth of which repeat a request
// and a tenth of which have a JSON body, and returns its path.
func generate(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.WriteString(strings.Replace(metaLine, "REDACTION", "auto", 1)); err != nil {
		t.Fatal(err)
	}
	answer := strings.Repeat(`{\"id\":12345,\"name\":\"an item of the list\"},`, 16)
	for i := range n {
		method, body := "GET", ""
		if i%10 == 0 {
			method, body = "POST", fmt.Sprintf(`,"body":{"size":25,"text":"{\"item\":%d,\"amount\":3}"}`, i)
		}
		fmt.Fprintf(w, `{"type":"http","seq":%d,"id":%d,"conn":1,"at":"2026-11-20T23:44:03.131877Z","us":%d,"client":"127.0.0.1:50312","server":"203.0.113.7:443",`+
			`"request":{"method":"%s","url":"https://api.example.com/v1/orders/%d?expand=items","proto":"HTTP/1.1","headers":[["Host","api.example.com"],["Content-Type","application/json"],["User-Agent","curl/8.5.0"]]%s},`+
			`"response":{"status":200,"reason":"OK","proto":"HTTP/1.1","headers":[["Content-Type","application/json"],["Content-Length","704"],["Date","Fri, 20 Nov 2026 23:44:03 GMT"]],"body":{"size":704,"text":"%s"}},"timings":{"send":0.1,"wait":3.2,"receive":0.4},"ms":3.7}`+"\n",
			i+2, i+1, i*100, method, i%(n*4/5), body, answer)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestIndexIsSmall(t *testing.T) {
	const n = 50_000
	path := generate(t, n)
	before := liveHeap()
	x := load(t, Options{}, path)
	perExchange := float64(liveHeap()-before) / n
	t.Logf("%.1f bytes of heap for each exchange", perExchange)
	if perExchange > 100 {
		t.Errorf("%.1f bytes of heap for each exchange, want at most 100", perExchange)
	}
	if got := x.Stats().Exchanges; got != n {
		t.Errorf("%d exchanges, want %d", got, n)
	}
	if got := asked(t, x, "https://api.example.com/v1/orders/4711?expand=items"); !strings.HasPrefix(got, `{"id":12345,`) {
		t.Errorf("answer %.40q", got)
	}
}

// liveHeap returns the bytes in use after a collection.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkLoad(b *testing.B) {
	path := generate(b, 50_000)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		x, err := Load([]string{path}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	const n = 50_000
	path := generate(b, n)
	requests := func(from, to int) []*traffic.Request {
		var rs []*traffic.Request
		for i := from; i < to; i++ {
			if i%10 != 0 {
				rs = append(rs, newRequest(b, "GET", fmt.Sprintf("https://api.example.com/v1/orders/%d?expand=items", i),
					fields{{"Host", "api.example.com"}, {"Accept-Encoding", "gzip"}}, ""))
			}
		}
		return rs
	}
	for name, rs := range map[string][]*traffic.Request{
		"cached": requests(10_000, 10_010),
		"disk":   requests(10_000, 40_000), // more than the cache holds
		"miss":   requests(n, n+10),
	} {
		b.Run(name, func(b *testing.B) {
			x := load(b, Options{}, path)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				resp, err := x.RoundTrip(b.Context(), rs[i%len(rs)])
				if err != nil || (resp.Status == 501) != (name == "miss") {
					b.Fatal(resp.Status, err)
				}
			}
		})
	}
}

// FuzzLine loads a recording with any line in it, and asks for what it may have
// recorded.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		`{"type":"http","seq":2,"id":1,"us":131877,"request":{"method":"GET","url":"http://h/","proto":"HTTP/1.1","headers":[["Host","h"]]},"response":{"status":200,"reason":"OK","proto":"HTTP/1.1","headers":[],"body":{"size":2,"text":"ok","chunks":[[1.2,1],[2,1]]}}}`,
		`{"type":"http","seq":2,"id":1,"us":1,"request":{"method":"GET","url":"http://h/"},"response":null}`,
		`{"type":"http","id":1,"request":{"method":"POST","url":"http://h/","headers":[["Content-Type","application/json"]],"body":{"size":2,"text":"{}"}},"response":{"status":200,"body":{"size":9,"text":"x","wire":{"coding":"gzip","size":2}}}}`,
		`{"type":"http","id":1,"request":{"method":"GET","url":"http://h/"},"error":{"side":"client"},"response":{"status":0}}`,
		`{"type":"http.pending","id":1}`,
		`{"type":"http","id":1,"request":[],"response":1}`,
	} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "run.jsonl")
	f.Fuzz(func(t *testing.T, line string) {
		if err := os.WriteFile(path, []byte(strings.Replace(metaLine, "REDACTION", "auto", 1)+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := Load([]string{path}, Options{})
		if err != nil {
			return
		}
		for _, method := range []string{"GET", "POST", "HEAD"} {
			if resp, err := x.RoundTrip(t.Context(), newRequest(t, method, "http://h/", nil, "")); err == nil && resp.Body != nil {
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Logf("body: %v", err)
				}
			}
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}
