package h2

import (
	"bytes"
	"errors"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/necto-dev/necto/traffic"
)

// maxContinuations is how many CONTINUATION frames a header block may have: enough
// for a megabyte, and not enough to keep us busy with (CVE-2023-45288).
const maxContinuations = 128

// maxFields is how many fields a header section may have, as in internal/h1: a
// field may be a byte on the wire and takes fifty here.
const maxFields = 1000

// keptFields is how many fields the decoder keeps room for between blocks.
const keptFields = 256

// blockDecoder decodes header blocks. All blocks of a connection have to pass
// through it, also those of streams that have ended.
type blockDecoder struct {
	hpack  *hpack.Decoder
	fields traffic.Fields // of the current block
	size   uint32         // of fields, as RFC 9113 section 6.5.2 counts
	limit  uint32
	many   bool // fields are more than we take
}

func (d *blockDecoder) init(limit uint32) {
	d.limit = limit
	d.hpack = hpack.NewDecoder(defaultTableSize, d.emit)
	d.hpack.SetMaxStringLength(int(limit))
}

// emit takes a decoded field. What is over the limit is not kept: a block of a
// hundred bytes may name the same long field a hundred times.
func (d *blockDecoder) emit(f hpack.HeaderField) {
	d.size += f.Size()
	if d.many = len(d.fields) == maxFields; d.many || d.size > d.limit {
		d.hpack.SetEmitEnabled(false)
		return
	}
	field := traffic.Field{Name: f.Name, Value: f.Value}
	if f.Sensitive {
		field = traffic.NeverIndexed(f.Name, f.Value)
	}
	d.fields = append(d.fields, field)
}

// write decodes a piece of a block.
func (d *blockDecoder) write(p []byte) error {
	_, err := d.hpack.Write(p)
	if errors.Is(err, hpack.ErrStringLength) || err == nil && (d.many || d.size > d.limit) {
		return &ConnError{Code: CodeEnhanceYourCalm, Reason: "a header section longer than we take"}
	}
	if err != nil {
		return &ConnError{Code: CodeCompression, Reason: "a header block that cannot be decoded: " + err.Error()}
	}
	return nil
}

// end returns the fields of the block, which has ended.
func (d *blockDecoder) end() (traffic.Fields, error) {
	if err := d.hpack.Close(); err != nil {
		return nil, &ConnError{Code: CodeCompression, Reason: "a header block that cannot be decoded: " + err.Error()}
	}
	fields := d.fields.Clone()
	clear(d.fields)
	d.fields, d.size = d.fields[:0], 0
	if cap(d.fields) > keptFields {
		d.fields = nil
	}
	return fields, nil
}

// block reads and decodes the header block that f begins.
func (r *reader) block(f *http2.HeadersFrame) (traffic.Fields, error) {
	if err := r.blocks.write(f.HeaderBlockFragment()); err != nil {
		return nil, err
	}
	for n, ended := 0, f.HeadersEnded(); !ended; n++ {
		if n == maxContinuations {
			return nil, &ConnError{Code: CodeEnhanceYourCalm, Reason: "too many CONTINUATION frames"}
		}
		frame, err := r.framer.ReadFrame() // CONTINUATION, or an error
		if err != nil {
			return nil, r.failure(err)
		}
		next, ok := frame.(*http2.ContinuationFrame)
		if !ok {
			return nil, broken("a header block that is interrupted")
		}
		if err := r.blocks.write(next.HeaderBlockFragment()); err != nil {
			return nil, err
		}
		ended = next.HeadersEnded()
	}
	return r.blocks.end()
}

// headOf takes the fields of a block apart.
func headOf(fields traffic.Fields, end bool) Head {
	n := 0
	for n < len(fields) && len(fields[n].Name) > 0 && fields[n].Name[0] == ':' {
		n++
	}
	return Head{Pseudo: fields[:n:n], Fields: fields[n:], End: end}
}

// encode appends the frames of a header block. It is called with c.mu held: the
// peer has to decode blocks in the order they were encoded in.
func (c *Conn) encode(frames []byte, stream uint32, h Head) []byte {
	c.block.Reset()
	for _, fields := range [...]traffic.Fields{h.Pseudo, h.Fields} {
		for i := range fields {
			f := &fields[i]
			// Writes to a bytes.Buffer do not fail.
			_ = c.enc.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value, Sensitive: f.IsNeverIndexed()})
		}
	}
	frames = appendBlock(frames, stream, c.block.Bytes(), h.End, c.frameSize())
	if c.block.Cap() > outputLimit {
		c.block = bytes.Buffer{}
	}
	return frames
}
