package wsframe_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/traffic"
)

var (
	takeover   = wsframe.ParseExtensions([]string{"permessage-deflate"})
	noTakeover = wsframe.ParseExtensions([]string{"permessage-deflate; server_no_context_takeover"})
	opaque     = wsframe.ParseExtensions([]string{"x-webkit-deflate-frame"})
)

// checkDecoded compares what a Decoder of the server's frames finds, in one
// piece and split in all ways with pieces of one size.
func checkDecoded(t *testing.T, name string, ext wsframe.Extensions, wire []byte, want []decoded) {
	t.Helper()
	for n := len(wire); n > 0; n-- {
		if diff := cmp.Diff(want, decode(traffic.ServerToClient, ext, wire, n)); diff != "" {
			t.Errorf("%s, in pieces of %d (-want +got):\n%s", name, n, diff)
			return
		}
	}
}

func TestAnomaliesOfHeaders(t *testing.T) {
	key := wsframe.Header{Masked: true, Key: rfcKey}.Key
	tests := []struct {
		name   string
		client bool
		ext    wsframe.Extensions
		header wsframe.Header
		size   int
		want   wsframe.Anomaly
	}{
		{name: "text of the server", header: wsframe.Header{Fin: true, Opcode: 1}},
		{name: "text of the client", client: true, header: wsframe.Header{Fin: true, Opcode: 1, Masked: true, Key: key}},
		{name: "unmasked client", client: true, header: wsframe.Header{Fin: true, Opcode: 1}, want: wsframe.UnmaskedClient},
		{name: "masked server", header: wsframe.Header{Fin: true, Opcode: 1, Masked: true, Key: key}, want: wsframe.MaskedServer},
		{name: "RSV1 without deflate", header: wsframe.Header{Fin: true, Opcode: 1, RSV: 4}, want: wsframe.ReservedBits},
		{name: "RSV1 with deflate", ext: takeover, header: wsframe.Header{Fin: true, Opcode: 1, RSV: 4}},
		{name: "RSV2", ext: takeover, header: wsframe.Header{Fin: true, Opcode: 1, RSV: 2}, want: wsframe.ReservedBits},
		{name: "RSV3", ext: takeover, header: wsframe.Header{Fin: true, Opcode: 1, RSV: 1}, want: wsframe.ReservedBits},
		{name: "RSV of an unknown extension", ext: opaque, header: wsframe.Header{Fin: true, Opcode: 1, RSV: 7}},
		{name: "RSV1 on a ping", ext: takeover, header: wsframe.Header{Fin: true, Opcode: 9, RSV: 4}, want: wsframe.MisplacedRSV1},
		{
			name: "RSV1 on a continuation", ext: takeover, header: wsframe.Header{Fin: true, RSV: 4},
			want: wsframe.MisplacedRSV1 | wsframe.NoMessageToContinue,
		},
		{name: "RSV1 on a ping without deflate", header: wsframe.Header{Fin: true, Opcode: 9, RSV: 4}, want: wsframe.ReservedBits},
		{name: "opcode 3", header: wsframe.Header{Fin: true, Opcode: 3}, want: wsframe.ReservedOpcode},
		{name: "opcode 7 in fragments", header: wsframe.Header{Opcode: 7}, want: wsframe.ReservedOpcode},
		{name: "opcode 11", header: wsframe.Header{Fin: true, Opcode: 11}, want: wsframe.ReservedOpcode},
		{name: "opcode of an unknown extension", ext: opaque, header: wsframe.Header{Fin: true, Opcode: 15}},
		{name: "fragmented ping", header: wsframe.Header{Opcode: 9}, want: wsframe.FragmentedControl},
		{name: "ping of 125 bytes", header: wsframe.Header{Fin: true, Opcode: 9}, size: 125},
		{name: "ping of 126 bytes", header: wsframe.Header{Fin: true, Opcode: 9}, size: 126, want: wsframe.LongControl},
		{name: "pong of 64 KiB", header: wsframe.Header{Fin: true, Opcode: 10}, size: 65536, want: wsframe.LongControl},
		{name: "16 bits of length", header: wsframe.Header{Fin: true, Opcode: 1, LengthSize: 2}, want: wsframe.NonMinimalLength},
		{name: "64 bits of length", header: wsframe.Header{Fin: true, Opcode: 1, LengthSize: 8}, size: 300, want: wsframe.NonMinimalLength},
	}
	for _, test := range tests {
		dir := traffic.ServerToClient
		if test.client {
			dir = traffic.ClientToServer
		}
		content := strings.Repeat("x", test.size)
		frames := decode(dir, test.ext, wsframe.AppendFrame(nil, test.header, []byte(content)), 1<<20)
		if len(frames) != 1 || frames[0].Anomalies != test.want || frames[0].Content != content {
			t.Errorf("%s: got %+v, want one frame with anomalies %q", test.name, frames, test.want)
		}
	}
}

func TestFragments(t *testing.T) {
	tests := []struct {
		name string
		wire [][]byte
		want []decoded
	}{
		{
			"a ping between fragments",
			[][]byte{frame(0x01, "a"), frame(0x89, "p"), frame(0x00, ""), frame(0x80, "b"), frame(0x81, "c")},
			[]decoded{{Opcode: 1, Content: "a"}, {Opcode: 9, Content: "p"}, {}, {Content: "b"}, {Opcode: 1, Content: "c"}},
		},
		{
			"nothing to continue",
			[][]byte{frame(0x80, "a"), frame(0x00, "\xff"), frame(0x81, "b"), frame(0x80, "c")},
			[]decoded{
				{Content: "a", Anomalies: wsframe.NoMessageToContinue},
				{Content: "\xff", Anomalies: wsframe.NoMessageToContinue},
				{Opcode: 1, Content: "b"},
				{Content: "c", Anomalies: wsframe.NoMessageToContinue},
			},
		},
		{
			"a message inside a message",
			[][]byte{frame(0x01, "\xc3"), frame(0x82, "b"), frame(0x80, "c")},
			[]decoded{
				{Opcode: 1, Content: "\xc3"},
				{Opcode: 2, Content: "b", Anomalies: wsframe.MessageInsideMessage},
				{Content: "c", Anomalies: wsframe.NoMessageToContinue},
			},
		},
		{
			"a reserved opcode between fragments",
			[][]byte{frame(0x01, "\xc3"), frame(0x83, "\xff"), frame(0x80, "\xa9")},
			[]decoded{{Opcode: 1, Content: "\xc3"}, {Opcode: 3, Content: "\xff", Anomalies: wsframe.ReservedOpcode}, {Content: "\xa9"}},
		},
	}
	for _, test := range tests {
		checkDecoded(t, test.name, wsframe.Extensions{}, slices.Concat(test.wire...), test.want)
	}
}

func TestInvalidText(t *testing.T) {
	const bad = wsframe.InvalidText
	tests := []struct {
		name string
		wire [][]byte
		want []wsframe.Anomaly
	}{
		{"all lengths", [][]byte{frame(0x81, "a\u00e9\u20ac\U0001f600\U0010ffff\ufffd")}, []wsframe.Anomaly{0}},
		{"wrong byte", [][]byte{frame(0x81, "a\xffb")}, []wsframe.Anomaly{bad}},
		{"binary", [][]byte{frame(0x82, "a\xffb")}, []wsframe.Anomaly{0}},
		{"overlong", [][]byte{frame(0x81, "\xc0\xaf")}, []wsframe.Anomaly{bad}},
		{"overlong, 3 bytes", [][]byte{frame(0x81, "\xe0\x80\xaf")}, []wsframe.Anomaly{bad}},
		{"surrogate", [][]byte{frame(0x81, "\xed\xa0\x80")}, []wsframe.Anomaly{bad}},
		{"above U+10FFFF", [][]byte{frame(0x81, "\xf4\x90\x80\x80")}, []wsframe.Anomaly{bad}},
		{"continuation byte first", [][]byte{frame(0x81, "\x80")}, []wsframe.Anomaly{bad}},
		{"ends inside a character", [][]byte{frame(0x81, "\xf0\x9f\x98")}, []wsframe.Anomaly{bad}},
		{"character across frames", [][]byte{frame(0x01, "\xf0"), frame(0x00, "\x9f"), frame(0x89, "\xff"), frame(0x80, "\x98\x80")}, []wsframe.Anomaly{0, 0, 0, 0}},
		{"character cut by an empty last frame", [][]byte{frame(0x01, "\xf0\x9f"), frame(0x80, "")}, []wsframe.Anomaly{0, bad}},
		{"told once, where it is", [][]byte{frame(0x01, "a"), frame(0x00, "\xff"), frame(0x80, "\xff")}, []wsframe.Anomaly{0, bad, 0}},
		{"impossible second byte", [][]byte{frame(0x01, "\xed"), frame(0x00, "\xa0"), frame(0x80, "\x80")}, []wsframe.Anomaly{0, bad, 0}},
		{"the next message is valid", [][]byte{frame(0x81, "\xc3"), frame(0x81, "\xc3\xa9")}, []wsframe.Anomaly{bad, 0}},
	}
	for _, test := range tests {
		wire := slices.Concat(test.wire...)
		for n := 1; n <= len(wire); n++ {
			var got []wsframe.Anomaly
			for _, f := range decode(traffic.ServerToClient, wsframe.Extensions{}, wire, n) {
				got = append(got, f.Anomalies)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, in pieces of %d (-want +got):\n%s", test.name, n, diff)
			}
		}
	}
}

func TestCloseFrames(t *testing.T) {
	long := "\x03\xe8" + strings.Repeat("\u20ac", 42)
	tests := []struct {
		name string
		wire [][]byte
		want []decoded
	}{
		{"with code and reason", [][]byte{frame(0x88, "\x03\xe9bye")}, []decoded{{Opcode: 8, Content: "\x03\xe9bye", Code: 1001, Reason: "bye"}}},
		{"without code", [][]byte{frame(0x88, "")}, []decoded{{Opcode: 8, Code: 1005}}},
		{
			"single byte",
			[][]byte{frame(0x88, "\x03")},
			[]decoded{{Opcode: 8, Content: "\x03", Code: 1005, Anomalies: wsframe.ShortClose}},
		},
		{
			"forbidden code and broken reason",
			[][]byte{frame(0x88, "\x03\xee\xff")},
			[]decoded{{Opcode: 8, Content: "\x03\xee\xff", Code: 1006, Reason: "\xff", Anomalies: wsframe.ForbiddenCloseCode | wsframe.InvalidCloseReason}},
		},
		{
			"too long",
			[][]byte{frame(0x88, long)},
			[]decoded{{Opcode: 8, Content: long, Code: 1000, Reason: long[2:125], Anomalies: wsframe.LongControl}},
		},
		{
			"data afterwards",
			[][]byte{frame(0x88, ""), frame(0x89, ""), frame(0x81, "a"), frame(0x88, "")},
			[]decoded{{Opcode: 8, Code: 1005}, {Opcode: 9}, {Opcode: 1, Content: "a", Anomalies: wsframe.DataAfterClose}, {Opcode: 8, Code: 1005}},
		},
	}
	for _, test := range tests {
		checkDecoded(t, test.name, wsframe.Extensions{}, slices.Concat(test.wire...), test.want)
	}
}

func TestAnomalyTexts(t *testing.T) {
	if got := (wsframe.UnmaskedClient | wsframe.DataAfterClose | wsframe.BadDeflate).String(); got != "unmasked client frame, data after close, compressed content cannot be inflated" {
		t.Errorf("got %q", got)
	}
	if texts := wsframe.Anomaly(0).Texts(); texts != nil {
		t.Errorf("nothing is wrong, but %q", texts)
	}
	if n := len((wsframe.BadDeflate<<1 - 1).Texts()); n != 16 {
		t.Errorf("%d anomalies have a text, want 16", n)
	}
}
