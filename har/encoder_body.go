package har

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/jsonenc"
)

// chunkSize is how much content is encoded at once: whole groups of base64.
const chunkSize = 3 << 14

// fail notes why an entry cannot be written.
func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// body appends content behind before: as text if it is UTF-8 and does not ask for
// base64, else as base64 with mark behind it.
func (e *encoder) body(before, mark string, b *Body) {
	e.buf = append(e.buf, before...)
	if b.Source == nil {
		e.bytes(mark, b.Data, b.Base64)
		return
	}
	if err := e.stream(mark, b); err != nil {
		e.fail(fmt.Errorf("read content: %w", err))
	}
}

// bytes appends content that is in memory.
func (e *encoder) bytes(mark string, p []byte, binary bool) {
	appendChunk, end := jsonenc.AppendEscaped[[]byte], `"`
	if binary || !utf8.Valid(p) {
		appendChunk, end = base64.StdEncoding.AppendEncode, `"`+mark
	}
	e.buf = append(e.buf, '"')
	for len(p) > chunkSize {
		e.buf = appendChunk(e.buf, p[:chunkSize])
		p = p[chunkSize:]
		e.relieve()
	}
	e.buf = appendChunk(e.buf, p)
	e.buf = append(e.buf, end...)
}

// stream appends content that has to be read, twice if it is long and may be
// text.
func (e *encoder) stream(mark string, b *Body) error {
	if e.scratch == nil {
		e.scratch = make([]byte, chunkSize)
	}
	binary := b.Base64
	if !binary {
		short, odd, err := e.look(b)
		if err != nil {
			return err
		}
		if short != nil {
			e.bytes(mark, short, odd)
			return nil
		}
		binary = odd
	}
	r, err := b.Source()
	if err != nil {
		return err
	}
	return errors.Join(e.copy(mark, r, binary), r.Close())
}

// look reports whether content is not UTF-8. It returns the content if that is
// short, in scratch.
func (e *encoder) look(b *Body) (short []byte, binary bool, err error) {
	r, err := b.Source()
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	n, last, err := fill(r, e.scratch)
	if err != nil {
		return nil, false, err
	}
	if last {
		return e.scratch[:n], false, nil
	}
	binary, err = e.isBinary(r, n)
	return nil, binary, err
}

// fill reads until p is full, or reports that r has ended. io.ReadFull would not
// tell the end from content that says io.ErrUnexpectedEOF itself.
func fill(r io.Reader, p []byte) (n int, last bool, err error) {
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// copy appends what r has.
func (e *encoder) copy(mark string, r io.Reader, binary bool) error {
	e.buf = append(e.buf, '"')
	for ended := false; !ended && e.err == nil; e.relieve() {
		n, last, err := fill(r, e.scratch)
		if err != nil {
			return err
		}
		ended = last
		if binary {
			e.buf = base64.StdEncoding.AppendEncode(e.buf, e.scratch[:n])
		} else {
			e.buf = jsonenc.AppendEscaped(e.buf, e.scratch[:n])
		}
	}
	e.buf = append(e.buf, '"')
	if binary {
		e.buf = append(e.buf, mark...)
	}
	return nil
}

// isBinary reports whether the n bytes that are in scratch and all that follow
// them are not UTF-8.
func (e *encoder) isBinary(r io.Reader, n int) (bool, error) {
	for {
		whole := wholeRunes(e.scratch[:n])
		if !utf8.Valid(e.scratch[:whole]) {
			return true, nil
		}
		rest := copy(e.scratch, e.scratch[whole:n])
		more, last, err := fill(r, e.scratch[rest:])
		if err != nil {
			return false, err
		}
		if n = rest + more; last {
			return !utf8.Valid(e.scratch[:n]), nil
		}
	}
}

// wholeRunes returns how much of p is left without a character at its end that
// may go on.
func wholeRunes(p []byte) int {
	for n := len(p) - 1; n >= max(0, len(p)-utf8.UTFMax+1); n-- {
		if utf8.RuneStart(p[n]) {
			if utf8.FullRune(p[n:]) {
				return len(p)
			}
			return n
		}
	}
	return len(p)
}
