package wsframe_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
)

// stream is a conversation with every form of header.
func stream() []byte {
	var wire []byte
	add := func(h wsframe.Header, size int) {
		wire = wsframe.AppendFrame(wire, h, bytes.Repeat([]byte{'a', 'b', 'c'}, size/3+1)[:size])
	}
	for _, masked := range []bool{true, false} {
		for _, size := range []int{0, 1, 5, 125, 126, 300} {
			add(wsframe.Header{Fin: size%2 == 0, RSV: uint8(size % 8), Opcode: uint8(size % 16), Masked: masked, Key: rfcKey}, size)
			add(wsframe.Header{Fin: true, Opcode: 2, Masked: masked, LengthSize: 8}, size)
		}
	}
	return wire
}

func parse(pieces ...[]byte) []parsed {
	var frames parsedFrames
	var parser wsframe.Parser
	for _, piece := range pieces {
		_ = parser.Feed(piece, epoch, &frames)
	}
	return frames
}

func TestEverySplitGivesTheSameFrames(t *testing.T) {
	wire := stream()
	original := bytes.Clone(wire)
	want := parse(wire)
	if len(want) != 24 || !want[23].Complete {
		t.Fatalf("%d frames in one piece", len(want))
	}
	same := func(got []parsed) bool { return slices.EqualFunc(got, want, parsed.equal) }
	for cut := range wire {
		if got := parse(wire[:cut], wire[cut:]); !same(got) {
			t.Fatalf("cut at %d (-whole +cut):\n%s", cut, cmp.Diff(want, got))
		}
	}
	for n := 1; n < 40; n++ {
		if got := parse(slices.Collect(slices.Chunk(wire, n))...); !same(got) {
			t.Fatalf("in pieces of %d (-whole +pieces):\n%s", n, cmp.Diff(want, got))
		}
	}
	if !bytes.Equal(wire, original) {
		t.Error("the bytes that were fed have changed")
	}
}

func TestFramesAreWrittenAgainAsTheyCame(t *testing.T) {
	wire := stream()
	var again []byte
	for _, f := range parse(wire) {
		again = wsframe.AppendFrame(again, f.Header, f.Payload)
	}
	if !bytes.Equal(again, wire) {
		t.Error("the frames do not give the bytes they were read from")
	}
}

func TestTimesOfFirstAndLastByte(t *testing.T) {
	wire := slices.Concat(frame(0x81, "Hello"), frame(0x89, ""), frame(0x82, "x"))
	var frames parsedFrames
	var parser wsframe.Parser
	for i, b := range wire {
		if err := parser.Feed([]byte{b}, epoch.Add(time.Duration(i)), &frames); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range [][2]time.Duration{{0, 6}, {7, 8}, {9, 11}} {
		if got := [2]time.Duration{frames[i].First.Sub(epoch), frames[i].Last.Sub(epoch)}; got != want {
			t.Errorf("frame %d: first and last byte at %v, want %v", i, got, want)
		}
	}
}

func TestMidFrame(t *testing.T) {
	wire := slices.Concat(frame(0x81, "Hello"), frame(0x89, ""))
	var frames parsedFrames
	var parser wsframe.Parser
	for i, b := range wire {
		boundary := i == 0 || i == 7
		if parser.MidFrame() == boundary {
			t.Errorf("before byte %d: MidFrame is %v", i, parser.MidFrame())
		}
		_ = parser.Feed([]byte{b}, epoch, &frames)
	}
	if parser.MidFrame() {
		t.Error("MidFrame at the end")
	}
}

// counting is a Sink that counts.
type counting struct {
	frames, pieces int
	bytes          int64
}

func (c *counting) Header(wsframe.Header, time.Time) {}
func (c *counting) End(time.Time)                    { c.frames++ }

func (c *counting) Payload(p []byte) {
	c.pieces++
	c.bytes += int64(len(p))
}

func TestParsingAllocatesNothing(t *testing.T) {
	for name, size := range map[string]int{"small": 128, "large": 64 << 10} {
		for _, masked := range []bool{true, false} {
			h := wsframe.Header{Fin: true, Opcode: wsframe.OpBinary, Masked: masked, Key: rfcKey}
			wire := wsframe.AppendFrame(nil, h, make([]byte, size))
			var parser wsframe.Parser
			sink := new(counting)
			feed := func() {
				_ = parser.Feed(wire[:3], epoch, sink)
				_ = parser.Feed(wire[3:], epoch, sink)
			}
			if n := testing.AllocsPerRun(100, feed); n != 0 && !raceEnabled {
				t.Errorf("%s, masked %v: %v allocations", name, masked, n)
			}
		}
	}
}

func TestLargeFramesNeedNoMemory(t *testing.T) {
	const size = 16 << 20
	var parser wsframe.Parser
	sink := new(counting)
	head := wsframe.AppendHeader(nil, wsframe.Header{Fin: true, Opcode: 2, Masked: true, Key: rfcKey, Length: size})
	piece := make([]byte, 64<<10)
	feed := func() {
		_ = parser.Feed(head, epoch, sink)
		for range size / len(piece) {
			_ = parser.Feed(piece, epoch, sink)
		}
	}
	if n := testing.AllocsPerRun(1, feed); n > 2 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
	if sink.frames != 2 || sink.bytes != 2*size || parser.MidFrame() {
		t.Errorf("%d frames of %d bytes together", sink.frames, sink.bytes)
	}
}
