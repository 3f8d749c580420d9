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
	// size is how many bytes passed; cut says that not all were captured.
	size int64
	cut  bool
	// known says that there may be content: otherwise it is not told about.
	known bool
}

// keepContent takes what is needed of a sealed body, which may be nil.
func keepContent(b *traffic.Body) content {
	if b == nil {
		return content{known: true}
	}
	c := content{size: b.Size(), cut: b.Truncated(), known: true}
	if _, inMemory := b.Bytes(); inMemory {
		b.Keep()
		c.body = b
		return c
	}
	c.head = make([]byte, min(c.size, previewMax))
	n, _ := io.ReadFull(b.Open(), c.head) // what can be read is shown
	c.head, c.cut = c.head[:n], true
	return c
}

func (c *content) release() {
	c.body.Release()
	c.body, c.head = nil, nil
}

// cost is what it takes in memory.
func (c *content) cost() int64 {
	if c.body != nil {
		return c.size
	}
	return int64(len(c.head))
}

// preview is the beginning of content with its content coding undone.
type preview struct {
	data []byte
	// size is the length of the whole, decoded where that was possible.
	size int64
	cut  bool
}

// preview returns what is shown of c, whose message has these fields.
func (c *content) preview(header traffic.Fields) preview {
	raw := c.head
	if c.body != nil {
		raw, _ = c.body.Bytes()
	}
	p := preview{data: raw, size: c.size, cut: c.cut}
	if codings := c.codings(header); len(codings) > 0 && len(raw) > 0 {
		if decoded, err := decode(codings, raw); err == nil || len(decoded.data) > 0 {
			decoded.cut = decoded.cut || c.cut
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
	if c.body != nil {
		if _, _, done := c.body.Decoded(); done {
			return nil
		}
	}
	return coding.Parse(header.Values("Content-Encoding"))
}

// decode undoes codings. It keeps no more than is shown, but counts all.
func decode(codings []string, raw []byte) (preview, error) {
	r, err := coding.Decode(codings, bytes.NewReader(raw), coding.MaxDecoded)
	if err != nil {
		return preview{}, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(r, previewMax))
	if err != nil {
		return preview{data: data, size: int64(len(data)), cut: true}, err
	}
	rest, err := io.Copy(io.Discard, r)
	return preview{data: data, size: int64(len(data)) + rest, cut: rest > 0 || err != nil}, nil
}
