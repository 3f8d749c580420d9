package eventserver

import (
	"bytes"
	"io"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// content is a body until it is encoded. The zero value is none.
type content struct {
	// body is held if it is in memory. Of others only the beginning is here, so
	// that the ring holds no files open.
	body *traffic.Body
	head []byte
	// size is how many bytes passed, content coding kept.
	size int64
	// decoded says that content codings are undone already, which makes length
	// bytes of it.
	decoded bool
	length  int64
	// cut says that not all was captured.
	cut bool
}

// keepContent takes what is needed of a sealed body, which may be nil.
func keepContent(b *traffic.Body) content {
	if b == nil {
		return content{}
	}
	c := content{size: b.Size(), length: b.Size(), cut: b.Truncated()}
	if _, length, decoded := b.Decoded(); decoded {
		c.decoded, c.length = true, length
	}
	if _, inMemory := b.Bytes(); inMemory {
		b.Keep()
		c.body = b
		return c
	}
	c.head = make([]byte, min(c.length, previewMax))
	n, _ := io.ReadFull(b.Open(), c.head) // what can be read is shown
	c.head = c.head[:n]
	return c
}

func (c *content) release() {
	c.body.Release()
	c.body, c.head = nil, nil
}

// kept returns what there is of the content.
func (c *content) kept() []byte {
	if c.body == nil {
		return c.head
	}
	p, _ := c.body.Bytes()
	return p
}

// cost is what it takes in memory, in bytes.
func (c *content) cost() int64 { return int64(len(c.kept())) }

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
	raw := c.kept()
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
	if c.decoded {
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
