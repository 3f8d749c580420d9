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

// oversize is how many times Config.MaxHeaderList a header section may have for the
// connection to live. What is not kept of it has to be decoded all the same, as the
// tables of HPACK depend on it (RFC 9113 section 10.5.1).
const oversize = 4

// tooLong is what is said of a section of which not all was kept.
const tooLong = "a header section longer than we take"

// blockDecoder decodes header blocks. All blocks of a connection have to pass
// through it, also those of streams that have ended.
type blockDecoder struct {
	hpack  *hpack.Decoder
	fields traffic.Fields // of the current block
	size   uint64         // of all fields, as RFC 9113 section 6.5.2 counts
	limit  uint64
	cut    bool // there are more fields than we take
}

func (d *blockDecoder) init(limit uint32) {
	d.limit = uint64(limit)
	d.hpack = hpack.NewDecoder(defaultTableSize, d.emit)
	d.hpack.SetMaxStringLength(int(limit))
}

// emit takes a decoded field. What is over the limits is not kept: a block of a
// hundred bytes may name the same long field a hundred times.
func (d *blockDecoder) emit(f hpack.HeaderField) {
	d.size += uint64(f.Size())
	d.cut = d.cut || len(d.fields) == maxFields || d.size > d.limit
	switch {
	case d.size > oversize*d.limit:
		d.hpack.SetEmitEnabled(false) // for good: write ends the connection
	case d.cut:
	case f.Sensitive:
		d.fields = append(d.fields, traffic.NeverIndexed(f.Name, f.Value))
	default:
		d.fields = append(d.fields, traffic.Field{Name: f.Name, Value: f.Value})
	}
}

// write decodes a piece of a block.
func (d *blockDecoder) write(p []byte) error {
	_, err := d.hpack.Write(p)
	if errors.Is(err, hpack.ErrStringLength) || err == nil && d.size > oversize*d.limit {
		return &ConnError{Code: CodeEnhanceYourCalm, Reason: tooLong}
	}
	if err != nil {
		return &ConnError{Code: CodeCompression, Reason: "a header block that cannot be decoded: " + err.Error()}
	}
	return nil
}

// end returns the head that the block, which has ended, is.
func (d *blockDecoder) end() (Head, error) {
	if err := d.hpack.Close(); err != nil {
		return Head{}, &ConnError{Code: CodeCompression, Reason: "a header block that cannot be decoded: " + err.Error()}
	}
	head := headOf(d.fields.Clone())
	head.Cut = d.cut
	clear(d.fields)
	d.fields, d.size, d.cut = d.fields[:0], 0, false
	if cap(d.fields) > keptFields {
		d.fields = nil
	}
	return head, nil
}

// block reads and decodes the header block that f begins.
func (r *reader) block(f *http2.HeadersFrame) (Head, error) {
	if err := r.blocks.write(f.HeaderBlockFragment()); err != nil {
		return Head{}, err
	}
	for n, ended := 0, f.HeadersEnded(); !ended; n++ {
		if n == maxContinuations {
			return Head{}, &ConnError{Code: CodeEnhanceYourCalm, Reason: "too many CONTINUATION frames"}
		}
		frame, err := r.framer.ReadFrame() // CONTINUATION, or an error
		if err != nil {
			return Head{}, r.failure(err)
		}
		next, ok := frame.(*http2.ContinuationFrame)
		if !ok {
			return Head{}, broken("a header block that is interrupted")
		}
		if err := r.blocks.write(next.HeaderBlockFragment()); err != nil {
			return Head{}, err
		}
		ended = next.HeadersEnded()
	}
	return r.blocks.end()
}

// headOf takes the fields of a block apart.
func headOf(fields traffic.Fields) Head {
	n := 0
	for n < len(fields) && len(fields[n].Name) > 0 && fields[n].Name[0] == ':' {
		n++
	}
	return Head{Pseudo: fields[:n:n], Fields: fields[n:]}
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
