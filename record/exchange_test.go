package record

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/traffic"
)

// rewritten returns what a writer makes of a line that it observes again.
func rewritten(t *testing.T, f *File, enc *encoder, line Line) string {
	t.Helper()
	enc.seq = parseHead(line.Raw).seq - 1
	e, err := ParseEntry(line.Raw)
	if err != nil {
		t.Fatal(err)
	}
	enc.start = e.At.Add(-e.Offset)
	x := e.Exchange(f)
	var got []byte
	switch e.Type {
	case TypeWSOpen:
		got, err = enc.appendOpened(nil, x)
	case TypePending:
		got, err = enc.appendPending(nil, x, x.RequestBody)
	default:
		got, err = enc.appendExchange(nil, x)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(got), "\n")
}

func TestRecordingOfARecordingIsTheSame(t *testing.T) {
	x := full(t)
	x.RequestBody = traffic.BodyOf([]byte(strings.Repeat("long ", 20_000)))
	path, _ := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x}, traffic.WSOpened{Exchange: handshake(2)})
	for _, path := range []string{path, "testdata/recordings/example.jsonl"} {
		f := open(t, path)
		out := filepath.Join(t.TempDir(), "again.jsonl")
		enc := newEncoder(out, Options{Redaction: "auto"})
		err := f.Scan(func(line Line) error {
			switch line.Type {
			case TypeHTTP, TypePending, TypeWSOpen:
			default:
				return nil
			}
			want := string(line.Raw)
			if strings.Contains(path, "example") && strings.Contains(want, `"file"`) {
				return nil // the example has no sidecar
			}
			if diff := cmp.Diff(want, rewritten(t, f, &enc, line)); diff != "" {
				t.Error(diff)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := enc.bodies.sidecar.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSidecarsAreOpenedOnlyToBeRead(t *testing.T) {
	x := full(t)
	content := strings.Repeat("long ", 20_000)
	x.RequestBody = traffic.BodyOf([]byte(content))
	path, lines := recorded(t, Options{}, traffic.ExchangeDone{Exchange: x})
	e := parse(t, lines[0])
	body := e.Exchange(open(t, path)).RequestBody
	if body.Size() != int64(len(content)) {
		t.Errorf("size %d", body.Size())
	}
	got, err := readAll(body)
	if err != nil || got != content {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	body.Release()
	if _, err := readAll(e.Exchange(nil).RequestBody); err == nil || !strings.Contains(err.Error(), "only the lines are at hand") {
		t.Errorf("without a file: %v", err)
	}
	if err := os.RemoveAll(bodiesDir(path)); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(e.Exchange(open(t, path)).RequestBody); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("without the folder: %v", err)
	}
}

func readAll(b *traffic.Body) (string, error) {
	content, err := io.ReadAll(b.Open())
	return string(content), err
}

func TestMilestonesOfAnExchange(t *testing.T) {
	const ms = time.Millisecond
	none := traffic.Timing{Blocked: -1, DNS: -1, Connect: -1, TLS: -1, Send: -1, Wait: -1, Receive: -1}
	answered := none
	answered.Send, answered.Wait, answered.Receive = 1*ms, 5*ms, 3*ms
	unanswered := none
	unanswered.Connect, unanswered.Send = 2*ms, 1*ms
	for name, c := range map[string]struct {
		timing          traffic.Timing
		answered        bool
		header          traffic.Fields
		body            string
		request, answer time.Duration
	}{
		"answered":           {answered, true, nil, "", 2 * ms, 7 * ms},
		"answered by a rule": {none, true, nil, "", 10 * ms, 10 * ms},
		"sent in vain":       {unanswered, false, nil, "", 3 * ms, -1},
		"only a head":        {none, false, traffic.Fields{{Name: "Content-Length", Value: "0"}}, "", 0, -1},
		"never sent":         {none, false, traffic.Fields{{Name: "Transfer-Encoding", Value: "chunked"}}, "", -1, -1},
		"without content":    {unanswered, false, traffic.Fields{{Name: "Content-Length", Value: "4"}}, "", -1, -1},
		"cut short":          {unanswered, false, traffic.Fields{{Name: "Content-Length", Value: "4"}}, "abc", -1, -1},
		"complete":           {unanswered, false, traffic.Fields{{Name: "Content-Length", Value: "3"}}, "abc", 3 * ms, -1},
	} {
		e := &Entry{Type: TypeHTTP, Duration: 10 * ms, Timing: c.timing, Request: EntryRequest{Header: c.header}}
		if c.body != "" {
			e.Request.Body = &EntryBody{Size: int64(len(c.body)), Inline: []byte(c.body)}
		}
		if c.answered {
			e.Response = &EntryResponse{Status: 200}
		}
		x := e.Exchange(nil)
		if x.RequestDone != c.request || x.ResponseStarted != c.answer {
			t.Errorf("%s: request %v, answer %v", name, x.RequestDone, x.ResponseStarted)
		}
	}
}

func TestRecordedURL(t *testing.T) {
	for _, s := range []string{
		"http://example.com/", "https://example.com:443", "http://example.com?x=1", "http://[::1]:80/a#b?c",
		"http://example.com*", "data:text/plain,a", "", "chrome-extension://abc/x",
	} {
		if got := recordedURL(s).String(); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestReadFrameOpensItsSidecar(t *testing.T) {
	content := strings.Repeat("x", 70_000)
	f := frame(handshake(1), 1, traffic.ServerToClient, traffic.OpBinary, content)
	path, lines := recorded(t, Options{}, traffic.WSOpened{Exchange: handshake(1)}, traffic.FrameSeen{Frame: f})
	e := parseFrame(t, lines[1])
	if got := e.Frame(nil); got.Payload != nil || got.Size != int64(len(content)) {
		t.Errorf("payload of %d bytes, size %d", len(got.Payload), got.Size)
	}
	file := open(t, path)
	got, err := file.ReadFrame(e, nil)
	if err != nil || string(got.Payload) != content {
		t.Errorf("%d bytes, %v", len(got.Payload), err)
	}
	if err := os.RemoveAll(bodiesDir(path)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path).ReadFrame(e, nil); err == nil {
		t.Error("no error without the sidecar")
	}
}
