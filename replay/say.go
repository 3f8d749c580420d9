package replay

import (
	"fmt"
	"io"

	"github.com/necto-dev/necto/internal/wsframe"
	"github.com/necto-dev/necto/record"
)

// say sends a recorded frame.
func (p *player) say(f frame) error {
	if f.opcode() == wsframe.OpClose && p.opts.WSEnd == WSLoop && p.opts.WSMode != WSMatch {
		return nil
	}
	entry, err := f.read(p.file)
	if err != nil {
		return err
	}
	h := wsframe.Header{Fin: f.fin(), Opcode: f.opcode(), RSV: entry.RSV}
	if p.deflate {
		h.RSV &^= wsframe.RSV1
	}
	if entry.Body.File != "" {
		return p.stream(h, &entry.Body)
	}
	payload := entry.Body.Inline
	if p.ext.Deflate && h.Fin && (h.Opcode == wsframe.OpText || h.Opcode == wsframe.OpBinary) {
		// Only whole messages: fragments would have to be cut anew.
		var compressed bool
		if payload, compressed = wsframe.AppendDeflate(nil, payload, p.ext.Server); compressed {
			h.RSV |= wsframe.RSV1
		}
	}
	p.buf = wsframe.AppendFrame(p.buf, h, payload)
	p.closed = h.Opcode == wsframe.OpClose
	if len(p.buf) >= flushSize {
		return p.flush()
	}
	return nil
}

// stream sends a frame whose payload is too large to be in memory.
func (p *player) stream(h wsframe.Header, payload *record.EntryBody) error {
	body, err := p.file.OpenBody(payload)
	if err != nil {
		return err
	}
	defer body.Close()
	h.Length = payload.Size
	p.buf = wsframe.AppendHeader(p.buf, h)
	if err := p.flush(); err != nil {
		return err
	}
	n, err := io.Copy(p.out, body)
	if err == nil && n != h.Length {
		err = fmt.Errorf("read %s: %d bytes in place of %d", payload.File, n, h.Length)
	}
	return err
}

// sayClose sends a close frame of ours.
func (p *player) sayClose(payload []byte) {
	p.closed = true
	p.buf = wsframe.AppendFrame(p.buf, wsframe.Header{Fin: true, Opcode: wsframe.OpClose}, payload)
}

// flush sends what say has collected.
func (p *player) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	_, err := p.out.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}
