package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// said is a recorded frame.
type said struct {
	dir    string
	opcode uint8
	fin    bool
	text   string
	wait   int    // milliseconds since the frame before
	more   string // members at the end
}

// c and s are text frames of the client and of the server.
func c(text string) said { return said{dir: "client-to-server", opcode: 1, fin: true, text: text} }
func s(text string) said { return said{dir: "server-to-client", opcode: 1, fin: true, text: text} }

// as returns the frame with another opcode and fin.
func (f said) as(opcode uint8, fin bool) said {
	f.opcode, f.fin = opcode, fin
	return f
}

// after returns the frame with a time since the one before.
func (f said) after(ms int) said {
	f.wait = ms
	return f
}

// with returns the frame with further members.
func (f said) with(members string) said {
	f.more = "," + members
	return f
}

// payload is the member that has the payload.
func (f said) payload() string {
	if utf8.ValidString(f.text) {
		return `"text":` + quoted(f.text)
	}
	return `"base64":` + quoted([]byte(f.text))
}

// talk is a recorded connection.
type talk struct {
	url    string // "" is ws://h/chat
	header fields // of the 101, beside Upgrade
	open   string // members at the end of ws.open
	frames []said
	code   int // of ws.close, 0 for no such line
}

func quoted(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

// lines returns the lines of a connection that opens so many milliseconds after
// the start of the session.
func (k talk) lines(id, ms int) []string {
	url := k.url
	if url == "" {
		url = "ws://h/chat"
	}
	const at = `"at":"2026-11-20T23:44:04.010500Z"`
	header := append(fields{{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", "old"}}, k.header...)
	lines := []string{fmt.Sprintf(`{"type":"ws.open","seq":2,"id":%d,"conn":1,%s,"us":%d,"client":"127.0.0.1:1",`+
		`"request":{"method":"GET","url":%s,"proto":"HTTP/1.1","headers":[["Host","h"],["Upgrade","websocket"]]},`+
		`"response":{"status":101,"reason":"Switching","proto":"HTTP/1.1","headers":%s}%s}`,
		id, at, ms*1000, quoted(url), quoted(header), k.open)}
	for i, f := range k.frames {
		ms += f.wait
		lines = append(lines, fmt.Sprintf(`{"type":"ws.frame","seq":3,"id":%d,"n":%d,%s,"us":%d,"dir":"%s","opcode":%d,"fin":%v,"length":%d,%s%s}`,
			id, i+1, at, ms*1000, f.dir, f.opcode, f.fin, len(f.text), f.payload(), f.more))
	}
	if k.code != 0 {
		lines = append(lines, fmt.Sprintf(`{"type":"ws.close","seq":4,"id":%d,%s,"us":%d,"code":%d,"reason":"","by":"client","frames":{},"ms":1.0}`,
			id, at, ms*1000, k.code))
	}
	return lines
}

// writeLines writes a recording of raw lines.
func writeLines(t testing.TB, redaction string, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chat.jsonl")
	text := strings.Replace(metaLine, "REDACTION", redaction, 1) + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeTalks writes a recording of connections, one after the other.
func writeTalks(t testing.TB, talks ...talk) string {
	t.Helper()
	var lines []string
	for i, k := range talks {
		lines = append(lines, k.lines(i+1, 1000*i)...)
	}
	return writeLines(t, "off", lines...)
}

// speaker is a live client.
type speaker struct {
	t        testing.TB
	resp     *traffic.Response
	conn     io.ReadWriteCloser
	reader   *bufio.Reader
	inflater *wsframe.Inflater
}

// dial opens a connection, which is closed when the test ends.
func dial(t testing.TB, rt traffic.RoundTripper, url string, header ...[2]string) *speaker {
	t.Helper()
	resp, err := rt.RoundTrip(t.Context(), handshakeTo(t, url, header...))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Status != 101 {
		t.Fatalf("status %d: %s", resp.Status, readAll(t, resp))
	}
	conn := resp.Body.(io.ReadWriteCloser)
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return &speaker{t: t, resp: resp, conn: conn, reader: bufio.NewReader(conn), inflater: wsframe.NewInflater(false)}
}

// handshakeTo is the request that opens a connection, with the key and answer of
// RFC 6455 section 1.3.
func handshakeTo(t testing.TB, url string, header ...[2]string) *traffic.Request {
	t.Helper()
	return newRequest(t, "GET", url, append(fields{
		{"Connection", "keep-alive, upgrade"},
		{"Upgrade", "WebSocket"},
		{"Sec-WebSocket-Version", "13"},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
	}, header...), "")
}

// send sends a frame.
func (p *speaker) send(opcode uint8, fin bool, payload string) {
	p.t.Helper()
	p.sendHeader(wsframe.Header{Fin: fin, Opcode: opcode}, payload)
}

func (p *speaker) sendHeader(h wsframe.Header, payload string) {
	p.t.Helper()
	h.Masked, h.Key = true, [4]byte{1, 2, 3, 4}
	if _, err := p.conn.Write(wsframe.AppendFrame(nil, h, []byte(payload))); err != nil {
		p.t.Fatal(err)
	}
}

// say sends text messages.
func (p *speaker) say(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.send(wsframe.OpText, true, text)
	}
}

// close sends a close frame.
func (p *speaker) close(code int) {
	p.t.Helper()
	p.send(wsframe.OpClose, true, string(wsframe.AppendClose(nil, code, "")))
}

// read returns the next frame as text: what it is unless it is a whole text, and
// its payload. "EOF" is the end.
func (p *speaker) read() string {
	p.t.Helper()
	var h wsframe.Header
	for n := 2; ; n++ {
		head, err := p.reader.Peek(n)
		if err == io.EOF && len(head) == 0 {
			return "EOF"
		}
		if err != nil {
			return "error: " + err.Error()
		}
		size := 0
		if h, size, err = wsframe.ParseHeader(head); err != nil {
			p.t.Fatal(err)
		}
		if size > 0 {
			_, _ = p.reader.Discard(size)
			break
		}
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(p.reader, payload); err != nil {
		return "error: " + err.Error()
	}
	if h.Masked {
		p.t.Error("a server's frame is masked")
	}
	return p.text(h, payload)
}

func (p *speaker) text(h wsframe.Header, payload []byte) string {
	text := ""
	if h.RSV == wsframe.RSV1 {
		var b collected
		if err := p.inflater.Write(payload, true, &b); err != nil {
			p.t.Error(err)
		}
		payload, text = b, "deflated "
	} else if h.RSV != 0 {
		p.t.Errorf("RSV %d", h.RSV)
	}
	switch h.Opcode {
	case wsframe.OpText:
	case wsframe.OpClose:
		code, reason, _ := wsframe.ParseClose(payload)
		return strings.TrimSpace(fmt.Sprintf("close %d %s", code, reason))
	default:
		text += [...]string{0: "continued ", 2: "binary ", 9: "ping ", 10: "pong "}[h.Opcode]
	}
	if !h.Fin {
		text += "begun "
	}
	return text + string(payload)
}

type collected []byte

func (b *collected) Append(p []byte) { *b = append(*b, p...) }

// hears fails the test unless these frames come next.
func (p *speaker) hears(want ...string) {
	p.t.Helper()
	var got []string
	for range want {
		got = append(got, p.read())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Fatalf("heard (-want +got):\n%s", diff)
	}
}

// hearsNothing fails the test if something comes within a second, after which
// the connection is closed.
func (p *speaker) hearsNothing() {
	p.t.Helper()
	time.AfterFunc(50*time.Millisecond, func() { _ = p.conn.Close() })
	if got := p.read(); got != "error: "+io.ErrClosedPipe.Error() {
		p.t.Errorf("heard %q", got)
	}
}

// divergences collects them.
type divergences struct {
	mu  sync.Mutex
	all []Divergence // guarded by mu
}

func (ds *divergences) add(d Divergence) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.all = append(ds.all, d)
}

// lines returns them as text.
func (ds *divergences) lines() []string {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	var lines []string
	for _, d := range ds.all {
		lines = append(lines, d.String())
	}
	return lines
}
