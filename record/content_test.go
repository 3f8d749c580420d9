package record

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// responseWith returns an exchange whose response has a body and a header.
func responseWith(body *traffic.Body, header ...traffic.Field) *traffic.Exchange {
	x := exchange(1)
	x.Response.Header = header
	x.ResponseBody = body
	return x
}

func coded(name string) traffic.Field {
	return traffic.Field{Name: "Content-Encoding", Value: name}
}

// captured returns a body of which at most limit bytes were kept.
func captured(content string, limit int64) *traffic.Body {
	b := traffic.NewBody(limit)
	b.Append([]byte(content))
	return b
}

func TestBodies(t *testing.T) {
	gz := gzipped(t, "hello")
	gzBytes, _ := gz.Bytes()
	var twice bytes.Buffer
	enc, err := coding.Encode("br", &twice)
	if err != nil {
		t.Fatal(err)
	}
	enc.Write(gzBytes)
	enc.Close()
	for name, c := range map[string]struct {
		body   *traffic.Body
		header []traffic.Field
		want   *EntryBody
	}{
		"no content":    {body: traffic.BodyOf(nil)},
		"text":          {body: traffic.BodyOf([]byte("é\u2028\x7f\x00")), want: &EntryBody{Size: 7, Inline: []byte("é\u2028\x7f\x00")}},
		"binary":        {body: traffic.BodyOf([]byte{0xff, 0}), want: &EntryBody{Size: 2, Inline: []byte{0xff, 0}}},
		"half a rune":   {body: traffic.BodyOf([]byte("\xc3")), want: &EntryBody{Size: 1, Inline: []byte("\xc3")}},
		"a surrogate":   {body: traffic.BodyOf([]byte("\xed\xa0\x80")), want: &EntryBody{Size: 3, Inline: []byte("\xed\xa0\x80")}},
		"gzip":          {body: gz, header: []traffic.Field{coded("GZIP")}, want: &EntryBody{Size: 5, Inline: []byte("hello"), Coding: "gzip", WireSize: gz.Size()}},
		"two codings":   {body: traffic.BodyOf(twice.Bytes()), header: []traffic.Field{coded("gzip"), coded("br")}, want: &EntryBody{Size: 5, Inline: []byte("hello"), Coding: "gzip, br", WireSize: int64(twice.Len())}},
		"identity":      {body: traffic.BodyOf([]byte("x")), header: []traffic.Field{coded("identity")}, want: &EntryBody{Size: 1, Inline: []byte("x")}},
		"a lie":         {body: traffic.BodyOf([]byte("plain")), header: []traffic.Field{coded("gzip")}, want: &EntryBody{Size: 5, Inline: []byte("plain")}},
		"unknown":       {body: traffic.BodyOf([]byte("???")), header: []traffic.Field{coded("compress")}, want: &EntryBody{Size: 3, Inline: []byte("???")}},
		"four codings":  {body: traffic.BodyOf([]byte("???")), header: []traffic.Field{coded("br,br,br,br")}, want: &EntryBody{Size: 3, Inline: []byte("???")}},
		"cut gzip":      {body: traffic.BodyOf(gzBytes[:12]), header: []traffic.Field{coded("gzip")}, want: &EntryBody{Size: 12, Inline: gzBytes[:12]}},
		"limited":       {body: captured("0123456789", 4), want: &EntryBody{Size: 10, Inline: []byte("0123"), Truncated: true}},
		"limited gzip":  {body: captured(string(gzBytes), 12), header: []traffic.Field{coded("gzip")}, want: &EntryBody{Size: gz.Size(), Inline: []byte{}, Coding: "gzip", WireSize: gz.Size(), Truncated: true}},
		"nothing kept":  {body: captured("0123456789", 0), want: &EntryBody{Size: 10, Inline: []byte{}, Truncated: true}},
		"at the border": {body: traffic.BodyOf([]byte(strings.Repeat("x", 1000))), want: &EntryBody{Size: 1000, Inline: []byte(strings.Repeat("x", 1000))}},
	} {
		t.Run(name, func(t *testing.T) {
			_, lines := recorded(t, Options{InlineMax: 1000}, traffic.ExchangeDone{Exchange: responseWith(c.body, c.header...)})
			if diff := cmp.Diff(c.want, parse(t, lines[0]).Response.Body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCutContentIsRedacted looks for secrets in what is left of coded content of
// which only the beginning was captured.
func TestCutContentIsRedacted(t *testing.T) {
	noise := make([]byte, 2000)
	rand.Read(noise)
	gz, _ := gzipped(t, `{"access_token":"s3cr3t","noise":"`+hex.EncodeToString(noise)+`"}`).Bytes()
	body := captured(string(gz), int64(len(gz)/2))
	_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: responseWith(body, coded("gzip"))})
	got := parse(t, lines[0]).Response.Body
	if !got.Truncated || got.Coding != "gzip" || got.Size != int64(len(gz)) || !strings.HasPrefix(string(got.Inline), `{"access_token":"{{redacted:`) {
		t.Errorf("recorded %+v", got)
	}
}

func TestLongBodiesLieBesides(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 50_000) // 800 KB: the body is in a file, too
	gz := gzipped(t, text)
	plain := captured(text, -1)
	short := captured(text, 300_000)
	path, lines := recorded(t, Options{},
		traffic.ExchangeDone{Exchange: responseWith(plain)},
		traffic.ExchangeDone{Exchange: responseWith(gz, coded("gzip"))},
		traffic.ExchangeDone{Exchange: responseWith(short)},
	)
	plain.Release()
	short.Release()
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:])
	for i, want := range []*EntryBody{
		{Size: 800_000, File: hash},
		{Size: 800_000, File: hash, Coding: "gzip", WireSize: gz.Size()},
	} {
		got := parse(t, lines[i]).Response.Body
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if bodyText(t, path, got) != text {
			t.Error("content differs")
		}
	}
	if got := parse(t, lines[2]).Response.Body; bodyText(t, path, got) != text[:300_000] || got.Size != 800_000 || !got.Truncated {
		t.Errorf("cut body: %+v", got)
	}
	entries, err := os.ReadDir(bodiesDir(path))
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files, error %v", len(entries), err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, error %v", info.Mode(), err)
		}
	}
	if info, err := os.Stat(bodiesDir(path)); err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o700 {
		t.Errorf("folder mode %v, error %v", info.Mode(), err)
	}
}

func TestDecompressionBomb(t *testing.T) {
	var wire bytes.Buffer
	enc, err := coding.Encode("gzip", &wire)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 17 { // a little more than what is allowed
		enc.Write(zeros)
	}
	enc.Close()
	path, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: responseWith(traffic.BodyOf(wire.Bytes()), coded("gzip"))})
	want := &EntryBody{Size: int64(wire.Len()), Inline: wire.Bytes()}
	if diff := cmp.Diff(want, parse(t, lines[0]).Response.Body); diff != "" {
		t.Error(diff)
	}
	if left, _ := filepath.Glob(filepath.Join(bodiesDir(path), "*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
	if left, _ := filepath.Glob(filepath.Join(bodiesDir(path), temporary+"*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestLongURLAndManyFields(t *testing.T) {
	x := exchange(1)
	x.Request.URL.Target = "/" + strings.Repeat("a%2F\xff", 16<<10)
	for range 300 {
		x.Request.Header = append(x.Request.Header, traffic.Field{Name: "X", Value: strings.Repeat("é\"", 50)})
	}
	_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
	if diff := cmp.Diff(entryOf(x), parse(t, lines[0]), sameEntry); diff != "" {
		t.Error(diff)
	}
}

func TestStandardOutputHasAllInline(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	read := make(chan string)
	go func() {
		content, _ := io.ReadAll(r)
		read <- string(content)
	}()
	text := strings.Repeat("x", 100_000)
	rec, err := Create("-", Options{InlineMax: 10})
	if err != nil {
		t.Fatal(err)
	}
	rec.Observe(traffic.ExchangeDone{Exchange: responseWith(traffic.BodyOf([]byte(text)))})
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil { // it was left open
		t.Fatal(err)
	}
	lines := strings.Split(<-read, "\n")
	if len(lines) != 4 || string(parse(t, lines[1]).Response.Body.Inline) != text {
		t.Errorf("%d lines", len(lines))
	}
}

func TestTimesAreSpelledAlike(t *testing.T) {
	var s stamper
	zone := time.FixedZone("", 3600)
	for in, want := range map[time.Time]string{
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC):           "2026-01-02T03:04:05.000000Z",
		time.Date(2026, 1, 2, 3, 4, 5, 999_999_999, zone):     "2026-01-02T02:04:05.999999Z",
		time.Date(2026, 1, 2, 3, 4, 5, 10_000, time.UTC):      "2026-01-02T03:04:05.000010Z",
		time.Date(1969, 12, 31, 23, 59, 59, 1_000, time.UTC):  "1969-12-31T23:59:59.000001Z",
		time.Date(2026, 1, 2, 3, 4, 5, 123_456_000, time.UTC): "2026-01-02T03:04:05.123456Z",
	} {
		if got := string(s.append(nil, in)); got != want {
			t.Errorf("%v is spelled %s", in, got)
		}
	}
	for in, want := range map[time.Duration]string{
		0: "0.0", 49_999: "0.0", 50_000: "0.1", 99_950_000: "100.0", time.Hour: "3600000.0", -5: "0.0",
	} {
		if got := string(jsonenc.AppendMillis(nil, in)); got != want {
			t.Errorf("%v is spelled %s", in, got)
		}
	}
}

// typical returns an exchange with 1 KiB of JSON, eight fields each way and
// what is usually secret.
func typical(t testing.TB) *traffic.Exchange {
	t.Helper()
	x := exchange(1)
	x.Request.URL.Target = "/v1/orders?expand=items&page=3"
	x.Request.Header = traffic.Fields{
		{Name: "Host", Value: "127.0.0.1:9100"},
		{Name: "User-Agent", Value: "client/1.0 (like others)"},
		{Name: "Accept", Value: "application/json"},
		{Name: "Accept-Encoding", Value: "gzip, deflate, br"},
		{Name: "Connection", Value: "keep-alive"},
		{Name: "Authorization", Value: "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"},
		{Name: "Cookie", Value: "session=abc; theme=dark"},
		{Name: "X-Request-Id", Value: "7f3c"},
	}
	x.Response.Header = traffic.Fields{
		{Name: "Content-Type", Value: "application/json; charset=utf-8"},
		{Name: "Content-Length", Value: "1024"},
		{Name: "Date", Value: "Fri, 20 Nov 2026 23:44:03 GMT"},
		{Name: "Server", Value: "origin"},
		{Name: "Cache-Control", Value: "no-store"},
		{Name: "ETag", Value: `"5f70bf18"`},
		{Name: "Vary", Value: "Accept-Encoding"},
		{Name: "X-Request-Id", Value: "7f3c"},
	}
	x.ResponseBody = traffic.BodyOf([]byte(jsonOf(1 << 10)))
	x.Timing = traffic.Timing{Blocked: 0, DNS: -1, Connect: -1, TLS: -1, Send: 0, Wait: time.Millisecond, Receive: 0}
	return x
}

// jsonOf returns about n bytes of JSON without a secret.
func jsonOf(n int) string {
	var b strings.Builder
	b.WriteString("[")
	for b.Len() < n {
		b.WriteString(`{"id":17,"name":"A name","url":"https://example.com/17","created_at":"2026-11-20T23:44:03Z"},`)
	}
	return b.String()[:n-1] + "]"
}

func BenchmarkEncode(b *testing.B) {
	x := typical(b)
	for _, redaction := range []string{"auto", "off"} {
		b.Run("redact "+redaction, func(b *testing.B) {
			enc := newEncoder("", Options{Redaction: redaction})
			var line []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if line, err = enc.appendExchange(line[:0], x); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(line)))
		})
	}
}

func BenchmarkObserve(b *testing.B) {
	x := typical(b)
	w, err := Create(filepath.Join(b.TempDir(), "run.jsonl"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.Observe(traffic.RequestStarted{Exchange: x})
		w.Observe(traffic.ExchangeDone{Exchange: x})
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
