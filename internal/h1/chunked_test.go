package h1

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// chunkedStreams are chunked bodies and what they hold, or why they are
// refused.
var chunkedStreams = []struct {
	name, wire string
	want       string
	trailer    []string
	bad        string
}{
	{name: "empty", wire: "0\r\n\r\n"},
	{name: "one chunk", wire: "5\r\nhello\r\n0\r\n\r\n", want: "hello"},
	{name: "two chunks", wire: "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", want: "hello"},
	{name: "lower case", wire: "a\r\n0123456789\r\n0\r\n\r\n", want: "0123456789"},
	{name: "upper case", wire: "A\r\n0123456789\r\n0\r\n\r\n", want: "0123456789"},
	{name: "leading zeros", wire: "0005\r\nhello\r\n000\r\n\r\n", want: "hello"},
	{name: "16 digits", wire: "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", want: "hello"},
	{name: "content like framing", wire: "5\r\n0\r\n\r\n\r\n0\r\n\r\n", want: "0\r\n\r\n"},
	{name: "white space behind the size", wire: "5 \t\r\nhello\r\n0  \r\n\r\n", want: "hello"},
	{name: "extensions", wire: "5;a\r\nhello\r\n0;b=c;d\r\n\r\n", want: "hello"},
	{name: "extension after white space", wire: "5 ; a = b\r\nhello\r\n0\r\n\r\n", want: "hello"},
	{name: "quoted extension", wire: "5;a=\"b;\\\"0 c\xff\"\r\nhello\r\n0\r\n\r\n", want: "hello"},
	{name: "extension without name", wire: "5;\r\nhello\r\n0;;\r\n\r\n", want: "hello"},
	{name: "trailer", wire: "1\r\nh\r\n0\r\nX-T: 1\r\nx-t:2 \r\n\r\n", want: "h", trailer: []string{"X-T", "1", "x-t", "2"}},
	{name: "trailer behind nothing", wire: "0\r\nA:\r\n\r\n", trailer: []string{"A", ""}},
	{name: "LF in a trailer", wire: "0\r\nA: 1\nB: 2\r\n\r\n", trailer: []string{"A", "1", "B", "2"}},

	{name: "17 digits", wire: "00000000000000005\r\nhello\r\n0\r\n\r\n", bad: "invalid chunk size"},
	{name: "2^64", wire: "10000000000000000\r\n", bad: "invalid chunk size"},
	{name: "2^64-1", wire: "ffffffffffffffff\r\n", bad: "chunk size too large"},
	{name: "2^63", wire: "8000000000000000\r\n", bad: "chunk size too large"},
	{name: "no size", wire: "\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "extension without size", wire: ";a\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "white space before the size", wire: " 5\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "plus", wire: "+5\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "minus", wire: "-5\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "0x", wire: "0x5\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "underscore", wire: "1_0\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "no hex digit", wire: "5g\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "two sizes", wire: "5 5\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "comma", wire: "5,5\r\nhello\r\n", bad: "invalid chunk size"},
	{name: "LF behind the size", wire: "5\nhello\r\n0\r\n\r\n", bad: "invalid chunk size"},
	{name: "LF behind white space", wire: "5 \nhello\r\n0\r\n\r\n", bad: "invalid chunk size"},
	{name: "LF in an extension", wire: "5;a\nhello\r\n0\r\n\r\n", bad: "0x0a"},
	{name: "LF in a quoted extension", wire: "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", bad: "0x0a"},
	{name: "NUL in an extension", wire: "5;\x00\r\nhello\r\n0\r\n\r\n", bad: "0x00"},
	{name: "DEL in an extension", wire: "5;\x7f\r\nhello\r\n0\r\n\r\n", bad: "0x7f"},
	{name: "CR behind the size", wire: "5\rhello\r\n0\r\n\r\n", bad: "bare CR"},
	{name: "two CR behind the size", wire: "5\r\r\nhello\r\n0\r\n\r\n", bad: "bare CR"},
	{name: "CR in an extension", wire: "5;a\rb\r\nhello\r\n0\r\n\r\n", bad: "bare CR"},
	{name: "CR in a quoted extension", wire: "5;a=\"\r\"\r\nhello\r\n0\r\n\r\n", bad: "bare CR"},
	{name: "no line end behind a chunk", wire: "5\r\nhello0\r\n\r\n", bad: "longer than its size"},
	{name: "LF behind a chunk", wire: "5\r\nhello\n0\r\n\r\n", bad: "longer than its size"},
	{name: "CR behind a chunk", wire: "5\r\nhello\r0\r\n\r\n", bad: "no LF behind a chunk"},
	{name: "chunk longer than its size", wire: "4\r\nhello\r\n0\r\n\r\n", bad: "longer than its size"},
	{name: "LF behind the last size", wire: "0\n\r\n", bad: "invalid chunk size"},
	{name: "LF for the end", wire: "0\r\n\n", bad: "bare LF in a trailer"},
	{name: "LF for the end of a trailer", wire: "0\r\nA: 1\r\n\n", bad: "bare LF in a trailer"},
	{name: "two LF in a trailer", wire: "0\r\nA: 1\n\n", bad: "bare LF in a trailer"},
	{name: "CR in a trailer", wire: "0\r\nA: 1\rB: 2\r\n\r\n", bad: "0x0d"},
	{name: "CR for the end", wire: "0\r\n\r\r\n\r\n", bad: "without colon"},
	{name: "folded trailer", wire: "0\r\nA: 1\r\n 2\r\n\r\n", bad: "folded"},
	{name: "space before the colon of a trailer", wire: "0\r\nA : 1\r\n\r\n", bad: "invalid field name"},
	{name: "trailer without colon", wire: "0\r\nGET / HTTP/1.1\r\n\r\n", bad: "without colon"},
	{name: "length in a trailer", wire: "0\r\ncontent-length: 1\r\n\r\n", bad: "not allowed"},
	{name: "coding in a trailer", wire: "0\r\nTransfer-Encoding: chunked\r\n\r\n", bad: "not allowed"},
	{name: "host in a trailer", wire: "0\r\nA: 1\r\nHost: a\r\n\r\n", bad: "not allowed"},
	{name: "cookie in a trailer", wire: "0\r\nSet-Cookie: a\r\n\r\n", bad: "not allowed"},
	{name: "authorization in a trailer", wire: "0\r\nAuthorization: a\r\n\r\n", bad: "not allowed"},
}

// Whatever the pieces in which a stream comes, reading it, relaying it and
// watching it pass give the same.
func TestChunkedStreams(t *testing.T) {
	for _, test := range chunkedStreams {
		const next = "GET /next"
		splits(test.wire+next, func(src io.Reader) {
			body := chunkedBody(src)
			wire, seen, err := relay(body, "")
			if test.bad != "" {
				checkRefused(t, test.name, err, 400, test.bad)
				if body.Done() || !strings.HasPrefix(test.wire, wire) || wire == test.wire {
					t.Errorf("%s: relayed %q of %q, done %v", test.name, wire, test.wire, body.Done())
				}
				return
			}
			if wire != test.wire || seen != test.want || err != nil || !body.Done() {
				t.Errorf("%s: relayed %q, saw %q, %v", test.name, wire, seen, err)
			}
			if diff := cmp.Diff(test.trailer, pairs(body.Trailer)); diff != "" {
				t.Errorf("%s: trailer (-want +got):\n%s", test.name, diff)
			}
			if rest, _ := io.ReadAll(body.r); string(rest) != next {
				t.Errorf("%s: %q is left", test.name, rest)
			}
		})
	}
}

func TestChunkedStreamsRead(t *testing.T) {
	for _, test := range chunkedStreams {
		for _, size := range []int{1, 3, 512} {
			splits(test.wire+"GET", func(src io.Reader) {
				var tap content
				body := chunkedBody(src)
				body.Tap = &tap
				var got strings.Builder
				_, err := io.CopyBuffer(&got, body, make([]byte, size))
				if test.bad != "" {
					checkRefused(t, test.name, err, 400, test.bad)
					return
				}
				if got.String() != test.want || string(tap.data) != test.want || err != nil {
					t.Errorf("%s: read %q, saw %q, %v", test.name, got.String(), tap.data, err)
				}
				if diff := cmp.Diff(test.trailer, pairs(body.Trailer)); diff != "" {
					t.Errorf("%s: trailer (-want +got):\n%s", test.name, diff)
				}
			})
		}
	}
}

func TestChunkedStreamsThatEndEarly(t *testing.T) {
	const wire = "5;a=\"b\"\r\nhello\r\n1\r\n!\r\n0\r\nA: 1\r\n\r\n"
	for i := range len(wire) {
		body := chunkedBody(strings.NewReader(wire[:i]))
		out, seen, err := relay(body, "")
		if !errors.Is(err, ErrTruncated) || body.Done() || out != wire[:i] || !strings.HasPrefix("hello!", seen) {
			t.Errorf("after %d bytes: relayed %q, saw %q, %v", i, out, seen, err)
		}
		got, err := io.ReadAll(chunkedBody(iotest.OneByteReader(strings.NewReader(wire[:i]))))
		if !errors.Is(err, ErrTruncated) || string(got) != seen {
			t.Errorf("after %d bytes: read %q, %v", i, got, err)
		}
	}
}

func TestChunkLimits(t *testing.T) {
	limits := Limits{Extension: 10, Trailer: 20, Fields: 3}
	fill := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct{ name, wire, bad string }{
		{name: "extension at its limit", wire: "1;" + fill(9) + "\r\na\r\n1 ;" + fill(8) + "\r\nb\r\n0\r\n\r\n"},
		{name: "extension over it", wire: "1;" + fill(10) + "\r\na\r\n0\r\n\r\n", bad: "extension longer than 10"},
		{name: "white space over it", wire: "1" + strings.Repeat(" ", 11) + "\r\na\r\n0\r\n\r\n", bad: "extension longer than 10"},
		{name: "last extension over it", wire: "0;" + fill(10) + "\r\n\r\n", bad: "extension longer than 10"},
		{name: "trailer at its limit", wire: "0\r\nA:" + fill(14) + "\r\n\r\n"},
		{name: "trailer over it", wire: "0\r\nA:" + fill(15) + "\r\n\r\n", bad: "trailer section longer than 20"},
		{name: "trailer without end", wire: "0\r\nA:" + fill(100), bad: "trailer section longer than 20"},
		{name: "as many trailer fields as allowed", wire: "0\r\na:\r\na:\r\na:\r\n\r\n"},
		{name: "one more", wire: "0\r\na:\na:\na:\na:\n\r\n", bad: "more than 3 fields"},
	}
	for _, test := range tests {
		splits(test.wire, func(src io.Reader) {
			_, _, err := relay(NewReader(src, limits).Body(Framing{Kind: Chunked}), "")
			status := 400
			switch test.bad {
			case "":
				status = 0
			case "more than 3 fields":
				status = 431
			}
			checkRefused(t, test.name, err, status, test.bad)
		})
	}
}

// Small chunks are how token streams come and must pass however many they are;
// small chunks with long extensions are an attack on whoever parses them.
func TestChunkOverhead(t *testing.T) {
	tests := []struct {
		name, chunk string
		count       int
		bad         bool
	}{
		{name: "one byte each", chunk: "1\r\na\r\n", count: 100_000},
		{name: "one byte each, padded sizes", chunk: "00000001\r\na\r\n", count: 100_000},
		{name: "short extensions", chunk: "1;ab=cd\r\na\r\n", count: 100_000},
		{name: "large chunks with long extensions", chunk: "800;" + strings.Repeat("x", 4000) + "\r\n" + strings.Repeat("y", 2048) + "\r\n", count: 1000},
		{name: "a few long extensions", chunk: "1;" + strings.Repeat("x", 4000) + "\r\na\r\n", count: 16},
		{name: "many long extensions", chunk: "1;" + strings.Repeat("x", 4000) + "\r\na\r\n", count: 20, bad: true},
		{name: "very many extensions", chunk: "1;" + strings.Repeat("x", 30) + "\r\na\r\n", count: 10_000, bad: true},
	}
	for _, test := range tests {
		body := chunkedBody(strings.NewReader(strings.Repeat(test.chunk, test.count) + "0\r\n\r\n"))
		err := body.Relay(io.Discard, nil)
		if !test.bad && err != nil || test.bad && (!IsMalformed(err) || !strings.Contains(err.Error(), "more chunk framing")) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestLargeChunks(t *testing.T) {
	data := strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB
	wire := "50000;x\r\n" + data + "\r\n50000\r\n" + data + "\r\n0\r\nA: 1\r\n\r\n"
	for _, src := range []io.Reader{strings.NewReader(wire), iotest.HalfReader(strings.NewReader(wire))} {
		body := chunkedBody(src)
		out, seen, err := relay(body, "head")
		if out != "head"+wire || seen != data+data || err != nil || body.Trailer.Get("a") != "1" {
			t.Errorf("relayed %d bytes, saw %d, %v", len(out), len(seen), err)
		}
	}
	got, err := io.ReadAll(chunkedBody(strings.NewReader(wire)))
	if string(got) != data+data || err != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// A trailer that comes byte by byte is searched once: its square would be
// 2^32 steps.
func TestSlowTrailers(t *testing.T) {
	wire := "0\r\nA:" + strings.Repeat("x", 64<<10-8) + "\r\n\r\n"
	out, _, err := relay(chunkedBody(iotest.OneByteReader(strings.NewReader(wire))), "")
	if out != wire || err != nil {
		t.Errorf("relayed %d bytes of %d, %v", len(out), len(wire), err)
	}
}
