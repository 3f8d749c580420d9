package coding

import (
	"bufio"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// decoder is a decoder that can be used again, which costs a fraction of making
// one: their tables and windows are large.
type decoder interface {
	io.Reader
	// reset starts over with r. io.EOF means that r is empty.
	reset(r io.Reader) error
}

// decoders has the pool of each coding by name. They hold decoder values.
var decoders = map[string]*sync.Pool{
	"gzip":    {New: func() any { return new(gzipDecoder) }},
	"x-gzip":  {New: func() any { return new(gzipDecoder) }},
	"deflate": {New: func() any { return newDeflateDecoder() }},
	"br":      {New: func() any { return new(brotliDecoder) }},
	"zstd":    {New: func() any { return newZstdDecoder() }},
}

type gzipDecoder struct{ gzip.Reader }

func (d *gzipDecoder) reset(r io.Reader) error { return d.Reset(r) }

type brotliDecoder struct{ brotli.Reader }

func (d *brotliDecoder) reset(r io.Reader) error { return d.Reset(r) }

type zstdDecoder struct{ *zstd.Decoder }

func newZstdDecoder() *zstdDecoder {
	// With a concurrency of 1 the decoder has no goroutines of its own.
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // the options are constants
	}
	return &zstdDecoder{d}
}

func (d *zstdDecoder) reset(r io.Reader) error { return d.Reset(r) }

// deflateDecoder reads the zlib format that RFC 9110 section 8.4.1.2 asks for,
// and the raw one that some servers send in its place.
type deflateDecoder struct {
	in   *bufio.Reader
	zlib io.ReadCloser // made at first use: it cannot be made without content
	raw  io.ReadCloser
	now  io.Reader
}

func newDeflateDecoder() *deflateDecoder {
	return &deflateDecoder{in: bufio.NewReader(nil), raw: flate.NewReader(nil)}
}

func (d *deflateDecoder) Read(p []byte) (int, error) { return d.now.Read(p) }

func (d *deflateDecoder) reset(r io.Reader) (err error) {
	d.in.Reset(r)
	head, err := d.in.Peek(2)
	if len(head) == 0 {
		return err
	}
	if len(head) < 2 || !isZlib(head) {
		d.now = d.raw
		return d.raw.(flate.Resetter).Reset(d.in, nil)
	}
	if d.zlib == nil {
		d.zlib, err = zlib.NewReader(d.in)
	} else {
		err = d.zlib.(zlib.Resetter).Reset(d.in, nil)
	}
	d.now = d.zlib
	return err
}

// isZlib reports whether content begins with a zlib header (RFC 1950 section
// 2.2): compression method 8, and a multiple of 31.
func isZlib(head []byte) bool {
	return head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}
