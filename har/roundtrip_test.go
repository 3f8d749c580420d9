package har_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/necto-dev/necto/har"
)

// What was read and is written again is what it was, byte for byte.
func TestReadingAndWritingAgainLosesNothing(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			once := stream(t, s.entry)
			r, err := har.NewReader(bytes.NewReader(once))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			e, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(once), string(stream(t, e))); diff != "" {
				t.Error(diff)
			}
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("after the only entry: %v", err)
			}
			if got := r.Warnings(); len(got) > 0 {
				t.Errorf("warnings: %v", got)
			}
		})
	}
}

// stream returns a HAR of the entries.
func stream(t *testing.T, entries ...*har.Entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := har.NewWriter(&out, har.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
