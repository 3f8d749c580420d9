package record

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/traffic"
)

func FuzzParseFrame(f *testing.F) {
	f.Add([]byte(`{"type":"ws.frame","seq":8,"id":5,"n":1,"dir":"client-to-server","opcode":1,"length":2,"text":"hi"}`))
	f.Add([]byte(`{"type":"ws.close","seq":8,"id":5,"code":1006,"frames":{"client-to-server":1},"ms":2.5}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		lineType := gjson.GetBytes(line, "type").String()
		if frame, err := ParseFrame(line); err == nil && (lineType != TypeWSFrame || frame.Opcode > 15 || frame.RSV > 7) {
			t.Fatalf("%+v", frame)
		}
		if _, err := ParseWSClose(line); err == nil && lineType != TypeWSClose {
			t.Fatal("not a ws.close line")
		}
	})
}

func FuzzFrameRoundTrip(f *testing.F) {
	f.Add(uint8(1), uint64(1), []byte("text"), int64(4), "odd")
	f.Add(uint8(0xff), uint64(1<<40), []byte{0xff, 0}, int64(9), "\xff")
	f.Fuzz(func(t *testing.T, bits uint8, n uint64, payload []byte, length int64, anomaly string) {
		want := frame(handshake(1), n, traffic.Direction(bits>>7), traffic.Opcode(bits&15), string(payload))
		want.Fin, want.RSV, want.Masked = bits&16 != 0, bits>>5, bits&64 != 0
		want.Length = max(0, length) % (1 << 50)
		want.Inflated = want.Length != want.Size
		want.Anomalies = []string{strings.ToValidUTF8(anomaly, "?")}
		enc := newEncoder("", Options{Redaction: "off", InlineMax: -1})
		line, err := enc.appendFrame(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(line, '\n') != len(line)-1 || !json.Valid(line) {
			t.Fatalf("not a line of JSON: %q", line)
		}
		if head := parseHead(line); head != (lineHead{lineType: TypeWSFrame, seq: 1, id: 1, length: head.length}) {
			t.Fatalf("head %+v", head)
		}
		got := parseFrame(t, string(line)).Frame(nil)
		ignore := cmpopts.IgnoreFields(traffic.Frame{}, "Exchange", "First", "Last")
		if diff := cmp.Diff(want, got, ignore, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// chatFrame is a text frame of 128 bytes, as a chat has it.
func chatFrame() *traffic.Frame {
	text := `{"type":"message","room":"general","user":{"id":4711,"name":"Ada"},"text":"hello world, how are you","at":"2026-11-20T10:30:05Z"}`
	return frame(handshake(1), 1, traffic.ClientToServer, traffic.OpText, text)
}

func BenchmarkEncodeFrame(b *testing.B) {
	f := chatFrame()
	for _, redaction := range []string{"auto", "off"} {
		b.Run("redact "+redaction, func(b *testing.B) {
			enc := newEncoder("", Options{Redaction: redaction})
			var line []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if line, err = enc.appendFrame(line[:0], f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkObserveFrame(b *testing.B) {
	f := chatFrame()
	w, err := Create(filepath.Join(b.TempDir(), "run.jsonl"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.Observe(traffic.FrameSeen{Frame: f})
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
