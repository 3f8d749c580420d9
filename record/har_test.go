package record

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// manyKinds are events of which a recording has lines of all types.
func manyKinds(t testing.TB) []traffic.Event {
	t.Helper()
	failed := exchange(3)
	failed.Response, failed.Failure = nil, &traffic.Failure{Kind: traffic.FailDNS, Side: traffic.SideUpstream, Text: "no such host"}
	long := exchange(4)
	long.ResponseBody = traffic.BodyOf(bytes.Repeat([]byte("long "), 20_000))
	long.RequestBody = traffic.BodyOf(bytes.Repeat([]byte{0xff, 0}, 50_000))
	empty := exchange(5)
	empty.Response.Status, empty.Response.Header = 204, nil
	cut := exchange(6)
	cut.ResponseBody = traffic.NewBody(3)
	cut.ResponseBody.Append([]byte("cut off"))
	changed := exchange(2)
	changed.Response.Source = traffic.SourceRule
	sent, received := *changed.Request, *changed.Response
	sent.Method, received.Status, received.Source = "PUT", 500, ""
	changed.Sent, changed.SentBody = &sent, traffic.BodyOf(bytes.Repeat([]byte("sent "), 20_000))
	changed.Received, changed.ReceivedBody = &received, traffic.BodyOf([]byte("received"))
	socket := handshake(8)
	edited := frame(socket, 2, traffic.ServerToClient, traffic.OpText, `{"a":1}`)
	edited.Edited, edited.Original, edited.Rules = true, bytes.Repeat([]byte(`{"a":2}`), 20_000), []string{"one"}
	part := frame(socket, 3, traffic.ServerToClient, traffic.OpBinary, "\xff\x00")
	part.Fin, part.RSV, part.Inflated, part.Length = false, 4, true, 9
	open := handshake(9)
	return []traffic.Event{
		traffic.TLSFailed{Conn: 9, Client: "127.0.0.1:1", Time: began, SNI: "x", Failure: "closed", Text: "closed"},
		traffic.ExchangeDone{Exchange: full(t)},
		traffic.ExchangeDone{Exchange: changed},
		traffic.ExchangeAborted{Exchange: failed},
		traffic.ExchangeDone{Exchange: long},
		traffic.ExchangeDone{Exchange: empty},
		traffic.ExchangeDone{Exchange: cut},
		traffic.TunnelClosed{Tunnel: &traffic.Tunnel{Conn: 3, Client: "127.0.0.1:1", Target: "x:1", Started: began, BytesUp: 1}},
		traffic.WSOpened{Exchange: socket},
		traffic.FrameSeen{Frame: frame(socket, 1, traffic.ClientToServer, traffic.OpText, "hello")},
		traffic.FrameSeen{Frame: edited},
		traffic.FrameSeen{Frame: part},
		traffic.FrameSeen{Frame: frame(socket, 4, traffic.ServerToClient, traffic.OpPing, "")},
		traffic.WSClosed{Exchange: socket, Close: &traffic.WSClose{Code: 1006, By: traffic.SideUpstream, Cause: "eof", Frames: [2]uint64{1, 3}, Duration: time.Second}},
		traffic.WSOpened{Exchange: open},
		traffic.FrameSeen{Frame: frame(open, 1, traffic.ClientToServer, traffic.OpText, strings.Repeat("x", 100_000))},
		traffic.RequestStarted{Exchange: exchange(10)}, // and never ends
	}
}

// bySeq returns the lines of a recording in the order of their numbers, without the
// two that its own tool makes.
func bySeq(t testing.TB, path string) []string {
	t.Helper()
	f := open(t, path)
	var lines []string
	if err := f.Scan(func(l Line) error {
		lines = append(lines, string(l.Raw))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if w := f.Warnings(); len(w) > 0 {
		t.Error(w)
	}
	slices.SortFunc(lines, func(a, b string) int {
		return int(parseHead([]byte(a)).seq) - int(parseHead([]byte(b)).seq)
	})
	return lines
}

func TestHARLosesNothing(t *testing.T) {
	path, _ := recorded(t, Options{Redaction: "off"}, manyKinds(t)...)
	asHAR := filepath.Join(t.TempDir(), "run.har")
	f := open(t, path)
	w, err := NewHARWriter(asHAR, HAROptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Add(f), w.Close()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bySeq(t, path), bySeq(t, asHAR)); diff != "" {
		t.Error(diff)
	}
	again := open(t, asHAR)
	var content string
	if err := again.Scan(func(l Line) error {
		if e, err := ParseEntry(l.Raw); err == nil && e.ID == 4 {
			content = bodyText(t, asHAR, e.Response.Body)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if content != strings.Repeat("long ", 20_000) {
		t.Errorf("content of %d bytes", len(content))
	}
}

func TestRecordToHAR(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.har")
	recordTo(t, path, Options{Redaction: "off"}, manyKinds(t)...)
	jsonl, _ := recorded(t, Options{Redaction: "off"}, manyKinds(t)...)
	want, got := bySeq(t, jsonl), bySeq(t, path)
	if len(want) != len(got) {
		t.Fatalf("%d lines in the HAR, %d in the recording", len(got), len(want))
	}
	for i := range want {
		if a, b := parseHead([]byte(want[i])), parseHead([]byte(got[i])); a != b {
			t.Errorf("line %d is %+v, want %+v", i, b, a)
		}
	}
	if err := os.WriteFile(path+"2.har", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path+"2.har", Options{}); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	if _, err := Create(path, Options{Append: true}); err == nil || !strings.Contains(err.Error(), "cannot be continued") {
		t.Error(err)
	}
}

// foreign is a HAR as other tools write it.
const foreign = `{"log":{"version":"1.2","creator":{"name":"WebInspector","version":"537.36"},"pages":[],"entries":[
{"startedDateTime":"2026-01-02T03:04:05.678Z","time":12.5,"connection":"443","serverIPAddress":"[::1]",
 "request":{"method":"POST","url":"https://a.example/x?a=1","httpVersion":"h2","headers":[{"name":":method","value":"POST"},{"name":"content-type","value":"text/plain"}],"cookies":[],"queryString":[],"headersSize":-1,"bodySize":2,"postData":{"mimeType":"text/plain","text":"hi"}},
 "response":{"status":200,"statusText":"","httpVersion":"h2","headers":[{"name":"content-encoding","value":"br"}],"cookies":[],"content":{"size":5,"mimeType":"text/plain","text":"hello"},"redirectURL":"","headersSize":-1,"bodySize":-1},
 "cache":{},"timings":{"blocked":1,"dns":-1,"connect":5,"ssl":3,"send":0.5,"wait":5,"receive":1}},
{"startedDateTime":"2026-01-02T03:04:06.000Z","time":0,"request":{"method":"GET","url":"wss://a.example/ws","httpVersion":"HTTP/1.1","headers":[],"cookies":[],"queryString":[],"headersSize":-1,"bodySize":0},
 "response":{"status":101,"statusText":"","httpVersion":"HTTP/1.1","headers":[],"cookies":[],"content":{"size":0,"mimeType":"x-unknown"},"redirectURL":"","headersSize":-1,"bodySize":0},
 "cache":{},"timings":{"send":0,"wait":0,"receive":0},
 "_webSocketMessages":[{"type":"send","time":1767323046.5,"opcode":1,"data":"ping"},{"type":"receive","time":1767323046.6,"opcode":2,"data":"/w=="}]},
{"startedDateTime":"2026-01-02T03:04:07.000Z","time":0,"request":{"method":"GET","url":"http://a.example/gone","httpVersion":"","headers":[],"cookies":[],"queryString":[],"headersSize":-1,"bodySize":0},
 "response":{"status":0,"statusText":"","httpVersion":"","headers":[],"cookies":[],"content":{"size":0,"mimeType":"x-unknown"},"redirectURL":"","headersSize":-1,"bodySize":-1,"_error":"net::ERR_FAILED"},
 "cache":{},"timings":{"send":0,"wait":0,"receive":0}}]}}`

func TestOpenForeignHAR(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chrome.har.gz")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(foreign)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), os.WriteFile(path, packed.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	if m := f.Meta(); m.Mode != "har" || m.Redaction != "off" || m.ToolVersion != "WebInspector 537.36" {
		t.Errorf("meta %+v", m)
	}
	var got []string
	tell := func(l Line) error {
		switch l.Type {
		case TypeWSFrame:
			frame := parseFrame(t, string(l.Raw))
			got = append(got, fmt.Sprintf("%d frame %d %s %d %q", frame.Seq, frame.N, frame.Dir, frame.Opcode, frame.Body.Inline))
		case TypeHTTP, TypeWSOpen:
			e, err := ParseEntry(l.Raw)
			if err != nil {
				return err
			}
			got = append(got, fmt.Sprintf("%d %s %d %s %s %v", e.Seq, e.Type, e.ID, e.Request.URL, e.Server, e.Failure))
		}
		return nil
	}
	if err := f.Scan(tell); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2 http 1 https://a.example/x?a=1 [::1]:443 <nil>",
		"3 ws.open 2 wss://a.example/ws  <nil>",
		`4 frame 1 client-to-server 1 "ping"`,
		`5 frame 2 server-to-client 2 "\xff"`,
		"6 http 3 http://a.example/gone  net::ERR_FAILED",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = nil
	if err := ScanStream("pipe", strings.NewReader(foreign), func(w string) { t.Error(w) }, tell); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("from a pipe:", diff)
	}
	got = nil
	once, err := OpenHAR(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(once.Scan(tell), once.Close()); err != nil || len(once.Warnings()) > 0 {
		t.Fatal(err, once.Warnings())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("from the file:", diff)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.private); !errors.Is(err, os.ErrNotExist) {
		t.Error("the temporary folder is still there")
	}
}

func TestForeignHARKeepsCoding(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chrome.har")
	if err := os.WriteFile(path, []byte(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	err := f.Scan(func(l Line) error {
		if l.ID != 1 {
			return nil
		}
		e, err := ParseEntry(l.Raw)
		if err != nil {
			return err
		}
		if b := e.Response.Body; b.Coding != "br" || string(b.Inline) != "hello" {
			t.Errorf("body %+v", b)
		}
		if e.Timing.Connect != 2*time.Millisecond || e.Timing.TLS != 3*time.Millisecond || e.Timing.DNS != -1 {
			t.Errorf("timing %+v", e.Timing)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenWhatIsNoHAR(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.gz")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("nothing of the kind"))
	if err := errors.Join(z.Close(), os.WriteFile(path, packed.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrNotRecording) {
		t.Error(err)
	}
}

// TestRandomEntriesThroughHAR is the property that TestHARLosesNothing shows for
// chosen entries.
func TestRandomEntriesThroughHAR(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		words := []string{"", "a", "Ärger", "\xff\xfe", "x y", `"\`, "a\u2028b", "text/plain", "gzip", "application/json", strings.Repeat("z", 300)}
		return words[rng.IntN(len(words))]
	}
	fields := func() (fs traffic.Fields) {
		for range rng.IntN(4) {
			fs = append(fs, traffic.Field{Name: []string{"A", "b", "Content-Type", "Content-Encoding", "Cookie"}[rng.IntN(5)], Value: word()})
		}
		return fs
	}
	body := func() *EntryBody {
		if rng.IntN(3) == 0 {
			return nil
		}
		b := &EntryBody{Inline: []byte(word())}
		b.Size = int64(len(b.Inline))
		if rng.IntN(3) == 0 {
			b.Coding, b.WireSize = "gzip", 7
		}
		if rng.IntN(4) == 0 {
			b.Truncated = true
			b.Size += 5
		}
		return b
	}
	var lines []string
	for id := uint64(1); id <= 500; id++ {
		e := newEntry()
		e.Type, e.Seq, e.ID, e.Conn, e.At, e.Offset = TypeHTTP, id+1, id, id%3, began.Add(time.Duration(id)*time.Millisecond), time.Duration(id)*time.Millisecond
		e.Client, e.Server = "127.0.0.1:5", []string{"", "127.0.0.1:80", "host:80", "[::1]:443"}[rng.IntN(4)]
		e.Request = EntryRequest{Method: "GET", URL: "http://h/" + word(), Proto: "HTTP/1.1", Header: fields(), Body: body()}
		if rng.IntN(5) > 0 {
			e.Response = &EntryResponse{Status: 200 + rng.IntN(300), Reason: word(), Proto: "HTTP/1.0", Header: fields(), Body: body(), Trailer: fields()}
		}
		if rng.IntN(3) == 0 {
			e.Timing.Wait, e.Timing.TLS = 1500*time.Microsecond, 200*time.Microsecond
			e.Failure = &traffic.Failure{Kind: "eof", Side: "client", Text: "x"}
			e.Rules = []string{word()}
			e.GRPCEnd = rng.IntN(3) - 1
			e.GRPC = []traffic.GRPCMessage{{Dir: traffic.ServerToClient, At: 100 * time.Microsecond, Size: rng.Int64N(99)}}
		}
		e.Duration = time.Duration(rng.IntN(1000)) * 100 * time.Microsecond
		lines = append(lines, strings.TrimSuffix(string(AppendEntry(nil, e)), "\n"))
	}
	meta := strings.TrimSuffix(string((&encoder{start: began}).appendMeta(nil, "s", Options{})), "\n")
	path := filepath.Join(t.TempDir(), "run.har")
	w, err := NewHARWriter(path, HAROptions{})
	if err != nil {
		t.Fatal(err)
	}
	lines = append(lines,
		`{"type":"http.pending","seq":502,"id":501,"conn":1,"at":"2026-11-20T23:44:04.000000Z","us":900000,"request":{"method":"GET","url":"http://h/","proto":"HTTP/1.1","headers":[]}}`,
		strings.Replace(lines[0], `"seq":2,"id":1,`, `"seq":503,"id":501,`, 1),
		`{"type":"ws.frame","seq":504,"id":999,"n":1,"at":"2026-11-20T23:44:04.000000Z","us":900000,"dir":"client-to-server","opcode":1,"fin":true,"length":1,"text":"x"}`)
	for _, line := range append([]string{meta}, lines...) {
		if err := w.sink.line([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append([]string{meta}, lines...), bySeq(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestEditedHARSaysWhatItSays(t *testing.T) {
	x := exchange(1)
	x.Response = &traffic.Response{Status: 200, Reason: "OK", Proto: "HTTP/1.1"}
	x.ResponseBody = traffic.BodyOf([]byte("before"))
	path := filepath.Join(t.TempDir(), "run.har")
	recordTo(t, path, Options{}, traffic.ExchangeDone{Exchange: x})
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.NewReplacer(
		`"method":"`+x.Request.Method+`"`, `"method":"PATCH"`, x.Request.URL.String(), "http://edited.test/",
		`"status":200`, `"status":503`, `"statusText":"OK"`, `"statusText":"No"`, "before", "behind",
	).Replace(string(content))
	if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	var got *Entry
	if err := open(t, path).Scan(func(l Line) error {
		if l.Type == TypeHTTP {
			got, err = ParseEntry(l.Raw)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got.Request.Method != "PATCH" || got.Request.URL != "http://edited.test/" || got.Response.Status != 503 ||
		got.Response.Reason != "No" || string(got.Response.Body.Inline) != "behind" {
		t.Errorf("%s", AppendEntry(nil, got))
	}
}
