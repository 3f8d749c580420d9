package har

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read returns the entries of a document as they are written, and what was wrong.
func read(t *testing.T, in io.Reader) (entries string, warnings []Warning) {
	t.Helper()
	r, err := NewReader(in)
	if err != nil {
		return "", nil
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = w.Write(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), r.Warnings()
}

// FuzzReader checks that it does not matter how much of a document is in the
// buffer: entries that are whole in it are read in another way.
func FuzzReader(f *testing.F) {
	const entry = `{"startedDateTime":"2026-01-02T03:04:05Z","request":{"method":"GET","url":"http://a/?b#c","headers":[{"name":"A","value":"\u00e9"}]},` +
		`"response":{"status":200,"content":{"text":"{\"a\":1}"}},"_x":[{}]}`
	for _, entries := range []string{
		entry, entry + "," + entry, entry + `,{"request":{"url":"http://b","headers":[}},` + entry, `1,` + entry + `,[]`,
		entry + `,{"request":{"method":1,"postData":{"params":[{"name":"a"}],"mimeType":"x"}}},` + entry, entry[:100],
	} {
		f.Add([]byte(`{"log":{"entries":[`+entries+`]}}`), byte(7))
	}
	f.Fuzz(func(t *testing.T, document []byte, size byte) {
		if bytes.HasPrefix(document, magicGzip) || isZlib(document) {
			return
		}
		want, wantWarnings := read(t, &slow{document, int(size)%16 + 1})
		got, warnings := read(t, bytes.NewReader(document))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(wantWarnings, warnings); diff != "" {
			t.Error(diff)
		}
	})
}
