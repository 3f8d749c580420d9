package wsframe_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
)

// rfcKey is the masking key of the examples in RFC 6455 section 5.7.
var rfcKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// rfcFrames are the examples of RFC 6455 section 5.7.
var rfcFrames = []struct {
	name, wire string // the payload of the last two is left out
	header     wsframe.Header
	payload    string
}{
	{"unmasked text", "81 05 48 65 6c 6c 6f", wsframe.Header{Fin: true, Opcode: 1, Length: 5}, "Hello"},
	{
		"masked text", "81 85 37 fa 21 3d 7f 9f 4d 51 58",
		wsframe.Header{Fin: true, Opcode: 1, Masked: true, Key: rfcKey, Length: 5},
		"Hello",
	},
	{"first fragment", "01 03 48 65 6c", wsframe.Header{Opcode: 1, Length: 3}, "Hel"},
	{"last fragment", "80 02 6c 6f", wsframe.Header{Fin: true, Length: 2}, "lo"},
	{"ping", "89 05 48 65 6c 6c 6f", wsframe.Header{Fin: true, Opcode: 9, Length: 5}, "Hello"},
	{
		"masked pong", "8a 85 37 fa 21 3d 7f 9f 4d 51 58",
		wsframe.Header{Fin: true, Opcode: 10, Masked: true, Key: rfcKey, Length: 5},
		"Hello",
	},
	{"256 bytes", "82 7e 01 00", wsframe.Header{Fin: true, Opcode: 2, Length: 256}, strings.Repeat("\x00", 256)},
	{"64 KiB", "82 7f 00 00 00 00 00 01 00 00", wsframe.Header{Fin: true, Opcode: 2, Length: 65536}, strings.Repeat("\x00", 65536)},
}

func TestFramesOfTheStandard(t *testing.T) {
	for _, test := range rfcFrames {
		wire := unhex(t, test.wire)
		if len(test.payload) > 125 {
			wire = append(wire, test.payload...)
		}
		if got := wsframe.AppendFrame([]byte("before"), test.header, []byte(test.payload)); string(got) != "before"+string(wire) {
			t.Errorf("%s: written as % x, want % x", test.name, got[6:], wire)
		}
		var frames parsedFrames
		var parser wsframe.Parser
		if err := parser.Feed(wire, epoch, &frames); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		want := parsed{Header: test.header, Payload: []byte(test.payload), First: epoch, Last: epoch, Complete: true}
		if len(frames) != 1 || !want.equal(frames[0]) {
			t.Errorf("%s: read %d frames, the first %+v", test.name, len(frames), frames[:min(1, len(frames))])
		}
	}
}

func TestHeaderLengths(t *testing.T) {
	tests := []struct {
		wire   string
		length int64
		size   uint8
	}{
		{"82 00", 0, 0},
		{"82 7d", 125, 0},
		{"82 7e 00 7e", 126, 0},
		{"82 7e ff ff", 65535, 0},
		{"82 7f 00 00 00 00 00 01 00 00", 65536, 0},
		{"82 7f 7f ff ff ff ff ff ff ff", 1<<63 - 1, 0},
		{"82 7e 00 00", 0, 2},
		{"82 7e 00 7d", 125, 2},
		{"82 7f 00 00 00 00 00 00 00 00", 0, 8},
		{"82 7f 00 00 00 00 00 00 00 7e", 126, 8},
		{"82 7f 00 00 00 00 00 00 ff ff", 65535, 8},
	}
	for _, test := range tests {
		wire := unhex(t, test.wire)
		h, n, err := wsframe.ParseHeader(append(bytes.Clone(wire), "more"...))
		if err != nil || n != len(wire) {
			t.Errorf("%s: size %d, error %v", test.wire, n, err)
		}
		want := wsframe.Header{Fin: true, Opcode: 2, Length: test.length, LengthSize: test.size}
		if diff := cmp.Diff(want, h); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.wire, diff)
		}
		if got := wsframe.AppendHeader(nil, h); !bytes.Equal(got, wire) {
			t.Errorf("%s: written again as % x", test.wire, got)
		}
		for cut := range wire {
			if _, n, err := wsframe.ParseHeader(wire[:cut]); n != 0 || err != nil {
				t.Errorf("%s: the first %d bytes gave size %d, error %v", test.wire, cut, n, err)
			}
		}
	}
}

func TestLengthWithItsTopBitSetIsDesync(t *testing.T) {
	wire := unhex(t, "82 ff 80 00 00 00 00 00 00 00 01 02 03 04")
	for _, n := range []int{1, 5, 10, len(wire)} {
		var frames parsedFrames
		var parser wsframe.Parser
		var err error
		for rest := wire; len(rest) > 0 && err == nil; rest = rest[min(n, len(rest)):] {
			err = parser.Feed(rest[:min(n, len(rest))], epoch, &frames)
		}
		if !errors.Is(err, wsframe.ErrDesync) || len(frames) != 0 {
			t.Errorf("in pieces of %d: %v and %d frames", n, err, len(frames))
		}
		if err := parser.Feed(frame(0x81, "Hello"), epoch, &frames); !errors.Is(err, wsframe.ErrDesync) || len(frames) != 0 {
			t.Errorf("in pieces of %d: afterwards %v and %d frames", n, err, len(frames))
		}
	}
}

func TestAppendFrameLeavesThePayloadAlone(t *testing.T) {
	payload := []byte("Hello")
	h := wsframe.Header{Fin: true, Opcode: wsframe.OpText, Masked: true, Key: rfcKey, Length: 99}
	wsframe.AppendFrame(nil, h, payload)
	if string(payload) != "Hello" {
		t.Errorf("the payload became %q", payload)
	}
}

func TestMaskContinuesAnywhere(t *testing.T) {
	for n := range 200 {
		plain := bytes.Repeat([]byte("The quick brown fox. "), 10)[:n]
		want := bytes.Clone(plain)
		for i := range want {
			want[i] ^= rfcKey[i%4]
		}
		for cut := range n + 1 {
			got := bytes.Clone(plain)
			wsframe.Mask(rfcKey, 0, got[:cut])
			wsframe.Mask(rfcKey, cut, got[cut:])
			if !bytes.Equal(got, want) {
				t.Fatalf("%d bytes cut at %d: got % x, want % x", n, cut, got, want)
			}
		}
	}
}
