package mockttp

import (
	"bytes"
	"errors"
	"io"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// maxContent is how much of a body or message is in an event, in bytes, and again
// of what comes out of its content coding.
const maxContent = 4 << 20

// body writes a CompletedBody; b may be nil for none.
func (w *writer) body(b *traffic.Body, header traffic.Fields) {
	var data []byte
	var size int64
	cut := false
	if b != nil {
		data, cut = contentOf(b)
		size = b.Size()
	}
	w.binary(`,"body":{"buffer":`, data)
	if decoded, rest, ok := decode(b, data, header); ok {
		w.binary(`,"decodedBuffer":`, decoded)
		cut = cut || rest
	}
	w.int(`,"size":`, size)
	w.truncated(cut)
	w.raw("}")
}

// contentOf returns the content of b, and whether it is only the beginning. What is
// in memory is not copied: nobody changes it, and it outlives the body.
func contentOf(b *traffic.Body) (data []byte, cut bool) {
	data, ok := b.Bytes()
	if !ok || len(data) > maxContent {
		data, cut = readContent(b.Open(), maxContent)
	}
	return data, cut || b.Truncated()
}

// readContent reads at most limit bytes, and reports whether there is more, or
// was meant to be.
func readContent(r io.Reader, limit int64) (data []byte, cut bool) {
	var out bytes.Buffer
	_, err := io.CopyN(&out, r, limit)
	if err != nil {
		return out.Bytes(), !errors.Is(err, io.EOF)
	}
	n, _ := r.Read(make([]byte, 1))
	return out.Bytes(), n > 0
}

// decode undoes the content coding of data, the content of b. cut says that this is
// only the beginning, and ok that there is a coding that can be undone.
func decode(b *traffic.Body, data []byte, header traffic.Fields) (decoded []byte, cut, ok bool) {
	codings := coding.Parse(header.Values("Content-Encoding"))
	if len(data) == 0 || len(codings) == 0 {
		return nil, false, false
	}
	if _, _, stored := b.Decoded(); stored {
		return nil, false, false
	}
	decoded, err := coding.Decoded(codings, bytes.NewReader(data), maxContent)
	return decoded, err != nil, err == nil || len(decoded) > 0
}
