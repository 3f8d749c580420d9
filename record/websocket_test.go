package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/necto-dev/necto/traffic"
)

// handshake returns an exchange that opened a WebSocket connection.
func handshake(id traffic.ExchangeID) *traffic.Exchange {
	x := exchange(id)
	x.Request.URL = traffic.URL{Scheme: "https", Authority: "api.example.com", Target: "/socket"}
	x.Request.Header = traffic.Fields{{Name: "Upgrade", Value: "websocket"}}
	x.Response = &traffic.Response{Status: 101, Reason: "Switching Protocols", Proto: "HTTP/1.1"}
	x.WS = &traffic.WebSocket{
		Subprotocol: "chat",
		Deflate:     [2]traffic.Deflate{traffic.DeflateTakeover, traffic.DeflateNoTakeover},
	}
	return x
}

// frame returns the n-th frame of a connection, with a payload as it was on the
// wire.
func frame(x *traffic.Exchange, n uint64, dir traffic.Direction, op traffic.Opcode, payload string) *traffic.Frame {
	return &traffic.Frame{
		Exchange: x, Seq: n, First: began, Last: began, Dir: dir, Opcode: op, Fin: true,
		Masked: dir == traffic.ClientToServer,
		Length: int64(len(payload)), Size: int64(len(payload)), Payload: []byte(payload),
	}
}

func parseFrame(t testing.TB, line string) *FrameEntry {
	t.Helper()
	f, err := ParseFrame([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRoundTripOfAConversation(t *testing.T) {
	x := handshake(5)
	x.WS.Opaque, x.WS.Via = true, "h2"
	hello := frame(x, 1, traffic.ClientToServer, traffic.OpText, "caf\u00e9 \"\\\n")
	odd := frame(x, 2, traffic.ServerToClient, 11, "\xff\x00")
	odd.Fin, odd.Masked, odd.RSV = false, true, 3
	odd.Anomalies = []string{"masked server frame", "reserved opcode"}
	odd.Injected, odd.Dropped, odd.Edited = true, true, true
	closed := traffic.WSClosed{Exchange: x, Close: &traffic.WSClose{
		Code: 1006, By: traffic.SideUpstream, Cause: "reset", Reason: "\xffgone",
		Frames: [2]uint64{1, 1}, Duration: 5489500 * time.Microsecond,
	}}
	path, lines := recorded(t, Options{}, traffic.RequestStarted{Exchange: x}, traffic.WSOpened{Exchange: x},
		traffic.FrameSeen{Frame: hello}, traffic.FrameSeen{Frame: odd}, closed)

	open := entryOf(x)
	open.Type, open.WS, open.Duration = TypeWSOpen, x.WS, 0
	open.Request.URL = "wss://api.example.com/socket"
	if diff := cmp.Diff(open, parse(t, lines[0]), sameEntry); diff != "" {
		t.Error(diff)
	}
	at := began.Truncate(time.Microsecond)
	want := []*FrameEntry{{
		ID: 5, N: 1, At: at, Dir: traffic.ClientToServer, Opcode: traffic.OpText, Fin: true, Masked: true, Length: 9,
		Body: EntryBody{Size: 9, Inline: []byte("café \"\\\n")},
	}, {
		ID: 5, N: 2, At: at, Dir: traffic.ServerToClient, Opcode: 11, Masked: true, RSV: 3, Length: 2,
		Body:      EntryBody{Size: 2, Inline: []byte("\xff\x00")},
		Anomalies: odd.Anomalies, Injected: true, Dropped: true, Edited: true,
	}}
	got := []*FrameEntry{parseFrame(t, lines[1]), parseFrame(t, lines[2])}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(FrameEntry{}, "Seq", "Offset")); diff != "" {
		t.Error(diff)
	}
	end, err := ParseWSClose([]byte(lines[3]))
	if err != nil {
		t.Fatal(err)
	}
	wantEnd := &CloseEntry{Seq: 5, ID: 5, At: at.Add(closed.Close.Duration), Offset: end.Offset, WSClose: *closed.Close}
	wantEnd.Reason = "\ufffdgone"
	if diff := cmp.Diff(wantEnd, end); diff != "" {
		t.Error(diff)
	}
	all := linesOf(t, path)
	if end := hideTime(all[len(all)-1]); !strings.Contains(end, `"exchanges":0,"websockets":1,"frames":2,`) {
		t.Errorf("last line is %s", end)
	}
}

// What a Writer makes of the values in the example must be the same text.
func TestSpellingOfTheExampleConversation(t *testing.T) {
	content, err := os.ReadFile("testdata/recordings/example.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for line := range strings.SplitSeq(strings.TrimSpace(string(content)), "\n") {
		enc := newEncoder("", Options{Redaction: "auto"})
		head := parseHead([]byte(line))
		enc.seq = head.seq - 1
		got, ok := []byte(nil), true
		switch head.lineType {
		case TypeWSOpen:
			e := parse(t, line)
			enc.start = e.At.Add(-e.Offset)
			x := exchangeOf(t, e)
			x.WS = e.WS
			got, err = enc.appendOpened(nil, x)
		case TypeWSFrame:
			f := parseFrame(t, line)
			enc.start = f.At.Add(-f.Offset)
			got, err = enc.appendFrame(nil, f.Frame(&traffic.Exchange{ID: traffic.ExchangeID(f.ID)}))
		case TypeWSClose:
			c, parseErr := ParseWSClose([]byte(line))
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			enc.start = c.At.Add(-c.Offset)
			x := &traffic.Exchange{ID: traffic.ExchangeID(c.ID), Started: c.At.Add(-c.Duration)}
			got = enc.appendClosed(nil, traffic.WSClosed{Exchange: x, Close: &c.WSClose})
		default:
			ok = false
		}
		if !ok {
			continue
		}
		if diff := cmp.Diff(line+"\n", string(got)); diff != "" || err != nil {
			t.Error(diff, err)
		}
		tested++
	}
	if tested != 4 {
		t.Errorf("%d lines tested", tested)
	}
}

func TestContentOfFrames(t *testing.T) {
	x := handshake(1)
	text := func(payload string, change func(*traffic.Frame)) *traffic.Frame {
		f := frame(x, 1, traffic.ClientToServer, traffic.OpText, payload)
		if change != nil {
			change(f)
		}
		return f
	}
	for name, c := range map[string]struct {
		frame *traffic.Frame
		want  string
	}{
		"nothing":     {text("", nil), `"length":0,"text":""`},
		"not UTF-8":   {text("\xff", nil), `"length":1,"base64":"/w=="`},
		"unmasked":    {text("a", func(f *traffic.Frame) { f.Masked = false }), `"fin":true,"masked":false,"length":1,"text":"a"`},
		"inflated":    {text("aaaa", func(f *traffic.Frame) { f.Length, f.Inflated = 3, true }), `"length":3,"size":4,"text":"aaaa"`},
		"same length": {text("aaaa", func(f *traffic.Frame) { f.Inflated = true }), `"length":4,"size":4,"text":"aaaa"`},
		"truncated": {
			text("aaaa", func(f *traffic.Frame) {
				f.Length, f.Size, f.Truncated, f.SHA256 = 9, 9, true, []byte{0xab, 0xcd}
			}),
			`"length":9,"size":9,"text":"aaaa","truncated":true,"sha256":"abcd"`,
		},
		"secret": {text(`{"token":7}`, nil), `"length":11,"size":39,"text":"{\"token\":\"{{redacted:token:`},
	} {
		t.Run(name, func(t *testing.T) {
			_, lines := recorded(t, Options{}, traffic.FrameSeen{Frame: c.frame})
			if !strings.Contains(lines[0], c.want) || !json.Valid([]byte(lines[0])) {
				t.Errorf("got %s\nwant %s", lines[0], c.want)
			}
		})
	}
}

func TestLongFramesAreInTheSidecarFolder(t *testing.T) {
	content := strings.Repeat("x", 3*longPayload) + `{"password":"p"}`
	x := handshake(1)
	path, lines := recorded(t, Options{},
		traffic.FrameSeen{Frame: frame(x, 1, traffic.ServerToClient, traffic.OpBinary, content)})
	f := open(t, path)
	entry := parseFrame(t, lines[0])
	r, err := f.OpenBody(&entry.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	sum := sha256.Sum256(got)
	if err != nil || entry.Body.File != hex.EncodeToString(sum[:]) || entry.Length != int64(len(content)) {
		t.Errorf("%+v, error %v", entry, err)
	}
	if !bytes.HasSuffix(got, []byte(`"}`)) || bytes.Contains(got, []byte(`"p"`)) {
		t.Errorf("content ends with %s", got[3*longPayload:])
	}
}

// An event's frame is used again as soon as Observe has returned.
func TestFramesAreCopied(t *testing.T) {
	x := handshake(1)
	const count = 2 * maxQueued // more than the first memory of a batch holds
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	shared := frame(x, 0, traffic.ClientToServer, traffic.OpText, "")
	long := bytes.Repeat([]byte("l"), longPayload+1)
	for n := range uint64(count) {
		shared.Seq = n + 1
		shared.Payload = fmt.Appendf(shared.Payload[:0], "%d", n+1)
		if n%1000 == 0 {
			shared.Payload = append(shared.Payload, long...)
		}
		shared.Anomalies = append(shared.Anomalies[:0], fmt.Sprint("anomaly ", n+1))
		shared.SHA256 = fmt.Appendf(shared.SHA256[:0], "%08d", n+1)
		shared.Truncated, shared.Size = true, 1<<20
		w.Observe(traffic.FrameSeen{Frame: shared})
		clear(shared.Payload)
		clear(shared.SHA256)
		shared.Anomalies[0] = ""
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if c := w.Counts(); c.Frames != count {
		t.Errorf("counts %+v", c)
	}
	lines := linesOf(t, path)
	for i, line := range lines[1 : len(lines)-1] {
		f := parseFrame(t, line)
		text := fmt.Sprint(i + 1)
		if i%1000 != 0 && string(f.Body.Inline) != text || i%1000 == 0 && f.Body.File == "" ||
			f.N != uint64(i+1) || f.Anomalies[0] != "anomaly "+text || f.SHA256 != hex.EncodeToString(fmt.Appendf(nil, "%08d", i+1)) {
			t.Fatalf("line %d is %.300s", i, line)
		}
	}
}

func TestAnOpenedConnectionIsNotPending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	synctest.Test(t, func(t *testing.T) {
		w, err := Create(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		x := handshake(1)
		w.Observe(traffic.RequestStarted{Exchange: x})
		w.Observe(traffic.WSOpened{Exchange: x})
		time.Sleep(time.Minute)
		if c := w.Counts(); c.Open != 0 || c.WebSockets != 1 || c.Exchanges != 0 {
			t.Errorf("counts %+v", c)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if lines := linesOf(t, path); len(lines) != 3 {
		t.Errorf("lines %q", lines)
	}
}

func TestBadConversationLines(t *testing.T) {
	for line, want := range map[string]string{
		`{"type":"ws.frame"`:                           "not JSON",
		`{"type":"http"}`:                              "is not ws.frame",
		`{"type":"ws.frame","seq":3,"dir":"up"}`:       "line 3: dir",
		`{"type":"ws.frame","seq":3,"opcode":16}`:      "opcode: ",
		`{"type":"ws.frame","seq":3,"rsv":8}`:          "rsv: ",
		`{"type":"ws.frame","seq":3,"length":-1}`:      "length: ",
		`{"type":"ws.frame","seq":3,"base64":"*"}`:     "base64",
		`{"type":"ws.frame","seq":3,"at":"yesterday"}`: "at: ",
	} {
		if _, err := ParseFrame([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", line, err, want)
		}
	}
	if _, err := ParseWSClose([]byte(`{"type":"ws.close","seq":4,"ms":"soon"}`)); err == nil {
		t.Error("a close with bad milliseconds was read")
	}
	open := `{"type":"ws.open","seq":4,"request":{},"deflate":{"client-to-server":"some"}}`
	if _, err := ParseEntry([]byte(open)); err == nil || !strings.Contains(err.Error(), "deflate") {
		t.Errorf("a handshake with unknown compression: error %v", err)
	}
}

func TestFramesOfConcurrentConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := Create(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const connections, each = 8, 1000
	var wg sync.WaitGroup
	for id := range connections {
		wg.Go(func() {
			f := frame(handshake(traffic.ExchangeID(id+1)), 0, traffic.ClientToServer, traffic.OpText, "")
			for n := range uint64(each) {
				f.Seq = n + 1
				f.Payload = fmt.Appendf(f.Payload[:0], "%d of %d", n+1, id+1)
				w.Observe(traffic.FrameSeen{Frame: f})
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	last := map[uint64]uint64{}
	lines := linesOf(t, path)
	for _, line := range lines[1 : len(lines)-1] {
		f := parseFrame(t, line)
		if last[f.ID]++; f.N != last[f.ID] || string(f.Body.Inline) != fmt.Sprintf("%d of %d", f.N, f.ID) {
			t.Fatalf("after %d: %s", last[f.ID]-1, line)
		}
	}
	if len(last) != connections || last[1] != each {
		t.Errorf("frames by connection: %v", last)
	}
}
