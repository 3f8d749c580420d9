package h1

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/necto-dev/necto/traffic"
)

// content is a Tap that keeps what it is shown, up to limit bytes if that is
// not 0.
type content struct {
	data    []byte
	skipped int64
	limit   int
}

func (c *content) Data(p []byte) { c.data = append(c.data, p...) }
func (c *content) Full() bool    { return c.limit > 0 && len(c.data) >= c.limit }
func (c *content) Skip(n int64)  { c.skipped += n }

// source returns a Reader of text under the default limits.
func source(text string) *Reader { return NewReader(strings.NewReader(text), Limits{}) }

// splits calls f with sources that deliver text in different pieces: whole,
// byte by byte, and cut in two at each place.
func splits(text string, f func(src io.Reader)) {
	f(strings.NewReader(text))
	f(iotest.OneByteReader(strings.NewReader(text)))
	f(iotest.DataErrReader(strings.NewReader(text)))
	for i := 1; i < len(text); i++ {
		f(cut(text, i))
	}
}

// cut returns a source that delivers text in two pieces.
func cut(text string, i int) io.Reader {
	return io.MultiReader(strings.NewReader(text[:i]), strings.NewReader(text[i:]))
}

// checkRefused holds err against a status and a part of its text; status 0
// wants no error.
func checkRefused(t *testing.T, name string, err error, status int, text string) {
	t.Helper()
	if status == 0 {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	var bad *Error
	if !errors.As(err, &bad) || !IsMalformed(err) {
		t.Errorf("%s: error %v, want an *Error about %q", name, err, text)
		return
	}
	if bad.Status != status || !strings.Contains(bad.Text, text) {
		t.Errorf("%s: %d %q, want %d and %q", name, bad.Status, bad.Text, status, text)
	}
}

// pairs returns the names and values of a section in turn.
func pairs(fs traffic.Fields) []string {
	var all []string
	for _, f := range fs {
		all = append(all, f.Name, f.Value)
	}
	return all
}

// chunkedBody returns the Body of a chunked message that src delivers.
func chunkedBody(src io.Reader) *Body {
	return NewReader(src, Limits{}).Body(Framing{Kind: Chunked})
}

// relay relays body and returns what was written, what the tap saw, and the
// error.
func relay(body *Body, prefix string) (wire, seen string, err error) {
	var out bytes.Buffer
	var tap content
	body.Tap = &tap
	err = body.Relay(&out, []byte(prefix))
	return out.String(), string(tap.data), err
}
