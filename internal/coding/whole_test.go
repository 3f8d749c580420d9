package coding

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestWholeContentComesBack(t *testing.T) {
	content := []byte(strings.Repeat("some words, ", 1000))
	for _, codings := range [][]string{nil, {"gzip"}, {"br", "zstd", "deflate"}} {
		encoded, err := Encoded(codings, content)
		if err != nil {
			t.Fatal(err)
		}
		limit := int64(max(len(content), len(encoded)))
		got, err := Decoded(codings, bytes.NewReader(encoded), limit)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%v: got %d bytes, %v", codings, len(got), err)
		}
	}
}

func TestWholeContentIsAsMuchAsCanBeRead(t *testing.T) {
	broken := errors.New("broken")
	gzipped, err := Encoded([]string{"gzip"}, []byte("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		codings []string
		r       io.Reader
		limit   int64
		want    string
		err     error
	}{
		"at the limit":          {nil, strings.NewReader("0123456789"), 10, "0123456789", nil},
		"over the limit":        {nil, strings.NewReader("0123456789"), 9, "012345678", ErrTooLarge},
		"coded, at the limit":   {[]string{"gzip"}, bytes.NewReader(gzipped), 10, "0123456789", nil},
		"coded, over the limit": {[]string{"gzip"}, bytes.NewReader(gzipped), 9, "012345678", ErrTooLarge},
		"cut":                   {[]string{"gzip"}, bytes.NewReader(gzipped[:len(gzipped)-4]), 99, "0123456789", ErrCorrupt},
		"broken":                {nil, io.MultiReader(strings.NewReader("012"), iotest.ErrReader(broken)), 99, "012", broken},
		"unknown":               {[]string{"compress"}, strings.NewReader("012"), 99, "", ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decoded(test.codings, test.r, test.limit)
			if string(got) != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v, want %q, %v", got, err, test.want, test.err)
			}
		})
	}
	if _, err := Encoded([]string{"gzip", "compress"}, []byte("x")); !errors.Is(err, ErrUnknown) {
		t.Errorf("encode an unknown coding: %v", err)
	}
}
