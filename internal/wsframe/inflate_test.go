package wsframe_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// chat returns messages as alike as those of real connections, and some longer
// than a window.
func chat(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	var messages []string
	for i := range n {
		m := fmt.Sprintf(`{"type":"message","room":"general","seq":%d,"text":"hello %x"}`, i, random.Uint64())
		if i%10 == 9 {
			m = strings.Repeat(m, 1+random.IntN(1000))
		}
		messages = append(messages, m)
	}
	return append(messages, "")
}

func TestInflateExamplesOfTheStandard(t *testing.T) {
	// RFC 7692 sections 7.2.3.1 to 7.2.3.6
	tests := []struct {
		name string
		wire []string
		want []decoded
	}{
		{"one block", []string{"c1 07 f2 48 cd c9 c9 07 00"}, []decoded{{Opcode: 1, Content: "Hello", Inflated: true}}},
		{
			"two fragments",
			[]string{"41 03 f2 48 cd", "80 04 c9 c9 07 00"},
			[]decoded{{Opcode: 1, Inflated: true}, {Content: "Hello", Inflated: true}},
		},
		{
			"shared window",
			[]string{"c1 07 f2 48 cd c9 c9 07 00", "c1 05 f2 00 11 00 00"},
			[]decoded{{Opcode: 1, Content: "Hello", Inflated: true}, {Opcode: 1, Content: "Hello", Inflated: true}},
		},
		{"block without compression", []string{"c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00"}, []decoded{{Opcode: 1, Content: "Hello", Inflated: true}}},
		{"block with BFINAL", []string{"c1 08 f3 48 cd c9 c9 07 00 00"}, []decoded{{Opcode: 1, Content: "Hello", Inflated: true}}},
		{"two blocks", []string{"c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00"}, []decoded{{Opcode: 1, Content: "Hello", Inflated: true}}},
		{"empty", []string{"c1 01 00"}, []decoded{{Opcode: 1, Inflated: true}}},
	}
	for _, test := range tests {
		checkDecoded(t, test.name, takeover, unhex(t, strings.Join(test.wire, " ")), test.want)
	}
}

func TestContentInflatesAsItBecomesReadable(t *testing.T) {
	wire := slices.Concat(
		frame(0x41, "\xf2\x48\x05\x00\x00\x00\xff\xff"), frame(0x89, "between"), frame(0x00, ""),
		frame(0x00, "\xca\xc9"), frame(0x80, "\xc9\x07\x00"),
	)
	checkDecoded(t, "flushed inside", takeover, wire, []decoded{
		{Opcode: 1, Content: "He", Inflated: true},
		{Opcode: 9, Content: "between"},
		{Inflated: true},
		{Inflated: true},
		{Inflated: true, Content: "llo"},
	})
}

// inflateAll writes payloads in pieces of at most n bytes.
func inflateAll(f *wsframe.Inflater, payloads []string, n int) ([]string, error) {
	var messages []string
	for _, payload := range payloads {
		var out buffer
		if err := write(f, payload, n, &out); err != nil {
			return messages, err
		}
		messages = append(messages, string(out.kept))
	}
	return messages, nil
}

func write(f *wsframe.Inflater, payload string, n int, out wsframe.Appender) error {
	for rest := []byte(payload); ; rest = rest[n:] {
		last := len(rest) <= n
		if err := f.Write(rest[:min(n, len(rest))], last, out); err != nil || last {
			return err
		}
	}
}

func TestInflateConversation(t *testing.T) {
	want := chat(60)
	for _, peer := range []deflated{
		{takeover: true},
		{takeover: false},
		{takeover: true, window: 1 << 8},
		{takeover: true, window: 1 << 10},
		{takeover: true, window: 1 << 15},
		{takeover: false, window: 1 << 8},
	} {
		var payloads []string
		for _, m := range want {
			payloads = append(payloads, peer.compress(t, m))
		}
		for _, n := range []int{1, 100, 1 << 20} {
			got, err := inflateAll(wsframe.NewInflater(peer.takeover), payloads, n)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("takeover %v, window %d, in pieces of %d: %d of %d messages, %v", peer.takeover, peer.window, n, len(got), len(want), err)
			}
		}
	}
}

// TestFinalBlocksInsideAMessage: each block refers to what came before it, as
// one compressor makes them that is told to finish and given a dictionary.
func TestFinalBlocksInsideAMessage(t *testing.T) {
	const text = "a text that later blocks refer to, "
	var payload bytes.Buffer
	var before string
	for range 50 {
		w, err := flate.NewWriterDict(&payload, flate.BestCompression, []byte(before))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
		w.Close()
		before += text
	}
	for _, ending := range []string{"", "\x00"} {
		for _, withTakeover := range []bool{true, false} {
			for _, n := range []int{1, 3, payload.Len() + 1} {
				f := wsframe.NewInflater(withTakeover)
				got, err := inflateAll(f, []string{payload.String() + ending}, n)
				if diff := cmp.Diff([]string{before}, got); err != nil || diff != "" {
					t.Errorf("ending in %q, takeover %v, in pieces of %d: %v\n%s", ending, withTakeover, n, err, diff)
				}
			}
		}
	}
}

func TestCorruptMessage(t *testing.T) {
	broken := map[string]string{
		"reserved block type": "\x07",
		"cut":                 "\xf2\x48",
		"too far back":        "\xf2\x00\x11\x00\x00",
		"bad stored length":   "\x00\x05\x00\x00\x00Hello",
	}
	const good = "\xf2\x48\xcd\xc9\xc9\x07\x00"
	for name, bad := range broken {
		for _, n := range []int{1, 100} {
			for _, withTakeover := range []bool{true, false} {
				f := wsframe.NewInflater(withTakeover)
				_, err := inflateAll(f, []string{bad}, n)
				if err == nil {
					t.Errorf("%s, in pieces of %d: no error", name, n)
				}
				var out buffer
				after := f.Write([]byte(good), true, &out)
				if withTakeover && (!errors.Is(after, err) || f.Err() == nil || out.size != 0) {
					t.Errorf("%s, in pieces of %d: with takeover the next message gave %v, %q", name, n, after, out.kept)
				}
				if !withTakeover && (after != nil || f.Err() != nil || string(out.kept) != "Hello") {
					t.Errorf("%s, in pieces of %d: without takeover the next message gave %v, %q", name, n, after, out.kept)
				}
			}
		}
	}
}

func TestFramesAfterACorruptMessage(t *testing.T) {
	hello := frame(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00")
	wire := slices.Concat(hello, frame(0x41, "\x07\xff"), frame(0x00, "\xff"), frame(0x80, "x"), frame(0x81, "plain\xff"), hello)
	first := []decoded{
		{Opcode: 1, Content: "Hello", Inflated: true},
		{Opcode: 1, Inflated: true, Failed: true, Anomalies: wsframe.BadDeflate},
		{Content: "\xff", Failed: true},
		{Content: "x", Failed: true},
		{Opcode: 1, Content: "plain\xff", Anomalies: wsframe.InvalidText},
	}
	checkDecoded(t, "takeover", takeover, wire,
		append(slices.Clone(first), decoded{Opcode: 1, Content: "\xf2\x48\xcd\xc9\xc9\x07\x00", Failed: true}))
	checkDecoded(t, "no takeover", noTakeover, wire,
		append(slices.Clone(first), decoded{Opcode: 1, Content: "Hello", Inflated: true}))
}

// TestMessageInsideACompressedMessage: what the first would have added to the
// window is not known.
func TestMessageInsideACompressedMessage(t *testing.T) {
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00"
	wire := slices.Concat(frame(0x41, hello[:3]), frame(0xc1, hello))
	checkDecoded(t, "takeover", takeover, wire, []decoded{
		{Opcode: 1, Inflated: true},
		{Opcode: 1, Content: hello, Failed: true, Anomalies: wsframe.MessageInsideMessage},
	})
	checkDecoded(t, "no takeover", noTakeover, wire, []decoded{
		{Opcode: 1, Inflated: true},
		{Opcode: 1, Content: "Hello", Inflated: true, Anomalies: wsframe.MessageInsideMessage},
	})
}

func TestInvalidTextInCompressedMessage(t *testing.T) {
	peer := deflated{takeover: true}
	wire := slices.Concat(frame(0xc1, peer.compress(t, "a\xff")), frame(0xc2, peer.compress(t, "a\xff")), frame(0xc1, peer.compress(t, "\u20ac")))
	checkDecoded(t, "text, binary, text", takeover, wire, []decoded{
		{Opcode: 1, Content: "a\xff", Inflated: true, Anomalies: wsframe.InvalidText},
		{Opcode: 2, Content: "a\xff", Inflated: true},
		{Opcode: 1, Content: "\u20ac", Inflated: true},
	})
}

func TestEmptyFramesOfCompressedMessages(t *testing.T) {
	wire := slices.Concat(
		frame(0xc1, ""), frame(0x41, ""), frame(0x80, ""),
		frame(0x41, "\xf2\x48\xcd\xc9\xc9\x07\x00"), frame(0x80, ""),
	)
	checkDecoded(t, "empty frames", takeover, wire, []decoded{
		{Opcode: 1, Inflated: true},
		{Opcode: 1, Inflated: true},
		{Inflated: true},
		{Opcode: 1, Inflated: true},
		{Content: "Hello", Inflated: true},
	})
}

// TestBomb: 16 MiB of zeros in 16 KiB pass at constant memory, and the message
// behind it refers to them.
func TestBomb(t *testing.T) {
	const size = 16 << 20
	peer := deflated{takeover: true}
	payloads := []string{peer.compress(t, strings.Repeat("\x00", size)), peer.compress(t, strings.Repeat("\x00", 1000))}
	for _, n := range []int{1000, 1 << 20} {
		f := wsframe.NewInflater(true)
		bomb := buffer{limit: 1 << 10}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := write(f, payloads[0], n, &bomb); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if bomb.size != size || len(bomb.kept) != bomb.limit {
			t.Errorf("in pieces of %d: %d bytes, %d kept", n, bomb.size, len(bomb.kept))
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("in pieces of %d: %d bytes of memory", n, grown)
		}
		var next buffer
		if err := write(f, payloads[1], n, &next); err != nil || next.size != 1000 {
			t.Errorf("in pieces of %d: then %d bytes, %v", n, next.size, err)
		}
	}
}

// TestUncompressedMessagesStayOutOfTheWindow: RFC 7692 section 7.2.2 takes only
// compressed messages into account.
func TestUncompressedMessagesStayOutOfTheWindow(t *testing.T) {
	const again = "the same text again and again"
	peer := deflated{takeover: true}
	wire := slices.Concat(frame(0xc1, peer.compress(t, again)), frame(0x81, "between"), frame(0xc1, peer.compress(t, again)))
	checkDecoded(t, "uncompressed between", takeover, wire, []decoded{
		{Opcode: 1, Content: again, Inflated: true},
		{Opcode: 1, Content: "between"},
		{Opcode: 1, Content: again, Inflated: true},
	})
}

// TestDirectionsHaveTheirOwnTakeover: server_no_context_takeover says nothing of
// the client.
func TestDirectionsHaveTheirOwnTakeover(t *testing.T) {
	peer := deflated{takeover: true}
	var wire []byte
	var want []decoded
	for range 2 {
		message := strings.Repeat("words that come again, ", 20)
		h := wsframe.Header{Fin: true, RSV: wsframe.RSV1, Opcode: wsframe.OpText, Masked: true, Key: rfcKey}
		wire = wsframe.AppendFrame(wire, h, []byte(peer.compress(t, message)))
		want = append(want, decoded{Opcode: wsframe.OpText, Content: message, Inflated: true})
	}
	if diff := cmp.Diff(want, decode(traffic.ClientToServer, noTakeover, wire, len(wire))); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
}

func TestLostMessageIsFoundOut(t *testing.T) {
	peer := deflated{takeover: true}
	first := peer.compress(t, strings.Repeat("words that come again, ", 20))
	second := peer.compress(t, strings.Repeat("words that come again, ", 20))
	if _, err := inflateAll(wsframe.NewInflater(true), []string{first, second}, 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := inflateAll(wsframe.NewInflater(true), []string{second}, 1<<20); err == nil {
		t.Error("the second message was inflated without the first")
	}
}

func TestAbandon(t *testing.T) {
	const hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"
	for _, withTakeover := range []bool{true, false} {
		f := wsframe.NewInflater(withTakeover)
		f.Abandon()
		var out buffer
		if err := f.Write([]byte(hello[:3]), false, &out); err != nil {
			t.Fatal(err)
		}
		f.Abandon()
		f.Abandon()
		err := f.Write([]byte(hello), true, &out)
		if (err != nil) != withTakeover || (string(out.kept) == "Hello") == withTakeover {
			t.Errorf("takeover %v: the next message gave %q, %v", withTakeover, out.kept, err)
		}
	}
}

func TestInflatingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops pooled values")
	}
	for _, withTakeover := range []bool{true, false} {
		f := wsframe.NewInflater(withTakeover)
		peer := deflated{takeover: withTakeover}
		payload := []byte(peer.compress(t, strings.Repeat("a", 100)))
		out := new(discard)
		inflate := func() {
			if err := f.Write(payload, true, out); err != nil {
				t.Fatal(err)
			}
		}
		for range 1000 {
			inflate() // fill the window
		}
		if n := testing.AllocsPerRun(1000, inflate); n != 0 {
			t.Errorf("takeover %v: %v allocations", withTakeover, n)
		}
	}
}

// discard is an Appender that keeps nothing.
type discard struct{}

func (*discard) Append([]byte) {}
