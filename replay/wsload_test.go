package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// TestInterleavedConversations are told apart by their ids, in every file.
func TestInterleavedConversations(t *testing.T) {
	a := talk{url: "ws://h/a", frames: []said{s("a1"), c("x"), s("a2")}}.lines(1, 0)
	b := talk{url: "ws://h/b", frames: []said{s("b1"), s("b2"), c("y"), s("b3")}}.lines(2, 5)
	var mixed []string
	for i := range b {
		if i < len(a) {
			mixed = append(mixed, a[i])
		}
		mixed = append(mixed, b[i])
	}
	other := talk{url: "ws://h/a", frames: []said{s("other")}}.lines(1, 0)
	x := load(t, Options{}, writeLines(t, "off", mixed...), writeLines(t, "off", other...))
	p := dial(t, x, "http://h/a")
	p.hears("a1")
	p.say("x")
	p.hears("a2")
	p = dial(t, x, "http://h/b")
	p.hears("b1", "b2")
	p.say("y")
	p.hears("b3")
	dial(t, x, "http://h/a").hears("other")
}

// TestDamagedConversations are served as far as they go.
func TestDamagedConversations(t *testing.T) {
	lines := talk{frames: []said{s("a"), s("b")}, code: 1000}.lines(1, 0)
	for name, tc := range map[string]struct {
		lines []string
		want  []string
	}{
		"cut in the middle":     {lines[:2], []string{"a"}},
		"cut in a line":         {append(lines[:2:2], lines[2][:40]), []string{"a"}},
		"without its opening":   {append(lines[1:3:3], strings.Replace(lines[0], `"id":1`, `"id":2`, 1)), nil},
		"ended twice":           {append(lines, lines[3]), []string{"a", "b"}},
		"opened twice":          {append(lines[:2:2], lines[0], lines[2]), []string{"b"}},
		"a frame after the end": {append(lines, lines[1]), []string{"a", "b"}},
		"time runs backwards":   {append([]string{strings.Replace(lines[0], `"us":0`, `"us":9000`, 1)}, lines[1:3]...), []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := load(t, Options{}, writeLines(t, "off", tc.lines...))
			p := dial(t, x, "http://h/chat")
			p.hears(tc.want...)
			p.hearsNothing()
		})
	}
	for _, wrong := range []string{
		strings.Replace(lines[0], `"us":0`, `"us":"soon"`, 1),
		strings.Replace(lines[3], `"code":1000`, `"code":-1`, 1),
	} {
		_, err := Load([]string{writeLines(t, "off", lines[0], wrong)}, Options{})
		if err == nil || !strings.Contains(err.Error(), "line at offset") {
			t.Errorf("%s: error %v", wrong, err)
		}
	}
}

// TestUnreadableFrame ends a conversation where the recording is wrong.
func TestUnreadableFrame(t *testing.T) {
	lines := talk{frames: []said{s("a"), s("b")}}.lines(1, 0)
	lines[2] = strings.Replace(lines[2], `"text":"b"`, `"base64":"?"`, 1)
	x := load(t, Options{}, writeLines(t, "off", lines...))
	p := dial(t, x, "http://h/chat")
	p.hears("a")
	if got := p.read(); !strings.HasPrefix(got, "error: parse recording line") {
		t.Errorf("heard %q", got)
	}
}

// TestRecordedConversationIsFound holds a conversation that the recorder itself
// wrote, secrets replaced.
func TestRecordedConversationIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	w, err := record.Create(path, record.Options{Redaction: "auto", InlineMax: 100})
	if err != nil {
		t.Fatal(err)
	}
	x := exchange(t, "GET", "http://h/chat?token=secret", fields{{"Upgrade", "websocket"}, {"Sec-WebSocket-Key", "a"}}, "", 0)
	x.ID, x.Conn, x.Started, x.ResponseBody = 1, 1, time.Now(), nil
	x.Response.Status, x.Response.Header = 101, fields{{"Upgrade", "websocket"}}.traffic()
	x.WS = &traffic.WebSocket{}
	w.Observe(traffic.RequestStarted{Exchange: x})
	w.Observe(traffic.WSOpened{Exchange: x})
	large := strings.Repeat("large ", 100)
	for i, text := range []string{`{"token":"one","n":1}`, "hello", large, large} {
		w.Observe(traffic.FrameSeen{Frame: &traffic.Frame{
			Exchange: x, Seq: uint64(i + 1), First: time.Now(), Last: time.Now(), Dir: traffic.Direction(i % 2), Opcode: traffic.OpText,
			Fin: true, Masked: i%2 == 0, Length: int64(len(text)), Size: int64(len(text)), Payload: []byte(text),
		}})
	}
	w.Observe(traffic.WSClosed{Exchange: x, Close: &traffic.WSClose{Code: 1006, By: traffic.SideClient, Cause: "eof"}})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var ds divergences
	p := dial(t, load(t, Options{OnDivergence: ds.add, WSEnd: WSClose}, path), "http://h/chat?token=other")
	p.say(`{"n":1,"token":"two"}`)
	p.hears("hello")
	p.say(large)
	p.hears(large, "EOF")
	if diff := cmp.Diff([]string(nil), ds.lines()); diff != "" {
		t.Error(diff)
	}
}

// manyFrames writes a recording of connections with frames of 128 bytes, half of
// them the client's.
func manyFrames(b testing.TB, connections, frames int) string {
	b.Helper()
	var k talk
	text := `{"type":"message","text":"` + strings.Repeat("x", 100) + `"}`
	for range frames / 2 {
		k.frames = append(k.frames, c(text), s(text))
	}
	var lines []string
	for i := range connections {
		lines = append(lines, k.lines(i+1, i)...)
	}
	return writeLines(b, "off", lines...)
}

// loadedSize returns what loading a recording leaves in memory, in bytes.
func loadedSize(t testing.TB, path string) int64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := load(t, Options{}, path)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(x)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// TestFramesAreSmall in memory.
func TestFramesAreSmall(t *testing.T) {
	const connections, frames = 4, 5000
	if size := loadedSize(t, manyFrames(t, connections, frames)); size > 24*connections*frames {
		t.Errorf("%d bytes for %d frames", size, connections*frames)
	}
}

func BenchmarkLoadFrames(b *testing.B) {
	path := manyFrames(b, 20, 5000)
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

// BenchmarkTurn is a message of the client, compared, and the answer to it.
func BenchmarkTurn(b *testing.B) {
	path := manyFrames(b, 1, 20_000)
	for _, o := range []Options{{WSEnd: WSLoop}, {WSMode: WSMatch}} {
		b.Run(fmt.Sprint(o.WSMode), func(b *testing.B) {
			p := dial(b, load(b, o, path), "http://h/chat")
			text := `{"text":"` + strings.Repeat("x", 100) + `","type":"message"}`
			b.ReportAllocs()
			for b.Loop() {
				p.say(text)
				p.read()
			}
		})
	}
}

// FuzzClient hears anything: nothing fails, and nothing is left behind.
func FuzzClient(f *testing.F) {
	path := writeTalks(f, chat)
	f.Add([]byte("\x81\x83\x00\x00\x00\x00bye\x88\x80\x00\x00\x00\x00"), uint8(0))
	f.Add([]byte("\x01\x02\xffa\x89\x00\x80\x01b\xc1\x01\x07"), uint8(1))
	f.Add([]byte("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), uint8(2))
	f.Fuzz(func(t *testing.T, sent []byte, how uint8) {
		x := load(t, Options{WSMode: WSMode(how % 3), WSStrict: how%2 == 0, OnDivergence: func(d Divergence) { _ = d.String() }}, path)
		p := dial(t, x, "http://h/chat", [2]string{"Sec-WebSocket-Extensions", "permessage-deflate"})
		if n, err := p.conn.Write(sent); n != len(sent) || err != nil {
			t.Errorf("%d of %d bytes: %v", n, len(sent), err)
		}
		if err := p.resp.Body.(*duplex).CloseWrite(); err != nil {
			t.Error(err)
		}
		for got := p.read(); got != "EOF"; got = p.read() {
			if strings.HasPrefix(got, "error") {
				t.Fatal(got)
			}
		}
	})
}

// FuzzConversationLine serves a conversation with any line in it.
func FuzzConversationLine(f *testing.F) {
	lines := talk{frames: []said{s("a"), c("b"), s("c")}, code: 1000}.lines(1, 0)
	for _, line := range lines {
		f.Add(line)
	}
	f.Add(`{"type":"ws.frame","id":1,"length":1,"dir":"server-to-client","opcode":9,"fin":true,"us":-1,"base64":"AA=="}`)
	f.Add(`{"type":"ws.frame","id":1,"dir":"client-to-server","opcode":0,"fin":false,"length":1,"file":"../x","truncated":true}`)
	path := filepath.Join(f.TempDir(), "run.jsonl")
	f.Fuzz(func(t *testing.T, line string) {
		text := strings.Join([]string{strings.Replace(metaLine, "REDACTION\"}\n", "auto\"}", 1), lines[0], line, lines[2]}, "\n")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for mode := WSTurn; mode <= WSTimed; mode++ {
			x, err := Load([]string{path}, Options{WSMode: mode, WSEnd: WSClose})
			if err != nil {
				return
			}
			resp, err := x.RoundTrip(t.Context(), handshakeTo(t, "http://h/chat"))
			if err != nil {
				t.Fatal(err)
			}
			if d, ok := resp.Body.(*duplex); ok {
				_, _ = d.Write([]byte("\x81\x81\x00\x00\x00\x00b")) // never fails
				_ = d.CloseWrite()
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Logf("body: %v", err)
			}
			if err := errors.Join(resp.Body.Close(), x.Close()); err != nil {
				t.Error(err)
			}
		}
	})
}
