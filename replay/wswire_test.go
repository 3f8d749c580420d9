package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
)

// ctl is a control frame of the client or of the server.
func ctl(from func(string) said, opcode uint8, payload string) said {
	return from(payload).as(opcode, true)
}

// TestFragments are served as they were recorded, control frames between them,
// and put together where the client sends them.
func TestFragments(t *testing.T) {
	var ds divergences
	x := load(t, Options{OnDivergence: ds.add}, writeTalks(t, talk{frames: []said{
		s("hel").as(wsframe.OpText, false), ctl(s, wsframe.OpPing, "are you there?"), s("").as(0, false), s("lo").as(0, true),
		c(`{"a":`).as(wsframe.OpText, false), ctl(c, wsframe.OpPing, ""), s("not yet an answer"), c("1}").as(0, true),
		s("\x00\xff").as(wsframe.OpBinary, true),
		c("whole"), s("end"),
	}}))
	p := dial(t, x, "http://h/chat")
	p.hears("begun hel", "ping are you there?", "continued begun ", "continued lo", "not yet an answer")
	p.send(wsframe.OpPong, true, "are you there?")
	p.say(`{ "a": 1 }`)
	p.hears("binary \x00\xff")
	p.send(wsframe.OpText, false, "wh")
	p.send(wsframe.OpPing, true, "now")
	p.hears("pong now")
	p.send(wsframe.OpContinuation, true, "ole")
	p.hears("end")
	if diff := cmp.Diff([]string(nil), ds.lines()); diff != "" {
		t.Error(diff)
	}
}

// TestPings of the client are answered once, whatever the recorded server did;
// pongs that nobody asked for are heartbeats.
func TestPings(t *testing.T) {
	x := load(t, Options{}, writeTalks(t, talk{frames: []said{
		ctl(c, wsframe.OpPing, "1"), ctl(s, wsframe.OpPong, "1"), ctl(s, wsframe.OpPong, "heartbeat"), c("a"), s("b"),
	}}))
	p := dial(t, x, "http://h/chat")
	p.hears("pong heartbeat")
	p.send(wsframe.OpPing, true, "2")
	p.hears("pong 2")
	p.send(wsframe.OpPing, true, "")
	p.hears("pong ")
	p.say("a")
	p.hears("b")
}

// TestDeflate compresses what is worth it if the client wants that, and
// understands what the client compresses.
func TestDeflate(t *testing.T) {
	long := strings.Repeat("all work and no play ", 100)
	first, second := "abcdefghijklmnopqrstuvwxyz, "+long, "abcdefghijklmnopqrstuvwxyz, "+long
	var ds divergences
	x := load(t, Options{OnDivergence: ds.add, WSMode: WSMatch}, writeTalks(t, talk{
		header: fields{{"Sec-WebSocket-Extensions", "permessage-deflate"}},
		open:   "," + deflated,
		frames: []said{
			s(long).with(`"rsv":4,"size":2100`), s("short").with(`"rsv":4,"size":5`),
			s(long).as(wsframe.OpText, false), s(long).as(0, true),
			c(first), s("1"), c(second + "!"), s("2"), c("end"), s("3"),
		},
	}))
	plain := dial(t, x, "http://h/chat")
	plain.hears(long, "short", "begun "+long, "continued "+long)
	p := dial(t, x, "http://h/chat", [2]string{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"})
	p.hears("deflated "+long, "short", "begun "+long, "continued "+long)
	payload, ok := wsframe.AppendDeflate(nil, []byte(first), wsframe.Compression{WindowBits: 15})
	if !ok {
		t.Fatal("not compressed")
	}
	p.sendHeader(wsframe.Header{Fin: true, RSV: wsframe.RSV1, Opcode: wsframe.OpText}, string(payload))
	p.hears("1")
	p.say("end")
	p.hears("3")
	// A block of the reserved type.
	p.sendHeader(wsframe.Header{Fin: true, RSV: wsframe.RSV1, Opcode: wsframe.OpText}, "\x07")
	want := []string{"ws://h/chat: message 3 of the client was not recorded: 0 bytes that cannot be inflated"}
	if diff := cmp.Diff(want, ds.lines()); diff != "" {
		t.Errorf("divergences (-want +got):\n%s", diff)
	}
}

// TestLargePayload comes from a sidecar, which may be missing.
func TestLargePayload(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 20<<10)
	sum := sha256.Sum256([]byte(large))
	name := hex.EncodeToString(sum[:])
	line := func(k talk) []string {
		lines := k.lines(1, 0)
		for i, l := range lines {
			head, _, ok := strings.Cut(l, `"length":5,`)
			if ok {
				lines[i] = head + `"length":327680,"file":"` + name + `"}`
			}
		}
		return lines
	}
	path := writeLines(t, "off", line(talk{frames: []said{s("a"), s("LARGE"), c("LARGE"), s("b")}})...)
	dir := strings.TrimSuffix(path, ".jsonl") + ".bodies"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	var ds divergences
	x := load(t, Options{OnDivergence: ds.add}, path)
	p := dial(t, x, "http://h/chat")
	p.hears("a", large)
	p.say(large)
	p.hears("b")
	if diff := cmp.Diff([]string(nil), ds.lines()); diff != "" {
		t.Error(diff)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p = dial(t, x, "http://h/chat")
	p.hears("a")
	if got := p.read(); !strings.HasPrefix(got, "error: open body") {
		t.Errorf("heard %.80q", got)
	}
}

// TestTruncatedMessage of the client cannot be compared: any will do in its
// place, and in no other.
func TestTruncatedMessage(t *testing.T) {
	var ds divergences
	x := load(t, Options{OnDivergence: ds.add}, writeTalks(t, talk{frames: []said{
		c("one"), c("the beg").with(`"size":99,"truncated":true`), s("a"),
	}}))
	p := dial(t, x, "http://h/chat")
	p.say("other", "anything")
	p.hears("a")
	want := []string{"ws://h/chat: message 1 of the client differs from #1 (expected one, received other)"}
	if diff := cmp.Diff(want, ds.lines()); diff != "" {
		t.Errorf("divergences (-want +got):\n%s", diff)
	}
}

// TestRuleMadeFrames are left out where the client did not see or send them.
func TestRuleMadeFrames(t *testing.T) {
	x := load(t, Options{WSStrict: true}, writeTalks(t, talk{frames: []said{
		s("dropped").with(`"dropped":true`), s("injected").with(`"injected":true`),
		c("injected").with(`"injected":true`), c("dropped").with(`"dropped":true`), s(`,"dropped":true`),
	}}))
	p := dial(t, x, "http://h/chat")
	p.hears("injected")
	p.say("dropped")
	p.hears(`,"dropped":true`)
}

// TestBrokenFrames of the client do not stop the server, unless nobody can tell
// where the next one begins.
func TestBrokenFrames(t *testing.T) {
	x := load(t, Options{WSStrict: true}, writeTalks(t, talk{frames: []said{c("a"), s("b"), c("c"), s("d")}}))
	p := dial(t, x, "http://h/chat")
	p.send(wsframe.OpContinuation, true, "of nothing")
	p.send(wsframe.OpPing, true, strings.Repeat("x", 200))
	p.hears("pong " + strings.Repeat("x", 125))
	p.send(wsframe.OpText, false, "")
	p.send(3, true, "reserved")
	p.send(wsframe.OpContinuation, true, "a")
	p.hears("b")
	if _, err := p.conn.Write([]byte("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	p.hears("close 1002 " + wsframe.ErrDesync.Error())
}
