package h1

import (
	"errors"
	"io"
	"sync"
)

const (
	smallBuffer = 4 << 10   // what an idle connection holds
	largeBuffer = 64 << 10  // what a body is relayed through
	bulkBuffer  = 256 << 10 // what a body is relayed through that comes faster than that
)

// lender keeps buffers of one size for Readers.
type lender struct {
	size int
	pool sync.Pool // of *[]byte
}

var (
	largeBuffers = lender{size: largeBuffer}
	bulkBuffers  = lender{size: bulkBuffer}
)

func (l *lender) get() *[]byte {
	if b, ok := l.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, l.size)
	return &b
}

// Reader reads the messages of one direction of a connection. It holds a 4 KiB
// buffer, and a larger one only while a message needs it.
type Reader struct {
	src    io.Reader
	limits Limits
	buf    []byte
	r, w   int // buf[r:w] has been read from src and not yet consumed
	small  []byte
	loan   *[]byte // the buffer on loan, nil for none
	from   *lender // whose it is
}

// NewReader returns a Reader of src.
func NewReader(src io.Reader, limits Limits) *Reader {
	small := make([]byte, smallBuffer)
	return &Reader{src: src, limits: limits.withDefaults(), buf: small, small: small}
}

// Buffered returns the bytes read but not consumed, valid until the next call.
func (r *Reader) Buffered() []byte { return r.buf[r.r:r.w] }

// Discard consumes n buffered bytes.
func (r *Reader) Discard(n int) {
	r.r += n
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
}

// Fill waits for more bytes behind those buffered. The error is the source's,
// io.EOF at its end.
func (r *Reader) Fill() error {
	if r.w == len(r.buf) {
		r.makeRoom()
	}
	n, err := r.src.Read(r.buf[r.w:])
	r.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// makeRoom moves what is buffered to the front, or to a larger buffer if that
// gains nothing.
func (r *Reader) makeRoom() {
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
		return
	}
	if len(r.buf) < largeBuffer {
		r.borrow(&largeBuffers)
		return
	}
	bigger := make([]byte, 2*len(r.buf))
	r.w = copy(bigger, r.buf[:r.w])
	r.buf = bigger
}

// borrow takes a buffer for a body, unless there is one of that size already.
func (r *Reader) borrow(from *lender) {
	if len(r.buf) >= from.size {
		return
	}
	loan := from.get()
	r.w = copy(*loan, r.buf[r.r:r.w])
	r.r = 0
	r.buf = *loan
	r.giveBack()
	r.loan, r.from = loan, from
}

func (r *Reader) giveBack() {
	if r.loan != nil {
		r.from.pool.Put(r.loan)
		r.loan = nil
	}
}

// settle goes back to the small buffer where what is buffered fits into it, so
// that an idle connection holds no more.
func (r *Reader) settle() {
	if len(r.buf) == smallBuffer || r.w-r.r > smallBuffer {
		return
	}
	r.w = copy(r.small, r.buf[r.r:r.w])
	r.r = 0
	r.buf = r.small
	r.giveBack()
}

// Release gives borrowed memory back to the pool. The Reader must not be used
// afterwards.
func (r *Reader) Release() {
	r.r, r.w = 0, 0
	r.settle()
}

// Read reads what is buffered, then from the source, so that a tunnel can take
// over the connection.
func (r *Reader) Read(p []byte) (int, error) {
	if r.r < r.w {
		n := copy(p, r.Buffered())
		r.Discard(n)
		return n, nil
	}
	return r.src.Read(p)
}

// truncated turns the end of the source inside a message into ErrTruncated.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrTruncated
	}
	return err
}
