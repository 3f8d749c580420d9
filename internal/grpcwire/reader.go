package grpcwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/necto-dev/necto/internal/coding"
)

// Reader reads the messages of a body.
type Reader struct {
	source io.Reader
	format Format
	limit  int64
	buf    bytes.Buffer
}

// NewReader returns a Reader of the messages in r. Of each it keeps at most
// limit bytes.
func NewReader(r io.Reader, format Format, limit int64) *Reader {
	if format == WebText {
		r = &textReader{source: r}
	}
	return &Reader{source: r, format: format, limit: limit}
}

// Next returns the next message and its content as sent, cut to the limit, which
// is valid until the next call. The error is io.EOF behind the last message,
// io.ErrUnexpectedEOF inside of one, or that of reading. What was there of a
// message that is cut off is returned with io.ErrUnexpectedEOF.
func (r *Reader) Next() (Message, []byte, error) {
	if r.format == None {
		return Message{}, nil, io.EOF
	}
	var prefix [PrefixSize]byte
	if _, err := io.ReadFull(r.source, prefix[:]); err != nil {
		return Message{}, nil, err
	}
	m := parsePrefix(prefix, r.format)
	r.buf.Reset()
	// Not more than what comes is kept, whatever the prefix promises.
	if _, err := r.buf.ReadFrom(io.LimitReader(r.source, min(m.Size, r.limit))); err != nil {
		return m, r.buf.Bytes(), err
	}
	have := int64(r.buf.Len())
	if have == r.limit {
		n, err := io.CopyN(io.Discard, r.source, m.Size-have)
		if have += n; err != nil && !errors.Is(err, io.EOF) {
			return m, r.buf.Bytes(), err
		}
	}
	if have < m.Size {
		return m, r.buf.Bytes(), io.ErrUnexpectedEOF
	}
	return m, r.buf.Bytes(), nil
}

// Decoded returns the content of a message with its compression undone, at most
// limit bytes of it: content itself if it is not compressed. encoding is that of
// its sender; see Encoding. The error wraps one of package coding.
func Decoded(m Message, content []byte, encoding string, limit int64) (_ []byte, err error) {
	if !m.Compressed || encoding == "" {
		return content, nil
	}
	r, err := coding.Decode([]string{encoding}, bytes.NewReader(content), limit)
	if err != nil {
		return nil, fmt.Errorf("decompress message: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}

// textReader undoes base64.
type textReader struct {
	source io.Reader
	stream base64Stream
	in     [4 << 10]byte
	out    [3 << 10]byte
	ready  []byte // of out
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
