package replay

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// piece is a part of a paced body.
type piece struct {
	due  time.Time
	left int64 // bytes
}

// pacedBody lets each piece of a body through when it is due. It keeps the
// context of the exchange, whose end ends the waiting.
type pacedBody struct {
	io.ReadCloser
	ctx    context.Context
	pieces []piece
}

// newPacedBody spreads size bytes of body over the times of chunks since began.
func newPacedBody(ctx context.Context, body io.ReadCloser, t Timing, began time.Time, chunks []traffic.Chunk, size int64) *pacedBody {
	var total int64
	for _, c := range chunks {
		total += c.Size
	}
	p := &pacedBody{ReadCloser: body, ctx: ctx, pieces: make([]piece, len(chunks))}
	var wire, sent int64
	for i, c := range chunks {
		wire += c.Size
		end := size
		if i < len(chunks)-1 {
			end = share(size, wire, total)
		}
		end = min(max(end, sent), size) // whatever a recording made by others says
		p.pieces[i] = piece{due: began.Add(t.scale(c.At)), left: end - sent}
		sent = end
	}
	return p
}

// share returns how much of size bytes belongs to the first part of total
// bytes: part itself, unless a content coding changed the size.
func share(size, part, total int64) int64 {
	if size == total {
		return part
	}
	return int64(float64(size) * (float64(part) / float64(total)))
}

// Read waits until the next byte is due and returns no more than what is due at
// that time.
func (p *pacedBody) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for len(p.pieces) > 0 && p.pieces[0].left == 0 {
		p.pieces = p.pieces[1:]
	}
	if len(p.pieces) == 0 {
		return p.ReadCloser.Read(b)
	}
	next := &p.pieces[0]
	if err := waitUntil(p.ctx, next.due); err != nil {
		return 0, gone(err)
	}
	n, err := p.ReadCloser.Read(b[:min(int64(len(b)), next.left)])
	next.left -= int64(n)
	return n, err
}

// encodedBody applies content codings to a body while it is read.
type encodedBody struct {
	source   io.ReadCloser
	encoders []*coding.Encoder // the first is written to, the last writes to out
	out      bytes.Buffer
	in       []byte
	flush    bool // after each read of source
	err      error
}

// newEncodedBody returns body with codings applied in their order. A coding
// that cannot be applied is an error of the first Read.
func newEncodedBody(body io.ReadCloser, codings []string, flush bool) *encodedBody {
	e := &encodedBody{source: body, flush: flush, encoders: make([]*coding.Encoder, len(codings))}
	var w io.Writer = &e.out
	for i := len(codings) - 1; i >= 0 && e.err == nil; i-- {
		e.encoders[i], e.err = coding.Encode(codings[i], w)
		w = e.encoders[i]
	}
	return e
}

// Read returns encoded bytes.
func (e *encodedBody) Read(b []byte) (int, error) {
	for e.out.Len() == 0 && e.err == nil {
		e.err = e.more()
	}
	if e.out.Len() > 0 {
		return e.out.Read(b)
	}
	return 0, e.err
}

// more encodes what one read of the source brings.
func (e *encodedBody) more() error {
	if e.in == nil {
		e.in = make([]byte, 32<<10)
	}
	n, readErr := e.source.Read(e.in)
	if _, err := e.encoders[0].Write(e.in[:n]); err != nil {
		return err
	}
	if readErr == io.EOF {
		return e.finish()
	}
	if e.flush {
		for _, encoder := range e.encoders {
			if err := encoder.Flush(); err != nil {
				return err
			}
		}
	}
	return readErr
}

// finish ends each coding, which may write to the next, and then the content.
func (e *encodedBody) finish() error {
	for _, encoder := range e.encoders {
		if err := encoder.Close(); err != nil {
			return err
		}
	}
	return io.EOF
}

// Close closes the body beneath.
func (e *encodedBody) Close() error { return e.source.Close() }
