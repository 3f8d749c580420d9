package h1

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// bodies are good bodies under each framing, with what may follow them.
var bodies = []struct {
	name          string
	framing       Framing
	wire, content string
	next          string
}{
	{name: "none", next: "GET"},
	{name: "no content", framing: Framing{Kind: ByLength}, next: "GET"},
	{name: "length", framing: Framing{Kind: ByLength, Length: 5}, wire: "hello", content: "hello", next: "GET"},
	{name: "until close", framing: Framing{Kind: UntilClose}, wire: "hello", content: "hello"},
	{name: "until close, empty", framing: Framing{Kind: UntilClose}},
	{
		name: "chunked", framing: Framing{Kind: Chunked}, next: "GET",
		wire: "2;a\r\nhe\r\n003\r\nllo\r\n0\r\nA: 1\r\n\r\n", content: "hello",
	},
}

func TestRelayKeepsBytes(t *testing.T) {
	for _, test := range bodies {
		for _, prefix := range []string{"", "head"} {
			splits(test.wire+test.next, func(src io.Reader) {
				body := NewReader(src, Limits{}).Body(test.framing)
				wire, seen, err := relay(body, prefix)
				if wire != prefix+test.wire || seen != test.content || err != nil || !body.Done() || body.Err() != nil {
					t.Errorf("%s: relayed %q, saw %q, %v", test.name, wire, seen, err)
				}
				if rest, _ := io.ReadAll(body.r); string(rest) != test.next {
					t.Errorf("%s: %q is left", test.name, rest)
				}
			})
		}
	}
}

func TestReadGivesTheContent(t *testing.T) {
	for _, test := range bodies {
		splits(test.wire+test.next, func(src io.Reader) {
			var tap content
			body := NewReader(src, Limits{}).Body(test.framing)
			body.Tap = &tap
			got, err := io.ReadAll(iotest.OneByteReader(body))
			if string(got) != test.content || string(tap.data) != test.content || err != nil || !body.Done() {
				t.Errorf("%s: read %q, saw %q, %v", test.name, got, tap.data, err)
			}
			if n, err := body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("%s: behind the end %d, %v", test.name, n, err)
			}
			if rest, _ := io.ReadAll(body.r); string(rest) != test.next {
				t.Errorf("%s: %q is left", test.name, rest)
			}
			if err := body.Close(); err != nil {
				t.Errorf("%s: Close: %v", test.name, err)
			}
		})
		body := source(test.wire + test.next).Body(test.framing)
		if body.Framing() != test.framing {
			t.Errorf("%s: Framing is %+v", test.name, body.Framing())
		}
		if err := iotest.TestReader(body, []byte(test.content)); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestReadOfNothingDoesNotWait(t *testing.T) {
	body := NewReader(iotest.ErrReader(io.ErrClosedPipe), Limits{}).Body(Framing{Kind: UntilClose})
	if n, err := body.Read(nil); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// A body can be read for a while and relayed from there on.
func TestRelayGoesOnWhereReadStopped(t *testing.T) {
	var tap content
	body := NewReader(strings.NewReader("hello world"), Limits{}).Body(Framing{Kind: ByLength, Length: 11})
	body.Tap = &tap
	if _, err := io.ReadFull(body, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := body.Relay(&out, nil); err != nil || out.String() != "world" || string(tap.data) != "hello world" {
		t.Errorf("relayed %q, saw %q, %v", out.String(), tap.data, err)
	}
}

func TestLargeBodies(t *testing.T) {
	data := strings.Repeat("0123456789abcdef!", 20<<10) // 340 KiB, no power of two
	for _, kind := range []Kind{ByLength, UntilClose} {
		for _, src := range []io.Reader{
			strings.NewReader(data),
			iotest.HalfReader(strings.NewReader(data)),
			cut(data, 1),
			iotest.DataErrReader(strings.NewReader(data)),
		} {
			body := NewReader(src, Limits{}).Body(Framing{Kind: kind, Length: int64(len(data))})
			out, seen, err := relay(body, "head")
			if out != "head"+data || seen != data || err != nil {
				t.Errorf("kind %d: relayed %d bytes, saw %d, %v", kind, len(out), len(seen), err)
			}
		}
	}
}

func TestBodiesThatEndEarly(t *testing.T) {
	for i := range 5 {
		body := source("hello"[:i]).Body(Framing{Kind: ByLength, Length: 5})
		out, seen, err := relay(body, "head")
		if out != "head"+"hello"[:i] || seen != "hello"[:i] || !errors.Is(err, ErrTruncated) || body.Done() {
			t.Errorf("after %d bytes: relayed %q, saw %q, %v", i, out, seen, err)
		}
		if again := body.Relay(io.Discard, []byte("x")); again != err {
			t.Errorf("after %d bytes: then %v", i, again)
		}
		body = source("hello"[:i]).Body(Framing{Kind: ByLength, Length: 5})
		if got, err := io.ReadAll(body); string(got) != "hello"[:i] || !errors.Is(err, ErrTruncated) || body.Err() != err {
			t.Errorf("after %d bytes: read %q, %v", i, got, err)
		}
	}
}

// writes keeps what it is given, write by write, and fails once it has n.
type writes struct {
	all []string
	n   int
}

func (w *writes) Write(p []byte) (int, error) {
	if len(w.all) == w.n {
		return 0, io.ErrClosedPipe
	}
	w.all = append(w.all, string(p))
	return len(p), nil
}

// Each piece is written as soon as it has come, the prefix with the first one
// if that has come with it.
func TestRelayWritesThrough(t *testing.T) {
	pieces := io.MultiReader(strings.NewReader("2\r\nab\r\n"), strings.NewReader("1\r\nc"), strings.NewReader("\r\n0\r\n\r\n"))
	out := &writes{n: 10}
	if err := chunkedBody(pieces).Relay(out, []byte("head ")); err != nil {
		t.Fatal(err)
	}
	want := []string{"head ", "2\r\nab\r\n", "1\r\nc", "\r\n0\r\n\r\n"}
	if !slices.Equal(out.all, want) {
		t.Errorf("written as %q, want %q", out.all, want)
	}

	r := source("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
	if _, err := r.ReadRequest(); err != nil {
		t.Fatal(err)
	}
	body := r.Body(Framing{Kind: ByLength, Length: 5})
	if !body.Buffered() {
		t.Error("a body that came with its head is not Buffered")
	}
	out = &writes{n: 10}
	if err := body.Relay(out, []byte("head ")); err != nil || !slices.Equal(out.all, []string{"head hello"}) {
		t.Errorf("written as %q, %v", out.all, err)
	}

	out = &writes{n: 10}
	if err := source("ab").Body(Framing{Kind: UntilClose}).Relay(out, nil); err != nil || !slices.Equal(out.all, []string{"ab"}) {
		t.Errorf("written as %q, %v; want no empty write for the end", out.all, err)
	}
}

func TestBuffered(t *testing.T) {
	body := source("hello").Body(Framing{Kind: ByLength, Length: 5})
	if body.Buffered() {
		t.Error("Buffered before anything was read")
	}
	if _, err := body.Read(make([]byte, 1)); err != nil || !body.Buffered() {
		t.Errorf("%v, Buffered %v after the first byte", err, body.Buffered())
	}
	if !source("").Body(Framing{}).Buffered() {
		t.Error("no body is not Buffered")
	}
}

// order notes when it was shown what.
type order struct{ log *[]string }

func (o order) Data(p []byte) { *o.log = append(*o.log, "saw "+string(p)) }
func (o order) Full() bool    { return false }
func (o order) Skip(int64)    {}
func (o order) Write(p []byte) (int, error) {
	*o.log = append(*o.log, "wrote "+string(p))
	return len(p), nil
}

func TestTapSeesWhatWasWritten(t *testing.T) {
	var log []string
	body := NewReader(iotest.OneByteReader(strings.NewReader("ab")), Limits{}).Body(Framing{Kind: ByLength, Length: 2})
	body.Tap = order{&log}
	if err := body.Relay(order{&log}, nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{"wrote a", "saw a", "wrote b", "saw b"}; !slices.Equal(log, want) {
		t.Errorf("%q, want %q", log, want)
	}
}

func TestFullTapsAreSpared(t *testing.T) {
	for _, test := range bodies {
		tap := &content{limit: 2}
		body := NewReader(iotest.OneByteReader(strings.NewReader(test.wire)), Limits{}).Body(test.framing)
		body.Tap = tap
		if err := body.Relay(io.Discard, nil); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if n := len(tap.data) + int(tap.skipped); n != len(test.content) || len(tap.data) > 2 {
			t.Errorf("%s: %d bytes seen, %d skipped", test.name, len(tap.data), tap.skipped)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	for _, test := range bodies {
		for n := range 3 {
			var tap content
			out := &writes{n: n}
			src := iotest.OneByteReader(strings.NewReader(test.wire))
			body := NewReader(src, Limits{}).Body(test.framing)
			body.Tap = &tap
			err := body.Relay(out, []byte("head"))
			if len(out.all) < n || n > len(test.wire) {
				continue // nothing was left to fail
			}
			var write *WriteError
			if !errors.As(err, &write) || !errors.Is(err, io.ErrClosedPipe) || err.Error() != io.ErrClosedPipe.Error() {
				t.Errorf("%s: %v after %d writes, want a *WriteError", test.name, err, n)
			}
			if body.Err() != err || body.Done() {
				t.Errorf("%s: Err %v, Done %v", test.name, body.Err(), body.Done())
			}
			if len(tap.data) >= max(1, n) {
				t.Errorf("%s: the tap saw %q of what was not written", test.name, tap.data)
			}
		}
	}
}

func TestSourceErrorsAreNotWriteErrors(t *testing.T) {
	for _, kind := range []Kind{ByLength, Chunked, UntilClose} {
		for _, cause := range []error{io.ErrClosedPipe, io.ErrUnexpectedEOF} {
			src := io.MultiReader(strings.NewReader("5\r\nhel"), iotest.ErrReader(cause))
			var out bytes.Buffer
			err := NewReader(src, Limits{}).Body(Framing{Kind: kind, Length: 10}).Relay(&out, nil)
			var write *WriteError
			if !errors.Is(err, cause) || errors.As(err, &write) || out.String() != "5\r\nhel" {
				t.Errorf("kind %d: %v, relayed %q", kind, err, out.String())
			}
		}
	}
}

func TestSourceWithoutProgress(t *testing.T) {
	silent := NewReader(readerFunc(func([]byte) (int, error) { return 0, nil }), Limits{})
	if _, err := silent.ReadRequest(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%v, want io.ErrNoProgress", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
