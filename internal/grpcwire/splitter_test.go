package grpcwire

import (
	"bytes"
	"encoding/base64"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// bodyOf returns messages with these contents, one after the other.
func bodyOf(contents ...string) []byte {
	var body []byte
	for _, c := range contents {
		body = append(AppendPrefix(body, Message{Size: int64(len(c))}), c...)
	}
	return body
}

// split feeds a body in pieces of so many bytes.
func split(format Format, body []byte, piece int) ([]Message, bool) {
	var found []Message
	s := NewSplitter(format)
	for len(body) > 0 {
		n := min(piece, len(body))
		s.Data(body[:n], func(m Message) { found = append(found, m) })
		body = body[n:]
	}
	return found, s.Between()
}

func TestSplitterFindsMessagesHoweverTheyCome(t *testing.T) {
	binary := bodyOf("one", "", "a longer message")
	binary = append(AppendPrefix(binary, Message{Size: 4, Compressed: true}), "gzip"...)
	trailer := append(bytes.Clone(binary), AppendPrefix(nil, Message{Size: 2, Trailer: true})...)
	trailer = append(trailer, "ab"...)
	messages := []Message{{Size: 3}, {}, {Size: 16}, {Size: 4, Compressed: true}}
	withTrailer := append(messages[:4:4], Message{Size: 2, Trailer: true})
	text := base64.StdEncoding.EncodeToString(trailer[:8]) + base64.StdEncoding.EncodeToString(trailer[8:])

	for _, c := range []struct {
		name   string
		format Format
		body   []byte
		want   []Message
	}{
		{"gRPC", GRPC, binary, messages},
		{"gRPC-Web", Web, trailer, withTrailer},
		{"gRPC-Web in base64 with padding inside", WebText, []byte(text), withTrailer},
		{"gRPC with the flag of trailers", GRPC, AppendPrefix(nil, Message{Trailer: true}), []Message{{}}},
		{"something else", None, binary, nil},
		{"nothing", GRPC, nil, nil},
	} {
		for piece := 1; piece < len(c.body)+2; piece++ {
			got, between := split(c.format, c.body, piece)
			if diff := cmp.Diff(c.want, got); diff != "" || !between {
				t.Fatalf("%s in pieces of %d: between %v, %s", c.name, piece, between, diff)
			}
		}
	}
}

func TestSplitterLeavesOutWhatIsCutOff(t *testing.T) {
	whole := bodyOf("one", "two")
	for n := len(whole) - 7; n < len(whole); n++ {
		if got, between := split(GRPC, whole[:n], 3); len(got) != 1 || between {
			t.Errorf("%d bytes: %d messages, between %v", n, len(got), between)
		}
	}
}

// A Splitter and a Reader find the same in any bytes, cut anywhere, and a Reader
// keeps no more than comes.
func FuzzSplitter(f *testing.F) {
	f.Add(bodyOf("one", "", "two"), uint8(GRPC), uint8(3))
	f.Add([]byte(base64.StdEncoding.EncodeToString(bodyOf("x"))+"AAAA=="), uint8(WebText), uint8(1))
	f.Add([]byte("\x80\xff\xff\xff\xff"), uint8(Web), uint8(9))
	f.Fuzz(func(t *testing.T, body []byte, format, piece uint8) {
		kind := Format(format % 4)
		inOne, between := split(kind, body, len(body)+1)
		inPieces, betweenPieces := split(kind, body, int(piece)+1)
		if diff := cmp.Diff(inOne, inPieces); diff != "" || between != betweenPieces {
			t.Fatal(diff)
		}
		var read []Message
		r := NewReader(iotest.OneByteReader(bytes.NewReader(body)), kind, 1<<10)
		for r.Next() {
			if n := len(r.Content()); n > len(body) || n > 1<<10 {
				t.Fatalf("%d bytes of %d", n, len(body))
			}
			read = append(read, r.Message())
		}
		if (r.Err() == nil) != between && kind != None {
			t.Fatalf("between %v, error %v", between, r.Err())
		}
		if diff := cmp.Diff(inOne, read); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkSplitter(b *testing.B) {
	body := bytes.Repeat(bodyOf("a message of forty bytes, as most are so"), 100)
	for _, c := range []struct {
		name   string
		format Format
		body   []byte
	}{
		{"binary", Web, body},
		{"base64", WebText, []byte(base64.StdEncoding.EncodeToString(body))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			s, n := NewSplitter(c.format), 0
			for b.Loop() {
				s.Data(c.body, func(Message) { n++ })
			}
		})
	}
}
