package coding

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

var names = []string{"gzip", "x-gzip", "deflate", "br", "zstd"}

func encode(t testing.TB, content []byte, codings ...string) []byte {
	t.Helper()
	for _, name := range codings {
		var out bytes.Buffer
		e, err := Encode(name, &out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		content = out.Bytes()
	}
	return content
}

func decode(r io.Reader, limit int64, codings ...string) ([]byte, error) {
	d, err := Decode(codings, r, limit)
	if err != nil {
		return nil, err
	}
	p, err := io.ReadAll(d)
	return p, errors.Join(err, d.Close())
}

func TestDecodeGivesWhatWasEncoded(t *testing.T) {
	stacks := [][]string{nil, {"gzip", "br"}, {"zstd", "deflate", "gzip"}}
	for _, name := range names {
		stacks = append(stacks, []string{name})
	}
	contents := [][]byte{nil, []byte("x"), []byte(strings.Repeat("some words, ", 100_000))}
	for _, stack := range stacks {
		for _, content := range contents {
			for range 2 { // the second round uses pooled decoders
				wire := encode(t, content, stack...)
				got, err := decode(iotest.OneByteReader(bytes.NewReader(wire)), MaxDecoded, stack...)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%v, %d bytes: got %d bytes, error %v", stack, len(content), len(got), err)
				}
			}
		}
	}
}

func TestDecodeReadsRawDeflate(t *testing.T) {
	content := []byte(strings.Repeat("raw deflate ", 50))
	var wire bytes.Buffer
	w, err := flate.NewWriter(&wire, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := decode(&wire, MaxDecoded, "deflate")
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %q, error %v", got, err)
	}
}

func TestDecodeRefusesCorruptContent(t *testing.T) {
	for _, name := range names {
		wire := encode(t, bytes.Repeat([]byte("0123456789abcdef"), 1000), name)
		broken := map[string][]byte{
			"empty":     nil,
			"cut short": wire[:len(wire)-1],
			"one byte":  wire[:1],
			"noise":     []byte("\xff\xff\xff\xff this is not compressed at all"),
		}
		if name == "zstd" {
			delete(broken, "empty") // no frames are valid content
		}
		for what, content := range broken {
			if _, err := decode(bytes.NewReader(content), MaxDecoded, name); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s, %s: error %v", name, what, err)
			}
		}
	}
}

func TestDecodeStopsABomb(t *testing.T) {
	zeros := make([]byte, MaxDecoded+1)
	for _, stack := range [][]string{{"gzip"}, {"deflate"}, {"br"}, {"zstd"}, {"gzip", "gzip"}, {"br", "zstd", "gzip"}} {
		wire := encode(t, zeros, stack...)
		got, err := decode(bytes.NewReader(wire), MaxDecoded, stack...)
		if !errors.Is(err, ErrTooLarge) || len(got) != MaxDecoded {
			t.Errorf("%v: %d bytes, error %v", stack, len(got), err)
		}
		if got, err := decode(bytes.NewReader(wire), MaxDecoded+1, stack...); err != nil || len(got) != len(zeros) {
			t.Errorf("%v at the limit: %d bytes, error %v", stack, len(got), err)
		}
	}
}

// A coding in between must not work without end for content that comes to
// nothing: many empty gzip members, for one.
func TestDecodeBoundsEachCoding(t *testing.T) {
	empty := encode(t, nil, "gzip")
	wire := encode(t, bytes.Repeat(empty, 1000), "gzip")
	if _, err := decode(bytes.NewReader(wire), 1000, "gzip", "gzip"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

func TestDecodeRefusesALargeWindow(t *testing.T) {
	var wire bytes.Buffer
	e, err := zstd.NewWriter(&wire, zstd.WithWindowSize(16<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(make([]byte, 12<<20)); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := decode(&wire, MaxDecoded, "zstd"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

func TestDecodeRefusesStacks(t *testing.T) {
	if _, err := Decode([]string{"gzip", "gzip", "gzip", "gzip"}, nil, 1); !errors.Is(err, ErrTooMany) {
		t.Errorf("four codings: %v", err)
	}
	if _, err := Decode([]string{"gzip", "compress"}, nil, 1); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown coding: %v", err)
	}
	if _, err := Encode("compress", io.Discard); !errors.Is(err, ErrUnknown) {
		t.Errorf("encode an unknown coding: %v", err)
	}
}

func TestDecodePassesReadErrorsOn(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, name := range names {
		wire := encode(t, bytes.Repeat([]byte("abc"), 5000), name)
		r := io.MultiReader(bytes.NewReader(wire[:len(wire)/2]), iotest.ErrReader(broken))
		_, err := decode(r, MaxDecoded, name)
		if !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestUseAfterClose(t *testing.T) {
	d, err := Decode([]string{"gzip"}, bytes.NewReader(encode(t, []byte("x"), "gzip")), 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
	if _, err := d.Read(make([]byte, 1)); err == nil {
		t.Error("read after close")
	}
	e, err := Encode("gzip", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Error(err)
	}
	if _, err := e.Write(nil); err == nil {
		t.Error("write after close")
	}
	if e.Flush() == nil {
		t.Error("flush after close")
	}
}

func TestFlushMakesContentReadable(t *testing.T) {
	for _, name := range names {
		pr, pw := io.Pipe()
		go func() {
			e, err := Encode(name, pw)
			if err == nil {
				_, err = e.Write([]byte("data: one\n\n"))
				err = errors.Join(err, e.Flush()) // and no Close
			}
			if err != nil {
				pw.CloseWithError(err)
			}
		}()
		d, err := Decode([]string{name}, pr, 100)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 11)
		if _, err := io.ReadFull(d, got); err != nil || string(got) != "data: one\n\n" {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
		pr.Close()
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{""}, nil},
		{[]string{"identity"}, nil},
		{[]string{"GZip"}, []string{"gzip"}},
		{[]string{"deflate, gzip"}, []string{"deflate", "gzip"}},
		{[]string{" ,deflate\t,", "x-gzip,Identity"}, []string{"deflate", "x-gzip"}},
	} {
		if diff := cmp.Diff(c.want, Parse(c.in)); diff != "" {
			t.Errorf("Parse(%q): %s", c.in, diff)
		}
	}
}

func TestAccepts(t *testing.T) {
	for _, c := range []struct {
		values string // fields apart by "|", "-" for none
		coding string
		want   bool
	}{
		{"-", "gzip", true},
		{"", "gzip", false},
		{"", "identity", true},
		{"gzip, br", "br", true},
		{"gzip, br", "zstd", false},
		{"deflate|GZIP", "gzip", true},
		{"gzip", "x-gzip", true},
		{"x-gzip", "gzip", true},
		{"gzip;q=0", "gzip", false},
		{"gzip; Q=0.000", "gzip", false},
		{"gzip;q=0.001", "gzip", true},
		{"gzip;q=1.0", "gzip", true},
		{"*", "zstd", true},
		{"*;q=0", "zstd", false},
		{"*;q=0", "identity", false},
		{"identity;q=0", "identity", false},
		{"*;q=0, identity", "identity", true},
		{"*, br;q=0", "br", false},
		{"br;q=0.5, *;q=0", "br", true},
	} {
		values := strings.Split(c.values, "|")
		if c.values == "-" {
			values = nil
		}
		if got := Accepts(values, c.coding); got != c.want {
			t.Errorf("Accepts(%q, %s) = %v", c.values, c.coding, got)
		}
	}
}

// Whatever comes, decoding ends within its bounds and without a panic, and what
// decodes survives being encoded again.
func FuzzDecode(f *testing.F) {
	for i, name := range names {
		wire := encode(f, []byte("seed of a corpus, seed of a corpus"), name)
		f.Add(uint8(i), wire)
		f.Add(uint8(i), wire[:len(wire)/2])
	}
	f.Fuzz(func(t *testing.T, which uint8, wire []byte) {
		const limit = 1 << 20
		name := names[int(which)%len(names)]
		content, err := decode(bytes.NewReader(wire), limit, name)
		if len(content) > limit {
			t.Fatalf("%d bytes", len(content))
		}
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		again, err := decode(bytes.NewReader(encode(t, content, name)), limit, name)
		if err != nil || !bytes.Equal(again, content) {
			t.Fatalf("%d bytes came back as %d, error %v", len(content), len(again), err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			wire := encode(b, bytes.Repeat([]byte(`{"id":17,"name":"a name"},`), 40), name)
			r := bytes.NewReader(nil)
			b.ReportAllocs()
			b.SetBytes(40 * 26)
			for b.Loop() {
				r.Reset(wire)
				d, err := Decode([]string{name}, r, MaxDecoded)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, d); err != nil {
					b.Fatal(err)
				}
				d.Close()
			}
		})
	}
}
