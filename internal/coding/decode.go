package coding

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

const (
	// MaxDecoded is the usual limit for Decode, in bytes.
	MaxDecoded = 16 << 20
	// MaxStack is how many codings may lie on top of each other.
	MaxStack = 3
	// maxWindow is what RFC 9659 allows a zstd frame in HTTP, in bytes.
	maxWindow = 8 << 20
)

// The reasons why content cannot be decoded. Errors wrap one of these, or are
// the error of the reader that content came from.
var (
	// ErrUnknown is a coding this package does not know.
	ErrUnknown = errors.New("unknown content coding")
	// ErrTooMany is more than MaxStack codings.
	ErrTooMany = errors.New("too many content codings")
	// ErrTooLarge is content beyond the limit, or a window beyond 8 MiB.
	ErrTooLarge = errors.New("decoded content too large")
	// ErrCorrupt is content that is not what its coding says, or that ends early.
	ErrCorrupt = errors.New("corrupt content")
)

// Decode returns a reader over what comes out of r once codings, listed in the
// order they were applied, are undone. It may read from r at once. After limit
// bytes the reader fails with ErrTooLarge; the same bound holds for what comes
// out of each coding in between. Close ends the use of r, which it does not
// close.
func Decode(codings []string, r io.Reader, limit int64) (io.ReadCloser, error) {
	if len(codings) > MaxStack {
		return nil, fmt.Errorf("%w: %d", ErrTooMany, len(codings))
	}
	for _, name := range codings {
		if decoders[name] == nil {
			return nil, fmt.Errorf("%w: %.40q", ErrUnknown, name)
		}
	}
	d := &decoding{source: source{r: r}}
	d.top = &d.source
	for _, name := range slices.Backward(codings) {
		if err := d.push(name, limit); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// decoding is a stack of stages; the last one pushed is read.
type decoding struct {
	source source
	top    io.Reader
	stages []*stage
}

func (d *decoding) push(name string, limit int64) error {
	dec := decoders[name].Get().(decoder)
	s := &stage{name: name, dec: dec, left: limit, source: &d.source}
	d.stages = append(d.stages, s)
	err := dec.reset(d.top)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // no coding encodes nothing as nothing
	}
	if err != nil {
		return s.explain(err)
	}
	d.top = s
	return nil
}

// Read reads decoded content.
func (d *decoding) Read(p []byte) (int, error) {
	if d.source.r == nil {
		return 0, io.ErrClosedPipe
	}
	return d.top.Read(p)
}

// Close gives the decoders back. It never fails.
func (d *decoding) Close() error {
	d.source.r = nil
	for _, s := range d.stages {
		decoders[s.name].Put(s.dec)
	}
	d.stages = nil
	return nil
}

// source remembers whether what was read from failed, to tell that from
// corrupt content. Close lets go of r, which a pooled decoder would hold on to.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.r == nil {
		return 0, io.EOF
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// stage undoes one coding and counts what comes out.
type stage struct {
	name   string
	dec    decoder
	left   int64
	err    error
	source *source
}

func (s *stage) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p))-1 > s.left {
		p = p[:s.left+1]
	}
	n, err := s.dec.Read(p)
	if int64(n) > s.left {
		n, err = int(s.left), ErrTooLarge
	}
	s.left -= int64(n)
	if err != nil {
		s.err = s.explain(err)
	}
	return n, s.err
}

// explain says which of our errors a decoder's error is. Those of deeper stages
// and of the source come through as they are.
func (s *stage) explain(err error) error {
	switch {
	case s.source.err != nil:
		return s.source.err
	case errors.Is(err, io.EOF), errors.Is(err, ErrTooLarge), errors.Is(err, ErrCorrupt):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrCorrupt, s.name, err)
}
