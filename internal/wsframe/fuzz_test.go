package wsframe_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

// split cuts p at random places that seed decides.
func split(p []byte, seed uint64) [][]byte {
	random := rand.New(rand.NewPCG(seed, 0))
	var pieces [][]byte
	for len(p) > 0 {
		n := min(len(p), random.IntN(1<<random.IntN(12)+1))
		pieces = append(pieces, bytes.Clone(p[:n]))
		p = p[n:]
	}
	return pieces
}

func FuzzParser(f *testing.F) {
	f.Add(stream(), uint64(1))
	for _, test := range rfcFrames {
		f.Add(unhex(f, test.wire), uint64(2))
	}
	f.Add([]byte("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00"), uint64(3))
	f.Fuzz(func(t *testing.T, wire []byte, seed uint64) {
		whole := parse(wire)
		if pieces := parse(split(wire, seed)...); !slices.EqualFunc(whole, pieces, parsed.equal) {
			t.Fatalf("seed %d (-whole +pieces):\n%s", seed, cmp.Diff(whole, pieces))
		}
		var again []byte
		for _, f := range whole {
			if f.Complete {
				again = wsframe.AppendFrame(again, f.Header, f.Payload)
			}
		}
		if !bytes.HasPrefix(wire, again) {
			t.Errorf("written again as % x, read from % x", again, wire)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	hello := frame(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00")
	f.Add(slices.Concat(hello, hello), uint8(1))
	f.Add(slices.Concat(frame(0x41, "\xf2\x48\xcd"), frame(0x89, "p"), frame(0x80, "\xc9\xc9\x07\x00"), frame(0x88, "\x03\xe8")), uint8(3))
	f.Add(slices.Concat(frame(0x41, "\x07\xff"), frame(0x82, "\xff"), frame(0x80, "x"), hello), uint8(2))
	f.Add(slices.Concat(frame(0x01, "\xf0\x9f"), frame(0x80, "\x98\x80")), uint8(4))
	f.Fuzz(func(t *testing.T, wire []byte, mode uint8) {
		ext := []wsframe.Extensions{{}, takeover, noTakeover, opaque}[mode%4]
		dir := traffic.Direction(mode / 4 % 2)
		whole := decode(dir, ext, wire, len(wire)+1)
		for _, n := range []int{1, 3} {
			if diff := cmp.Diff(whole, decode(dir, ext, wire, n)); diff != "" {
				t.Fatalf("in pieces of %d (-whole +pieces):\n%s", n, diff)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte("a\u00e9\u20ac\U0001f600"), uint64(1))
	f.Add([]byte("\xf0\x9f\x98"), uint64(2))
	f.Add([]byte("\xed\xa0\x80\xff"), uint64(3))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		pieces := append(split(text, seed), nil)
		var wire []byte
		for i, piece := range pieces {
			h := wsframe.Header{Fin: i == len(pieces)-1}
			if i == 0 {
				h.Opcode = wsframe.OpText
			}
			wire = wsframe.AppendFrame(wire, h, piece)
		}
		told := 0
		for _, f := range decode(traffic.ServerToClient, wsframe.Extensions{}, wire, len(wire)) {
			if f.Anomalies == wsframe.InvalidText {
				told++
			}
		}
		want := 0
		if !utf8.Valid(text) {
			want = 1
		}
		if told != want {
			t.Errorf("%q in %d frames: told invalid %d times", text, len(pieces), told)
		}
	})
}

// FuzzInflateConversation compresses text as peers do, cuts it anywhere, and
// expects it back.
func FuzzInflateConversation(f *testing.F) {
	f.Add("one|two|two|one two", uint64(1), true)
	f.Add(strings.Repeat("window ", 10000)+"|"+strings.Repeat("window ", 10), uint64(2), true)
	f.Add("alone|alone||alone", uint64(3), false)
	f.Fuzz(func(t *testing.T, conversation string, seed uint64, withTakeover bool) {
		peer := deflated{takeover: withTakeover}
		inflater := wsframe.NewInflater(withTakeover)
		for message := range strings.SplitSeq(conversation, "|") {
			var out buffer
			pieces := append(split([]byte(peer.compress(t, message)), seed), nil)
			for i, piece := range pieces {
				if err := inflater.Write(piece, i == len(pieces)-1, &out); err != nil {
					t.Fatalf("%q: %v", message, err)
				}
			}
			if string(out.kept) != message {
				t.Fatalf("got %q, want %q", out.kept, message)
			}
		}
	})
}

// FuzzInflateGarbage expects the same of any bytes, however they are cut.
func FuzzInflateGarbage(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), uint64(1))
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), uint64(2))
	f.Add([]byte("\x00\x05\x00\xfa\xffHello\x00"), uint64(3))
	f.Add([]byte("\x03\x00\x03\x00\x07"), uint64(4))
	f.Fuzz(func(t *testing.T, payload []byte, seed uint64) {
		whole, cut := buffer{limit: 1 << 20}, buffer{limit: 1 << 20}
		errWhole := wsframe.NewInflater(true).Write(payload, true, &whole)
		inflater := wsframe.NewInflater(true)
		defer inflater.Abandon()
		var errCut error
		pieces := append(split(payload, seed), nil)
		for i := 0; i < len(pieces) && errCut == nil; i++ {
			errCut = inflater.Write(pieces[i], i == len(pieces)-1, &cut)
		}
		if (errWhole == nil) != (errCut == nil) || whole.size != cut.size || !bytes.Equal(whole.kept, cut.kept) {
			t.Errorf("whole: %d bytes, %v; cut: %d bytes, %v", whole.size, errWhole, cut.size, errCut)
		}
	})
}

func FuzzDeflate(f *testing.F) {
	f.Add([]byte("short"), uint8(1))
	f.Add([]byte("long "), uint8(200))
	f.Fuzz(func(t *testing.T, message []byte, times uint8) {
		message = bytes.Repeat(message, int(times))
		out, compressed := wsframe.AppendDeflate(nil, message, wsframe.Compression{WindowBits: 15})
		if !compressed {
			if !bytes.Equal(out, message) {
				t.Error("not compressed and changed")
			}
			return
		}
		got, err := inflateAll(wsframe.NewInflater(false), []string{string(out)}, 1<<20)
		if err != nil || got[0] != string(message) {
			t.Errorf("inflates to something else, %v", err)
		}
	})
}

func FuzzExtensions(f *testing.F) {
	f.Add(`permessage-deflate; server_max_window_bits="10"; client_no_context_takeover, x; a="\b"`)
	f.Add("permessage-deflate; client_max_window_bits")
	f.Add(`;=",\`)
	f.Fuzz(func(t *testing.T, value string) {
		ext := wsframe.ParseExtensions([]string{value})
		if ext.Opaque != "" && ext.Deflate {
			t.Errorf("%q gave %+v", value, ext)
		}
		if ext.Deflate && (ext.Client.WindowBits < 8 || ext.Client.WindowBits > 15 || ext.Server.WindowBits < 8 || ext.Server.WindowBits > 15) {
			t.Errorf("%q gave %+v", value, ext)
		}
		if answer, agreed := wsframe.AcceptDeflate([]string{value}); (answer != "") != agreed.Deflate || agreed.Opaque != "" {
			t.Errorf("%q was answered %q, which is %+v", value, answer, agreed)
		}
	})
}
