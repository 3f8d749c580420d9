package h1

import (
	"errors"
	"io"

	"github.com/necto-dev/necto/traffic"
)

// Tap watches the content of a body as it passes.
type Tap interface {
	// Data is given content, transfer coding undone, after it was handed on. p
	// is valid only during the call.
	Data(p []byte)
	// Full reports whether Data no longer needs to see the bytes: from then on
	// they may be counted by Skip instead.
	Full() bool
	// Skip counts n bytes that passed unseen.
	Skip(n int64)
}

// Body is the body of the message whose head was read last. It is read either
// decoded, through Read, or raw, through Relay.
type Body struct {
	// Trailer has the trailer fields once the end was reached.
	Trailer traffic.Fields
	// Tap, if not nil, is given the content, whichever way it is read.
	Tap Tap

	r       *Reader
	framing Framing
	left    int64 // for ByLength
	chunks  chunkParser
	done    bool
	err     error
}

// Body returns the body of the message whose head was read last. The next
// message can be read once it is Done.
func (r *Reader) Body(framing Framing) *Body {
	b := &Body{r: r, framing: framing}
	switch framing.Kind {
	case NoBody:
		b.done = true
	case ByLength:
		b.left = framing.Length
		b.done = b.left == 0
	case Chunked:
		b.chunks.limits = &r.limits
	case UntilClose: // whatever comes
	}
	return b
}

// Framing returns how the body is delimited.
func (b *Body) Framing() Framing { return b.framing }

// Done reports whether the end of the body was reached in good order.
func (b *Body) Done() bool { return b.done && b.err == nil }

// Err returns the error that ended reading, nil if there was none yet.
func (b *Body) Err() error { return b.err }

// Buffered reports whether the rest of the body has been read into the buffer
// already, so that Read and Relay will not wait for the source.
func (b *Body) Buffered() bool {
	return b.done || b.framing.Kind == ByLength && b.left <= int64(b.r.w-b.r.r)
}

// Close does nothing: who owns the connection decides what to do with a body
// that was not read to its end.
func (b *Body) Close() error { return nil }

// Read reads content with transfer coding undone. At the end it returns io.EOF;
// a connection that ends early gives ErrTruncated, bad framing an *Error.
func (b *Body) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if b.err != nil {
			return 0, b.err
		}
		if b.done {
			return 0, io.EOF
		}
		if err := b.fill(); err != nil {
			return 0, err
		}
		data, raw, err := b.scan(len(p))
		if err != nil {
			return 0, err
		}
		n := copy(p, data)
		b.tap(data)
		b.r.Discard(raw)
		if b.done {
			b.r.settle()
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, nil
}

// Relay writes prefix and the rest of the body to w as it comes, framing
// included, each piece as soon as it was read; prefix goes out with the first
// piece if that is there already, for which the capacity behind it may be used. A
// *WriteError means that w failed; any other error is the source's.
func (b *Body) Relay(w io.Writer, prefix []byte) error {
	if b.err != nil {
		return b.err
	}
	if len(prefix) > 0 {
		if err := b.relayFirst(w, prefix); err != nil {
			return err
		}
	}
	filled := false
	for !b.done {
		if b.canSplice(w) {
			if err := b.splice(w); err != nil {
				return err
			}
			break
		}
		// A large buffer is for what is known to be large: a stream that
		// trickles for hours does well with the small one.
		switch {
		case filled && len(b.r.buf) >= largeBuffer:
			b.r.borrow(&bulkBuffers)
		case filled, b.framing.Kind == ByLength && b.left > smallBuffer:
			b.r.borrow(&largeBuffers)
		}
		if err := b.fill(); err != nil {
			return err
		}
		filled = b.r.w == len(b.r.buf)
		if err := b.relayBuffered(w, nil); err != nil {
			return err
		}
	}
	b.r.settle()
	return nil
}

func (b *Body) relayFirst(w io.Writer, prefix []byte) error {
	if b.done || b.r.r == b.r.w {
		if _, err := w.Write(prefix); err != nil {
			return b.writeFailed(err)
		}
		return nil
	}
	return b.relayBuffered(w, prefix)
}

// relayBuffered writes what is buffered of the body, behind prefix, in one
// write, then shows it to the tap: the tap never delays the wire. What came in
// good order before an error is still written.
func (b *Body) relayBuffered(w io.Writer, prefix []byte) error {
	before := *b
	start := b.r.r
	raw, scanErr := b.scanAll()
	piece := b.r.buf[start : start+raw]
	if len(prefix) > 0 {
		piece = append(prefix, piece...)
	}
	if len(piece) > 0 {
		if _, err := w.Write(piece); err != nil {
			return b.writeFailed(err)
		}
	}
	b.tapAll(&before, b.r.buf[start:start+raw])
	b.r.Discard(raw)
	return scanErr
}

// scanAll consumes all that is buffered of the body without showing it.
func (b *Body) scanAll() (raw int, err error) {
	start := b.r.r
	defer func() { b.r.r = start }()
	for !b.done && b.r.r < b.r.w && err == nil {
		var n int
		_, n, err = b.scan(len(b.r.buf))
		b.r.r += n
	}
	return b.r.r - start, err
}

// tapAll shows the content of raw, which was scanned from the state before.
func (b *Body) tapAll(before *Body, raw []byte) {
	if b.Tap == nil {
		return
	}
	if b.framing.Kind != Chunked {
		b.tap(raw)
		return
	}
	for len(raw) > 0 {
		data, n, err := before.chunks.next(raw, len(raw))
		if n == 0 || err != nil {
			return
		}
		b.tap(data)
		raw = raw[n:]
	}
}

func (b *Body) tap(data []byte) {
	switch {
	case b.Tap == nil || len(data) == 0:
	case b.Tap.Full():
		b.Tap.Skip(int64(len(data)))
	default:
		b.Tap.Data(data)
	}
}

// fill makes sure that something is buffered.
func (b *Body) fill() error {
	if b.r.r < b.r.w {
		return nil
	}
	err := b.r.Fill()
	if err == nil {
		return nil
	}
	if b.framing.Kind == UntilClose && errors.Is(err, io.EOF) {
		b.done = true
		return nil
	}
	b.err = truncated(err)
	return b.err
}

// scan finds the next run of content, of at most max bytes, in what is
// buffered, and how many raw bytes lead to its end. It consumes nothing.
func (b *Body) scan(max int) (data []byte, raw int, err error) {
	p := b.r.Buffered()
	switch b.framing.Kind {
	case Chunked:
		data, raw, err = b.chunks.next(p, max)
		if b.chunks.state == inEnd {
			b.done, b.Trailer = true, b.chunks.fields
		}
	case ByLength:
		raw = int(min(int64(len(p)), int64(max), b.left))
		data = p[:raw]
		b.left -= int64(raw)
		b.done = b.left == 0
	default:
		raw = min(len(p), max)
		data = p[:raw]
	}
	if err != nil {
		b.err = err
	}
	return data, raw, err
}

func (b *Body) writeFailed(err error) error {
	b.err = &WriteError{Err: err}
	return b.err
}
