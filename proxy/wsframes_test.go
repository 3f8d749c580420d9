package proxy_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/nectest"
	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/proxy"
	"github.com/necto-dev/necto/traffic"
)

// frame is one with any header.
func frame(h wsframe.Header, payload string) string {
	return string(wsframe.AppendFrame(nil, h, []byte(payload)))
}

// TestWebSocketFrames sends what is allowed and what is not. All of it arrives
// as it was sent, and is told.
func TestWebSocketFrames(t *testing.T) {
	key := [4]byte{0xde, 0xad, 0xbe, 0xef}
	for name, c := range map[string]struct {
		fields   string // of the answer to the handshake
		up, down string
		want     []string
	}{
		"fragments with a ping between": {
			up:   frame(wsframe.Header{Opcode: 1, Masked: true, Key: key}, "Hel") + fromClient(9, "?") + frame(wsframe.Header{Fin: true, Masked: true, Key: key}, "lo"),
			down: fromServer(10, "?"),
			want: []string{`up 1 "Hel" more`, `up 9 "?"`, `up 0 "lo"`, `down 10 "?"`},
		},
		"empty": {
			up: fromClient(1, ""), down: fromServer(2, "") + fromServer(9, ""),
			want: []string{`up 1 ""`, `down 2 ""`, `down 9 ""`},
		},
		"wrong masks": {
			up: fromServer(1, "a"), down: fromClient(1, "b"),
			want: []string{`up 1 "a"; unmasked client frame`, `down 1 "b"; masked server frame`},
		},
		"reserved bits": {
			down: frame(wsframe.Header{Fin: true, Opcode: 1, RSV: 4}, "a") + frame(wsframe.Header{Fin: true, Opcode: 2, RSV: 3}, "b"),
			want: []string{`down 1 "a" rsv4; reserved bits without an extension`, `down 2 "b" rsv3; reserved bits without an extension`},
		},
		"RSV1 out of place": {
			fields: deflateField + "\r\n",
			down:   frame(wsframe.Header{Opcode: 1}, "a") + frame(wsframe.Header{Fin: true, RSV: 4}, "b") + frame(wsframe.Header{Fin: true, Opcode: 9, RSV: 6}, "c"),
			want: []string{
				`down 1 "a" more`,
				`down 0 "b" rsv4; RSV1 on a continuation or control frame`,
				`down 9 "c" rsv6; reserved bits without an extension; RSV1 on a continuation or control frame`,
			},
		},
		"unknown extension": {
			fields: "Sec-WebSocket-Extensions: x-secret\r\n",
			up:     frame(wsframe.Header{Fin: true, Opcode: 1, RSV: 7, Masked: true, Key: key}, "\xff"), down: fromServer(3, "a"),
			want: []string{`up 1 "\xff" rsv7`, `down 3 "a"`},
		},
		"reserved opcodes": {
			down: fromServer(3, "a") + fromServer(7, "b") + fromServer(11, "c") + fromServer(15, ""),
			want: []string{`down 3 "a"; reserved opcode`, `down 7 "b"; reserved opcode`, `down 11 "c"; reserved opcode`, `down 15 ""; reserved opcode`},
		},
		"control frames": {
			down: frame(wsframe.Header{Opcode: 9}, "a") + fromServer(10, strings.Repeat("x", 126)),
			want: []string{
				`down 9 "a" more; fragmented control frame`,
				`down 10 "` + strings.Repeat("x", 126) + `"; control frame over 125 bytes`,
			},
		},
		"fragments out of place": {
			down: fromServer(0, "a") + frame(wsframe.Header{Opcode: 2}, "b") + fromServer(1, "c"),
			want: []string{`down 0 "a"; continuation without a message`, `down 2 "b" more`, `down 1 "c"; new message inside a fragmented one`},
		},
		"long lengths": {
			down: "\x82\x7e\x00\x01a" + "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x01b",
			want: []string{`down 2 "a"; length not in its shortest form`, `down 2 "b"; length not in its shortest form`},
		},
		"text that is none": {
			down: fromServer(1, "a\xff") + frame(wsframe.Header{Opcode: 1}, "\xe2\x82") + fromServer(0, "\xac") + frame(wsframe.Header{Opcode: 1}, "\xe2") + fromServer(0, ""),
			want: []string{
				`down 1 "a\xff"; text is not UTF-8`,
				`down 1 "\xe2\x82" more`, `down 0 "\xac"`,
				`down 1 "\xe2" more`, `down 0 ""; text is not UTF-8`,
			},
		},
		"close of one byte": {
			down: fromServer(8, "x"), want: []string{`down 8 "x"; close payload of 1 byte`},
		},
		"forbidden close code": {
			down: fromServer(8, "\x03\xedwhy") + fromServer(8, "\x00\x00"),
			want: []string{`down 8 "\x03\xedwhy"; forbidden close code`, `down 8 "\x00\x00"; forbidden close code`},
		},
		"close reason that is no text": {
			down: fromServer(8, "\x03\xe8\xff"), want: []string{`down 8 "\x03\xe8\xff"; close reason is not UTF-8`},
		},
		"data after close": {
			down: fromServer(8, "") + fromServer(1, "a") + fromServer(9, ""),
			want: []string{`down 8 ""`, `down 1 "a"; data after close`, `down 9 ""`},
		},
	} {
		for how, piece := range map[string]int{"whole": 1 << 20, "byte by byte": 1} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				origin := wsOrigin(t, c.fields, c.up, "", func(conn *nectest.Conn) {
					sendPieces(conn, c.down, piece)
					finish(conn)
				})
				p := start(t, proxy.Options{}, proxy.Listener{})
				client := wsDial(t, p, origin.Addr, "")
				sendPieces(client, c.up, piece)
				if got := client.ReadAll(); got != c.down {
					t.Errorf("the client received %q, want %q", got, c.down)
				}
				client.Close()
				closedWS(t, p)
				if diff := cmp.Diff(c.want, framesOf(p.Events())); diff != "" {
					t.Errorf("frames (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// sendPieces sends s in pieces of n bytes, which mostly arrive by themselves.
func sendPieces(c *nectest.Conn, s string, n int) {
	for len(s) > n {
		c.Send(s[:n])
		s = s[n:]
		time.Sleep(100 * time.Microsecond)
	}
	c.Send(s)
}

// TestWebSocketDeflate inflates messages with context takeover and without, in
// one frame and in fragments.
func TestWebSocketDeflate(t *testing.T) {
	texts := []string{`{"type":"join","room":"general"}`, `{"type":"join","room":"random"}`, strings.Repeat("A long one. ", 1000)}
	for name, c := range map[string]struct {
		parameters string
		takeover   bool
	}{
		"takeover":    {"", true},
		"no takeover": {"; server_no_context_takeover; client_no_context_takeover", false},
		"window":      {"; server_max_window_bits=15", true},
	} {
		t.Run(name, func(t *testing.T) {
			up, down := newDeflater(c.takeover), newDeflater(c.takeover)
			var sent, answer strings.Builder
			var want []string
			for _, text := range texts {
				payload := up.message(text)
				sent.WriteString(frame(wsframe.Header{Fin: true, Opcode: 1, RSV: 4, Masked: true}, payload))
				want = append(want, describe(&traffic.Frame{Dir: traffic.ClientToServer, Opcode: 1, Fin: true, RSV: 4, Inflated: true, Payload: []byte(text)}))
			}
			want = append(want, `up 1 "plain"`)
			sent.WriteString(fromClient(1, "plain"))
			for _, text := range texts {
				payload := down.message(text)
				answer.WriteString(frame(wsframe.Header{Opcode: 2, RSV: 4}, payload[:3]) + fromServer(9, "") + frame(wsframe.Header{Fin: true}, payload[3:]))
			}
			origin := wsOrigin(t, deflateField+c.parameters+"\r\n", sent.String(), answer.String(), finish)
			p := start(t, proxy.Options{}, proxy.Listener{})
			client := wsDial(t, p, origin.Addr, sent.String())
			if got := client.ReadAll(); got != answer.String() {
				t.Error("the client received something else")
			}
			client.Close()
			closedWS(t, p)
			if diff := cmp.Diff(want, framesOf(p.Events())[:len(want)]); diff != "" {
				t.Errorf("frames of the client (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(texts, messagesOf(p.Events(), traffic.ServerToClient)); diff != "" {
				t.Errorf("messages of the server (-want +got):\n%s", diff)
			}
		})
	}
}

// messagesOf joins the data frames of a direction.
func messagesOf(events []traffic.Event, dir traffic.Direction) []string {
	var messages []string
	message := ""
	for _, e := range events {
		if e, ok := e.(traffic.FrameSeen); ok && e.Dir == dir && !e.Opcode.Control() {
			if message += string(e.Payload); e.Fin {
				messages = append(messages, message)
				message = ""
			}
		}
	}
	return messages
}

// deflater compresses messages as RFC 7692 section 7.2.1 says.
type deflater struct {
	out      bytes.Buffer
	w        *flate.Writer
	takeover bool
}

func newDeflater(takeover bool) *deflater {
	d := &deflater{takeover: takeover}
	d.w, _ = flate.NewWriter(&d.out, 6) // the level is right
	return d
}

func (d *deflater) message(text string) string {
	d.out.Reset()
	if !d.takeover {
		d.w.Reset(&d.out)
	}
	_, _ = io.WriteString(d.w, text)
	_ = d.w.Flush()
	return strings.TrimSuffix(d.out.String(), "\x00\x00\xff\xff")
}

// TestWebSocketBadDeflate passes on what cannot be inflated, and inflates what
// can be again.
func TestWebSocketBadDeflate(t *testing.T) {
	const broken = "\x07\xff"
	good := newDeflater(false).message("good")
	down := frame(wsframe.Header{Fin: true, Opcode: 1, RSV: 4}, broken) + frame(wsframe.Header{Fin: true, Opcode: 1, RSV: 4}, good)
	for parameters, want := range map[string][]string{
		"; server_no_context_takeover": {
			`down 1 "" rsv4 inflated; compressed content cannot be inflated`, `down 1 "good" rsv4 inflated`,
		},
		"": {
			`down 1 "" rsv4 inflated; compressed content cannot be inflated`,
			describe(&traffic.Frame{Dir: traffic.ServerToClient, Opcode: 1, Fin: true, RSV: 4, Payload: []byte(good)}),
		},
	} {
		origin := wsOrigin(t, deflateField+parameters+"\r\n", "", down, finish)
		p := start(t, proxy.Options{}, proxy.Listener{})
		client := wsDial(t, p, origin.Addr, "")
		if got := client.ReadAll(); got != down {
			t.Errorf("the client received %q", got)
		}
		client.Close()
		closedWS(t, p)
		if diff := cmp.Diff(want, framesOf(p.Events())); diff != "" {
			t.Errorf("with %q: frames (-want +got):\n%s", parameters, diff)
		}
	}
}

// TestWebSocketTruncated keeps as much of a frame as bodies may have, and the
// hash of all of it.
func TestWebSocketTruncated(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 64<<10) // 1 MiB
	bomb := newDeflater(false).message(content)
	down := fromServer(2, content) + frame(wsframe.Header{Fin: true, Opcode: 2, RSV: 4}, bomb) + fromServer(1, content[:100])
	origin := wsOrigin(t, deflateField+"; server_no_context_takeover\r\n", "", down, finish)
	p := start(t, proxy.Options{MaxBody: 100}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	if got := client.ReadAll(); got != down {
		t.Errorf("the client received something else, of %d bytes", len(got))
	}
	client.Close()
	closedWS(t, p)
	sum := sha256.Sum256([]byte(content))
	want := []traffic.Frame{
		{Opcode: 2, Length: 1 << 20, Size: 1 << 20, Truncated: true, SHA256: sum[:]},
		{Opcode: 2, Length: int64(len(bomb)), Size: 1 << 20, Truncated: true, SHA256: sum[:], Inflated: true, RSV: 4},
		{Opcode: 1, Length: 100, Size: 100},
	}
	n := 0
	for _, e := range p.Events() {
		e, ok := e.(traffic.FrameSeen)
		if !ok {
			continue
		}
		want := want[n]
		want.Exchange, want.Seq, want.First, want.Last = e.Exchange, uint64(n+1), e.First, e.Last
		want.Dir, want.Fin, want.Payload = traffic.ServerToClient, true, []byte(content[:100])
		if diff := cmp.Diff(&want, e.Frame, cmp.Comparer(func(a, b *traffic.Exchange) bool { return a == b })); diff != "" {
			t.Errorf("frame %d (-want +got):\n%s", n+1, diff)
		}
		n++
	}
}

// TestWebSocketDesync passes on what is no frame any more, says so once, and
// goes on understanding the other direction.
func TestWebSocketDesync(t *testing.T) {
	up := fromClient(1, "before") + "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("noise", 100)
	origin := wsOrigin(t, "", up, fromServer(1, "still here"), finish)
	var log bytes.Buffer
	p := start(t, proxy.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}, proxy.Listener{})
	client := wsDial(t, p, origin.Addr, "")
	for _, piece := range []string{up[:20], up[20:100], up[100:]} {
		client.Send(piece)
		time.Sleep(time.Millisecond)
	}
	if got := client.ReadAll(); got != fromServer(1, "still here") {
		t.Errorf("the client received %q", got)
	}
	client.Close()
	closedWS(t, p)
	if diff := cmp.Diff([]string{`up 1 "before"`, `down 1 "still here"`}, framesOf(p.Events())); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
	_ = p.stop() // the log is complete
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "cannot be told apart") || !strings.Contains(got, "dir=client-to-server") {
		t.Errorf("logged %q", got)
	}
}
