package eventserver

import (
	"bytes"
	"io"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// content is a body as far as it is told. The zero value is none.
type content struct {
	// there says that there is a body.
	there bool
	// data is what was captured if that is in memory, else the beginning of it.
	data []byte
	// size is how many bytes passed, content coding kept.
	size int64
	// decoded says that content codings are undone already, which makes length
	// bytes of it.
	decoded bool
	length  int64
	// cut says that not all was captured.
	cut bool
}

// contentOf returns what is told of a sealed body, which may be nil.
func contentOf(b *traffic.Body) content {
	if b == nil {
		return content{}
	}
	c := content{there: true, size: b.Size(), length: b.Size(), cut: b.Truncated()}
	if _, length, decoded := b.Decoded(); decoded {
		c.decoded, c.length = true, length
	}
	var inMemory bool
	if c.data, inMemory = b.Bytes(); inMemory {
		return c
	}
	c.data = make([]byte, min(c.length, previewMax))
	n, _ := io.ReadFull(b.Open(), c.data) // what can be read is shown
	c.data = c.data[:n]
	return c
}

// outside reports whether the content of b, which may be nil, is not in memory: it is
// readable only as long as somebody keeps it.
func outside(b *traffic.Body) bool {
	if b == nil {
		return false
	}
	_, inMemory := b.Bytes()
	return !inMemory
}

// bodiesOf returns the bodies of an exchange that has ended.
func bodiesOf(x *traffic.Exchange) [4]*traffic.Body {
	return [...]*traffic.Body{x.RequestBody, x.ResponseBody, x.SentBody, x.ReceivedBody}
}

// keepContent keeps the content of an exchange readable that has ended.
func keepContent(x *traffic.Exchange) {
	for _, b := range bodiesOf(x) {
		if outside(b) {
			b.Keep()
		}
	}
}

// releaseContent gives back what keepContent has taken.
func releaseContent(x *traffic.Exchange) {
	for _, b := range bodiesOf(x) {
		if outside(b) {
			b.Release()
		}
	}
}

// sizeOf is how many bytes passed of a body, which may be nil.
func sizeOf(b *traffic.Body) int64 {
	if b == nil {
		return 0
	}
	return b.Size()
}

// memoryOf is how many bytes of a body, which may be nil, are in memory.
func memoryOf(b *traffic.Body) int64 {
	if b == nil {
		return 0
	}
	p, _ := b.Bytes()
	return int64(len(p))
}

// preview is the beginning of content with its content coding undone.
type preview struct {
	data []byte
	// size is the length of the whole in bytes, decoded where all of it was at
	// hand to be decoded.
	size int64
	cut  bool
}

// preview returns what is shown of c, whose message has these fields.
func (c *content) preview(header traffic.Fields) preview {
	raw := c.data
	p := preview{data: raw, size: c.length, cut: c.cut || int64(len(raw)) < c.length}
	if codings := c.codings(header); len(codings) > 0 && len(raw) > 0 {
		if decoded, err := decode(codings, raw); err == nil || len(decoded.data) > 0 {
			if decoded.cut = decoded.cut || p.cut; p.cut {
				decoded.size = c.size
			}
			p = decoded
		}
	}
	if len(p.data) > previewMax {
		p.data, p.cut = p.data[:previewMax], true
	}
	return p
}

// codings returns what is to be undone.
func (c *content) codings(header traffic.Fields) []string {
	if c.decoded || !header.Has("Content-Encoding") {
		return nil
	}
	return coding.Parse(header.Values("Content-Encoding"))
}

// decode undoes codings. It keeps no more than is shown, but counts all.
func decode(codings []string, raw []byte) (preview, error) {
	r, err := coding.Decode(codings, bytes.NewReader(raw), coding.MaxDecoded)
	if err != nil {
		return preview{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, previewMax))
	if err != nil {
		return preview{data: data, size: int64(len(data)), cut: true}, err
	}
	rest, err := io.Copy(io.Discard, r)
	return preview{data: data, size: int64(len(data)) + rest, cut: rest > 0 || err != nil}, nil
}
