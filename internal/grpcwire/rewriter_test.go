package grpcwire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// upper is an edit.
func upper(_ Message, content []byte) []byte { return bytes.ToUpper(content) }

// doubled is an edit.
func doubled(_ Message, content []byte) []byte { return append(bytes.Clone(content), content...) }

func asItIs(_ Message, content []byte) []byte { return content }

func TestRewriter(t *testing.T) {
	body := bodyOf("one", "", "three")
	flagged := []byte("\x03\x00\x00\x00\x01x") // 2 means nothing today
	withTrailer := AppendTrailer(bodyOf("one"), traffic.Fields{{Name: "Grpc-Status", Value: "0"}})
	disk := errors.New("disk on fire")
	for _, c := range []struct {
		name   string
		format Format
		body   []byte
		breaks error // behind body, nil for its end
		limit  int64
		edit   func(Message, []byte) []byte
		want   []byte
	}{
		{"shorter and longer", GRPC, body, nil, 100, doubled, bodyOf("oneone", "", "threethree")},
		{"over the limit", GRPC, body, nil, 4, upper, bodyOf("ONE", "", "three")},
		{"flags stay", GRPC, flagged, nil, 100, doubled, []byte("\x03\x00\x00\x00\x02xx")},
		{"trailers", Web, withTrailer, nil, 100, upper, append(bodyOf("ONE"), withTrailer[8:]...)},
		{"no gRPC", None, body, nil, 100, upper, body},
		{"cut inside a message", GRPC, body[:len(body)-1], nil, 100, upper, append(bodyOf("ONE", ""), body[13:len(body)-1]...)},
		{"cut behind the limit", GRPC, body[:len(body)-1], nil, 4, upper, append(bodyOf("ONE", ""), body[13:len(body)-1]...)},
		{"cut inside a prefix", GRPC, body[:11], nil, 100, upper, append(bodyOf("ONE"), body[8:11]...)},
		{"a promise of 4 GiB", GRPC, []byte("\x00\xff\xff\xff\xffx"), nil, 1 << 40, upper, []byte("\x00\xff\xff\xff\xffx")},
		{"a broken source", GRPC, body[:7], disk, 100, upper, body[:7]},
		{"a source that breaks behind the limit", GRPC, body[:7], disk, 1, upper, body[:7]},
	} {
		for _, read := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
			var source io.Reader = bytes.NewReader(c.body)
			if c.breaks != nil {
				source = io.MultiReader(source, iotest.ErrReader(c.breaks))
			}
			got, err := io.ReadAll(iotest.OneByteReader(NewRewriter(read(source), c.format, c.limit, c.edit)))
			if diff := cmp.Diff(c.want, got); diff != "" || !errors.Is(err, c.breaks) {
				t.Errorf("%s: error %v, %s", c.name, err, diff)
			}
		}
	}
}

// TestRewriterOfText reads base64 in pieces, and makes some in pieces.
func TestRewriterOfText(t *testing.T) {
	long := strings.Repeat("long", 5<<10)
	trailer := traffic.Fields{{Name: "grpc-status", Value: "5"}}
	text := base64.StdEncoding.EncodeToString(bodyOf(long)) + base64.StdEncoding.EncodeToString(AppendTrailer(nil, trailer))
	got, err := io.ReadAll(NewRewriter(strings.NewReader(text), WebText, 1<<20, upper))
	if err != nil {
		t.Fatal(err)
	}
	contents, err := readAll(NewReader(bytes.NewReader(got), WebText, 1<<20))
	if len(contents) != 2 || contents[0] != strings.ToUpper(long) || err != nil {
		t.Errorf("%d messages, error %v", len(contents), err)
	}
	if status, ok := StatusIn(TrailerIn(bytes.NewReader(got), WebText)); !ok || status.Code != 5 {
		t.Errorf("trailers say %+v, %v", status, ok)
	}
}

// TestRewriterDoesNotWait for the message behind the one that is there.
func TestRewriterDoesNotWait(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	go func() { _, _ = w.Write(bodyOf("one")) }()
	got := make([]byte, 8)
	if _, err := io.ReadFull(NewRewriter(r, GRPC, 100, upper), got); err != nil || !bytes.Equal(got, bodyOf("ONE")) {
		t.Errorf("%q, error %v", got, err)
	}
}

func TestEncoded(t *testing.T) {
	for _, encoding := range []string{"", "gzip", "deflate", "zstd"} {
		packed, err := Encoded([]byte("content"), encoding)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decoded(Message{Compressed: true}, packed, encoding, 100)
		if string(got) != "content" || err != nil {
			t.Errorf("%q: %q, error %v", encoding, got, err)
		}
	}
	if _, err := Encoded(nil, "snappy"); !errors.Is(err, coding.ErrUnknown) {
		t.Errorf("unknown: error %v", err)
	}
}

func TestStatusFields(t *testing.T) {
	for _, s := range []Status{{}, {Code: 5, Message: "größer 100%"}} {
		got, ok := StatusIn(s.Fields())
		if diff := cmp.Diff(s, got); diff != "" || !ok {
			t.Errorf("%+v: %s", s, diff)
		}
	}
}

// A Rewriter that changes nothing returns what came, and one that does what a Reader
// finds changed.
func FuzzRewriter(f *testing.F) {
	f.Add(bodyOf("one", "", "two"), uint8(GRPC))
	f.Add([]byte(base64.StdEncoding.EncodeToString(bodyOf("x"))+"AAAA=="), uint8(WebText))
	f.Add([]byte("\x80\xff\xff\xff\xff"), uint8(Web))
	f.Fuzz(func(t *testing.T, body []byte, format uint8) {
		kind := Format(format % 4)
		same, err := io.ReadAll(iotest.OneByteReader(NewRewriter(iotest.HalfReader(bytes.NewReader(body)), kind, 1<<10, asItIs)))
		if err != nil {
			t.Fatal(err)
		}
		if kind != WebText && !bytes.Equal(same, body) {
			t.Fatalf("%q became %q", body, same)
		}
		was, wasErr := readAll(NewReader(bytes.NewReader(body), kind, 1<<10))
		is, isErr := readAll(NewReader(bytes.NewReader(same), kind, 1<<10))
		if diff := cmp.Diff(was, is); diff != "" || !errors.Is(isErr, wasErr) {
			t.Fatalf("errors %v and %v: %s", wasErr, isErr, diff)
		}
	})
}

func BenchmarkRewriter(b *testing.B) {
	body := bytes.Repeat(bodyOf("a message of forty bytes, as most are so"), 100)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = io.Copy(io.Discard, NewRewriter(bytes.NewReader(body), GRPC, 1<<20, asItIs))
	}
}
