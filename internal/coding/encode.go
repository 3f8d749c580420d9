package coding

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// brotliLevel is about as fast as gzip's default and denser; brotli's own
// default is made for content compressed once.
const brotliLevel = 4

// Encoder applies a content coding to what is written to it.
type Encoder struct {
	pool *sync.Pool
	enc  encoder
}

// encoder is what the encoders of the four codings have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// encoders has the pool of each coding by name. They hold encoder values.
var encoders = map[string]*sync.Pool{
	"gzip":    {New: func() any { return gzip.NewWriter(nil) }},
	"deflate": {New: func() any { return zlib.NewWriter(nil) }},
	"br":      {New: func() any { return brotli.NewWriterLevel(nil, brotliLevel) }},
	"zstd":    {New: func() any { return newZstdEncoder() }},
}

func newZstdEncoder() *zstd.Encoder {
	// With a concurrency of 1 the encoder has no goroutines of its own.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
}

// Encode returns an Encoder that writes to w, or ErrUnknown. deflate is written
// in the zlib format.
func Encode(coding string, w io.Writer) (*Encoder, error) {
	pool := encoders[canonical(coding)]
	if pool == nil {
		return nil, fmt.Errorf("%w: %.40q", ErrUnknown, coding)
	}
	enc := pool.Get().(encoder)
	enc.Reset(w)
	return &Encoder{pool: pool, enc: enc}, nil
}

// errClosed is what an Encoder answers after Close.
var errClosed = errors.New("encoder is closed")

// Write encodes p.
func (e *Encoder) Write(p []byte) (int, error) {
	if e.enc == nil {
		return 0, errClosed
	}
	return e.enc.Write(p)
}

// Flush writes all that the other side needs to decode what was written so far.
func (e *Encoder) Flush() error {
	if e.enc == nil {
		return errClosed
	}
	return e.enc.Flush()
}

// Close writes the end of the content. It does not close the writer beneath.
func (e *Encoder) Close() error {
	if e.enc == nil {
		return nil
	}
	err := e.enc.Close()
	e.enc.Reset(io.Discard) // a pooled encoder must not hold on to the writer
	e.pool.Put(e.enc)
	e.enc = nil
	return err
}
