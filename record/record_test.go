package record

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("NECTO_TEST_RECORD"); path != "" {
		recordUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

// began is when the exchanges of the tests started.
var began = time.Date(2026, 11, 20, 23, 44, 3, 131877000, time.UTC)

// noTiming is the Timing of an exchange in which no step happened.
var noTiming = traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: -1, Wait: -1, Receive: -1}

// exchange returns a small exchange that completed.
func exchange(id traffic.ExchangeID) *traffic.Exchange {
	return &traffic.Exchange{
		ID: id, Conn: 1, Started: began, Client: "127.0.0.1:50312", Server: "127.0.0.1:9100",
		Request: &traffic.Request{
			Method: "GET", Proto: "HTTP/1.1",
			URL:    traffic.URL{Scheme: "http", Authority: "127.0.0.1:9100", Target: "/logo.png"},
			Header: traffic.Fields{{Name: "Host", Value: "127.0.0.1:9100"}},
		},
		Response: &traffic.Response{
			Status: 200, Reason: "OK", Proto: "HTTP/1.1",
			Header: traffic.Fields{{Name: "Content-Type", Value: "application/json"}},
		},
		Timing:   noTiming,
		Duration: 2600 * time.Microsecond,
	}
}

// recordTo writes events to a new recording at path.
func recordTo(t testing.TB, path string, o Options, events ...traffic.Event) {
	t.Helper()
	w, err := Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		w.Observe(e)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// recorded writes events and returns the path and the lines between meta and
// end.
func recorded(t testing.TB, o Options, events ...traffic.Event) (string, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	recordTo(t, path, o, events...)
	lines := linesOf(t, path)
	return path, lines[1 : len(lines)-1]
}

// linesOf returns the lines of a recording, having checked that they are
// numbered without a gap.
func linesOf(t testing.TB, path string) []string {
	t.Helper()
	f := open(t, path)
	var lines []string
	err := f.Scan(func(l Line) error {
		lines = append(lines, string(l.Raw))
		if head := parseHead(l.Raw); head.seq != uint64(len(lines)) {
			t.Errorf("line %d has seq %d", len(lines), head.seq)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if w := f.Warnings(); w != nil {
		t.Errorf("warnings: %q", w)
	}
	return lines
}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func parse(t testing.TB, line string) *Entry {
	t.Helper()
	e, err := ParseEntry([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// entryOf returns what an exchange must be read back as, bodies aside.
func entryOf(x *traffic.Exchange) *Entry {
	e := &Entry{
		Type: TypeHTTP, ID: uint64(x.ID), Conn: uint64(x.Conn), At: x.Started.UTC().Truncate(time.Microsecond),
		Client: x.Client, Server: x.Server, TLS: x.TLS, Timing: x.Timing, Duration: x.Duration,
		Failure: x.Failure, GRPC: x.GRPC, GRPCEnd: x.GRPCEnd, Rules: x.Rules, Tags: x.Tags,
		Request: EntryRequest{
			Method: x.Request.Method, URL: x.Request.URL.String(), Proto: x.Request.Proto,
			Header: x.Request.Header, Trailer: x.Request.Trailer,
		},
	}
	if x.Response != nil {
		e.Response = responseOf(x.Response)
		for _, r := range x.Informational {
			e.Response.Informational = append(e.Response.Informational, *responseOf(r))
		}
	}
	return e
}

func responseOf(r *traffic.Response) *EntryResponse {
	return &EntryResponse{Status: r.Status, Reason: r.Reason, Proto: r.Proto, Header: r.Header, Trailer: r.Trailer}
}

// sameEntry compares what does not depend on the run.
var sameEntry = cmp.Options{
	cmpopts.IgnoreFields(Entry{}, "Seq", "Offset"),
	cmpopts.IgnoreFields(traffic.Failure{}, "Err"),
	cmpopts.IgnoreUnexported(traffic.Field{}),
	cmpopts.EquateEmpty(),
}

func gzipped(t testing.TB, content string) *traffic.Body {
	t.Helper()
	var wire bytes.Buffer
	e, err := coding.Encode("gzip", &wire)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(e, content)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return traffic.BodyOf(wire.Bytes())
}

// full returns an exchange that has everything one can have.
func full(t testing.TB) *traffic.Exchange {
	x := exchange(7)
	x.TLS = &traffic.TLSInfo{Version: "1.3", ALPN: "http/1.1", Cipher: "TLS_AES_128_GCM_SHA256", SNI: "api.example.com"}
	x.Request.Method = "POST"
	x.Request.URL = traffic.URL{Scheme: "https", Authority: "api.example.com", Target: "/%2f|?a=1;b=2&c=%zz"}
	x.Request.Header = traffic.Fields{
		{Name: "Host", Value: "api.example.com"},
		{Name: "x-odd", Value: "caf\xe9 \"\\\t<&>"},
		{Name: "X-ODD", Value: "café"},
		{Name: "x-Odd", Value: ""},
	}
	x.Request.Trailer = traffic.Fields{{Name: "X-Checksum", Value: "abc"}}
	x.RequestBody = traffic.BodyOf([]byte("\xff\x00raw"))
	x.Response.Reason = "Fine \xfc And Dandy"
	x.Response.Header = traffic.Fields{{Name: "Content-Encoding", Value: "gzip"}}
	x.Response.Trailer = traffic.Fields{{Name: "X-End", Value: "1"}}
	x.ResponseBody = gzipped(t, "{\"error\":\"no such item\"}\n\n")
	x.ResponseBody.Mark(1200*time.Microsecond, 11)
	x.ResponseBody.Mark(time.Second, int(x.ResponseBody.Size())-11)
	x.Informational = []*traffic.Response{{
		Status: 103, Reason: "Early Hints", Proto: "HTTP/1.1", Header: traffic.Fields{{Name: "Link", Value: "</a>"}},
	}}
	x.Timing = traffic.Timing{
		Blocked: 100 * time.Microsecond, DNS: -1, Connect: -1, TLS: -1,
		Send: 0, Wait: 590300 * time.Microsecond, Receive: 400 * time.Microsecond,
	}
	x.Failure = &traffic.Failure{Kind: traffic.FailReset, Side: traffic.SideUpstream, Text: "connection reset"}
	x.GRPC = []traffic.GRPCMessage{
		{Dir: traffic.ClientToServer, At: 1200 * time.Microsecond, Size: 17},
		{Dir: traffic.ServerToClient, At: time.Second, Size: 1 << 32, Compressed: true},
	}
	x.GRPCEnd = 1
	x.Rules, x.Tags = []string{"slow orders"}, []string{"checkout", "second"}
	return x
}

func TestRoundTripOfAnExchange(t *testing.T) {
	x := full(t)
	_, lines := recorded(t, Options{}, traffic.RequestStarted{Exchange: x}, traffic.ExchangeAborted{Exchange: x})
	want := entryOf(x)
	want.Request.Body = &EntryBody{Size: 5, Inline: []byte("\xff\x00raw")}
	want.Response.Body = &EntryBody{
		Size: 26, Inline: []byte("{\"error\":\"no such item\"}\n\n"), Coding: "gzip",
		WireSize: x.ResponseBody.Size(), Chunks: x.ResponseBody.Chunks(),
	}
	if diff := cmp.Diff(want, parse(t, lines[0]), sameEntry); diff != "" {
		t.Error(diff)
	}
}

func TestRoundTripOfTheLeastThereCanBe(t *testing.T) {
	x := &traffic.Exchange{ID: 1, Conn: 1, Started: began, Request: &traffic.Request{}, Timing: noTiming}
	_, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
	want := entryOf(x)
	if diff := cmp.Diff(want, parse(t, lines[0]), sameEntry); diff != "" {
		t.Error(diff)
	}
}

func TestLinesWithoutAnExchange(t *testing.T) {
	start := time.Now()
	const ja3, ja4 = "773906b0efdefa24a7f2b8eb6985bf37", "t13d1517h2_8daaf6152771_cb7bf5808d99"
	failed := traffic.TLSFailed{
		Conn: 6, Client: "127.0.0.1:50340", Time: start, Failure: "cert-rejected",
		SNI: "pinned.example.com", ALPN: []string{"h2", "http/1.1"}, JA3: ja3, JA4: ja4,
		Target: "203.0.113.7:443", Tags: []string{"checkout"},
	}
	tunnel := traffic.Tunnel{
		Conn: 8, Client: "127.0.0.1:50350", Started: start,
		Target: "www.bank.example:443", SNI: "www.bank.example", BytesUp: 1822, BytesDown: 48210,
		Duration: 350200 * time.Microsecond,
	}
	broken := traffic.Tunnel{
		Conn: 9, Client: "127.0.0.1:50360", Started: start, Target: "a.example:443", SNI: "b.example",
		Offered: []string{"h2"}, JA3: ja3, JA4: ja4, Tags: []string{"checkout"}, Duration: time.Millisecond,
		Failure: &traffic.Failure{Kind: traffic.FailConnect, Side: traffic.SideUpstream, Text: "connect to a.example:443: connection refused"},
	}
	_, lines := recorded(t, Options{},
		failed,
		traffic.TLSFailed{Conn: 7, Client: "127.0.0.1:50341", Time: start, Failure: "closed", Text: "not kept"},
		traffic.TunnelClosed{Tunnel: &tunnel},
		traffic.TunnelClosed{Tunnel: &broken},
		traffic.ClientError{}, traffic.CertIssued{}, traffic.TunnelOpened{}, traffic.Informational{}, traffic.BodyChunk{},
	)
	want := []string{
		`{"type":"tls","seq":2,"conn":6,WHEN,"client":"127.0.0.1:50340","failure":"cert-rejected",` +
			`"sni":"pinned.example.com","alpn":["h2","http/1.1"],"ja3":"` + ja3 + `","ja4":"` + ja4 + `",` +
			`"target":"203.0.113.7:443","tags":["checkout"]}`,
		`{"type":"tls","seq":3,"conn":7,WHEN,"client":"127.0.0.1:50341","failure":"closed"}`,
		`{"type":"tunnel","seq":4,"conn":8,WHEN,"client":"127.0.0.1:50350","target":"www.bank.example:443",` +
			`"sni":"www.bank.example","bytesUp":1822,"bytesDown":48210,"ms":350.2}`,
		`{"type":"tunnel","seq":5,"conn":9,WHEN,"client":"127.0.0.1:50360","target":"a.example:443",` +
			`"sni":"b.example","alpn":["h2"],"ja3":"` + ja3 + `","ja4":"` + ja4 + `","bytesUp":0,"bytesDown":0,` +
			`"error":{"kind":"connect","side":"upstream","text":"connect to a.example:443: connection refused"},"ms":1.0,"tags":["checkout"]}`,
	}
	same := cmp.Options{sameEntry, cmpopts.EquateApproxTime(time.Microsecond)}
	if got, err := ParseTLSFailed([]byte(lines[0])); err != nil || cmp.Diff(failed, got, same) != "" {
		t.Errorf("%v, (-want +got):\n%s", err, cmp.Diff(failed, got, same))
	}
	for i, want := range []traffic.Tunnel{tunnel, broken} {
		got, err := ParseTunnel([]byte(lines[2+i]))
		if diff := cmp.Diff(&want, got, same); err != nil || diff != "" {
			t.Errorf("%v, (-want +got):\n%s", err, diff)
		}
	}
	for i := range lines {
		lines[i] = hideTime(lines[i])
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// TestBrokenLinesWithoutAnExchange keeps what can be read.
func TestBrokenLinesWithoutAnExchange(t *testing.T) {
	for _, at := range []string{``, `,"at":"yesterday"`} {
		if got, err := ParseTLSFailed([]byte(`{"type":"tls","sni":"a"` + at + `}`)); err == nil || got.SNI != "a" {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := ParseTunnel([]byte(`{"type":"tunnel","target":"a:1"` + at + `}`)); err == nil || got.Target != "a:1" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := ParseTunnel([]byte(`{"type":"tunnel"`)); err == nil {
		t.Error("half a line was read")
	}
}

// hideTime replaces at and us, which differ from run to run.
func hideTime(line string) string {
	at, us := strings.Index(line, `"at":`), strings.Index(line, `"us":`)
	end := us + len(`"us":`)
	for line[end] >= '0' && line[end] <= '9' {
		end++
	}
	return line[:at] + "WHEN" + line[end:]
}

func TestBeginningAndEnd(t *testing.T) {
	before := time.Now().Truncate(time.Microsecond)
	path := filepath.Join(t.TempDir(), "run.jsonl")
	x := exchange(1)
	recordTo(t, path, Options{ToolVersion: "0.1.0", Mode: "forward", Listen: "127.0.0.1:8888"},
		traffic.ExchangeDone{Exchange: x})
	meta := open(t, path).Meta()
	if len(meta.Session) != 26 || meta.At.Before(before) || meta.At.After(time.Now()) {
		t.Errorf("session %q, at %v", meta.Session, meta.At)
	}
	want := Meta{
		Version: 1, Session: meta.Session, At: meta.At, Tool: "necto", ToolVersion: "0.1.0",
		Mode: "forward", Listen: "127.0.0.1:8888", Redaction: "auto",
	}
	if diff := cmp.Diff(want, meta); diff != "" {
		t.Error(diff)
	}
	lines := linesOf(t, path)
	end := hideTime(lines[len(lines)-1])
	if want := `{"type":"end","seq":3,WHEN,"exchanges":1,"websockets":0,"frames":0,"dropped":0}`; end != want {
		t.Errorf("last line is %s", end)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
}

// The example spells every line; what a Writer makes of the same values must be
// the same text.
func TestSpellingOfTheExample(t *testing.T) {
	content, err := os.ReadFile("testdata/recordings/example.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for line := range strings.SplitSeq(strings.TrimSpace(string(content)), "\n") {
		head := parseHead([]byte(line))
		if head.lineType != TypeHTTP || strings.Contains(line, `"file"`) {
			continue
		}
		e := parse(t, line)
		x := exchangeOf(t, e)
		enc := newEncoder("", Options{Redaction: "auto"})
		enc.start = e.At.Add(-e.Offset)
		enc.seq = e.Seq - 1
		got, err := enc.appendExchange(nil, x)
		if err != nil {
			t.Fatal(err)
		}
		want := line // but for the size of gzip, which is gzip's affair
		if e.Response != nil && e.Response.Body != nil && e.Response.Body.Coding != "" {
			want = strings.Replace(want, `"size":46`, fmt.Sprintf(`"size":%d`, x.ResponseBody.Size()), 1)
		}
		if diff := cmp.Diff(want+"\n", string(got)); diff != "" {
			t.Error(diff)
		}
		tested++
	}
	if tested != 3 {
		t.Errorf("%d lines tested", tested)
	}
}

// exchangeOf is the inverse of a recording, for lines with inline bodies.
func exchangeOf(t testing.TB, e *Entry) *traffic.Exchange {
	u, err := traffic.ParseURL(e.Request.URL)
	if err != nil {
		t.Fatal(err)
	}
	x := &traffic.Exchange{
		ID: traffic.ExchangeID(e.ID), Conn: traffic.ConnID(e.Conn), Started: e.At, Client: e.Client, Server: e.Server,
		TLS: e.TLS, Timing: e.Timing, Duration: e.Duration, Failure: e.Failure, Rules: e.Rules, Tags: e.Tags,
		Request: &traffic.Request{
			Method: e.Request.Method, URL: u, Proto: e.Request.Proto,
			Header: e.Request.Header, Trailer: e.Request.Trailer,
		},
	}
	if b := e.Request.Body; b != nil {
		x.RequestBody = traffic.BodyOf(b.Inline)
	}
	if r := e.Response; r != nil {
		x.Response = &traffic.Response{Status: r.Status, Reason: r.Reason, Proto: r.Proto, Header: r.Header, Trailer: r.Trailer}
		if b := r.Body; b != nil {
			x.ResponseBody = traffic.BodyOf(b.Inline)
			if b.Coding != "" {
				x.ResponseBody = gzipped(t, string(b.Inline))
			}
			for _, c := range b.Chunks {
				x.ResponseBody.Mark(c.At, int(c.Size))
			}
		}
	}
	return x
}
