package grpcwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/necto-dev/necto/internal/coding"
)

// ErrCut is a body that ends inside a message.
var ErrCut = errors.New("the body ends inside a message")

// Reader reads the messages of a body.
type Reader struct {
	source  io.Reader
	format  Format
	limit   int64
	buf     bytes.Buffer
	message Message
	err     error
}

// NewReader returns a Reader of the messages in r. Of each it keeps at most
// limit bytes.
func NewReader(r io.Reader, format Format, limit int64) *Reader {
	if format == WebText {
		r = &textReader{source: r}
	}
	return &Reader{source: r, format: format, limit: limit}
}

// Next goes to the next message, the first one at first. It returns false if there
// is none; Err then says why.
func (r *Reader) Next() bool {
	if r.format == None || r.err != nil || !r.fill(PrefixSize) || r.buf.Len() == 0 {
		return false
	}
	if r.buf.Len() < PrefixSize {
		r.err = ErrCut
		return false
	}
	r.message = parsePrefix([PrefixSize]byte(r.buf.Bytes()), r.format)
	size := r.message.Size
	if !r.fill(min(size, r.limit)) {
		return false
	}
	have := int64(r.buf.Len())
	if have < size && have == r.limit {
		var more int64
		more, r.err = io.Copy(io.Discard, io.LimitReader(r.source, size-have))
		have += more
	}
	if have < size && r.err == nil {
		r.err = ErrCut
	}
	return r.err == nil
}

// fill reads n bytes, or what there is. Not more than what comes is kept, whatever
// a prefix promises.
func (r *Reader) fill(n int64) bool {
	r.buf.Reset()
	_, r.err = r.buf.ReadFrom(io.LimitReader(r.source, n))
	return r.err == nil
}

// Message returns what the prefix of the message says.
func (r *Reader) Message() Message { return r.message }

// Content returns the message as it was sent, cut to the limit. It is valid until
// the next call of Next.
func (r *Reader) Content() []byte { return r.buf.Bytes() }

// Err returns why there was no message any more: nil at the end of the body,
// ErrCut, or the error of reading it.
func (r *Reader) Err() error { return r.err }

// Decoded returns the content of a message with its compression undone, at most
// limit bytes of it: content itself if it is not compressed. encoding is that of
// its sender; see Encoding. The error wraps one of package coding.
func Decoded(m Message, content []byte, encoding string, limit int64) ([]byte, error) {
	if !m.Compressed || encoding == "" {
		return content, nil
	}
	content, err := coding.Decoded([]string{encoding}, bytes.NewReader(content), limit)
	if err != nil {
		return content, fmt.Errorf("decompress message: %w", err)
	}
	return content, nil
}

// Encoded returns content compressed, content itself without an encoding; see
// Encoding. The error wraps one of package coding.
func Encoded(content []byte, encoding string) ([]byte, error) {
	if encoding == "" {
		return content, nil
	}
	content, err := coding.Encoded([]string{encoding}, content)
	if err != nil {
		return nil, fmt.Errorf("compress message: %w", err)
	}
	return content, nil
}

// textReader undoes base64.
type textReader struct {
	source io.Reader
	stream base64Stream
	in     [4 << 10]byte
	out    [3<<10 + 3]byte // of all of in, behind up to three characters that came before
	ready  []byte          // of out
	err    error
}

func (t *textReader) Read(p []byte) (int, error) {
	for len(t.ready) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		var n int
		n, t.err = t.source.Read(t.in[:])
		n, _ = t.stream.decode(t.out[:], t.in[:n]) // there is room for all
		t.ready = t.out[:n]
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}
