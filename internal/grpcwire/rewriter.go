package grpcwire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
)

// rewriter is a body in which messages are replaced while it is read: each as soon
// as it is there.
type rewriter struct {
	source io.Reader
	format Format
	limit  int64
	edit   func(Message, []byte) []byte

	prefix [PrefixSize]byte
	came   bytes.Buffer // the content of the message that came last
	made   []byte       // what was made of it
	ready  []byte       // of made, or of what is passed on as it came
	passes int64        // bytes behind ready that pass as they come
	err    error        // behind all of that
}

// NewRewriter returns a body with the messages of another in which edit has the
// place of each: it is given a message as it was sent, and returns the content to
// send, compressed if the message is. What it is given is valid until it returns,
// and may be what it returns. Messages of more than limit bytes pass as they came:
// edit is told of each, without content, and what it returns is of no interest. So do
// trailers of gRPC-Web and what is cut off.
func NewRewriter(body io.Reader, format Format, limit int64, edit func(Message, []byte) []byte) io.Reader {
	if format == None {
		return body
	}
	r := &rewriter{source: body, format: format, limit: limit, edit: edit}
	if format != WebText {
		return r
	}
	r.source = &textReader{source: body}
	return &textWriter{source: r}
}

// Read returns content.
func (r *rewriter) Read(p []byte) (int, error) {
	for len(r.ready) == 0 && r.passes == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.next()
	}
	if len(r.ready) > 0 {
		n := copy(p, r.ready)
		r.ready = r.ready[n:]
		return n, nil
	}
	n, err := r.source.Read(p[:min(int64(len(p)), r.passes)])
	if r.passes -= int64(n); err != nil {
		r.passes, r.err = 0, err
	}
	return n, nil
}

// next makes the next message ready.
func (r *rewriter) next() {
	n, err := io.ReadFull(r.source, r.prefix[:])
	if err != nil {
		r.ready, r.err = r.prefix[:n], wholeOrCut(err)
		return
	}
	m := parsePrefix(r.prefix, r.format)
	if m.Trailer || m.Size > r.limit {
		if !m.Trailer {
			r.edit(m, nil)
		}
		r.ready, r.passes = r.prefix[:], m.Size
		return
	}
	r.came.Reset()
	_, r.err = r.came.ReadFrom(io.LimitReader(r.source, m.Size))
	content := r.came.Bytes()
	if int64(len(content)) < m.Size {
		r.made = append(append(r.made[:0], r.prefix[:]...), content...)
		if r.err == nil {
			r.err = io.EOF
		}
	} else {
		content = r.edit(m, content)
		r.made = binary.BigEndian.AppendUint32(append(r.made[:0], r.prefix[0]), uint32(len(content)))
		r.made = append(r.made, content...)
	}
	r.ready = r.made
}

// wholeOrCut returns the end of a body for one inside a prefix, too: where a body
// is cut off it ends, and who reads it finds that out.
func wholeOrCut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// textWriter applies base64, with padding behind each piece that was read.
type textWriter struct {
	source io.Reader
	in     [3 << 10]byte
	out    [4 << 10]byte
	ready  []byte // of out
	err    error
}

func (t *textWriter) Read(p []byte) (int, error) {
	for len(t.ready) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		var n int
		n, t.err = t.source.Read(t.in[:])
		base64.StdEncoding.Encode(t.out[:], t.in[:n])
		t.ready = t.out[:base64.StdEncoding.EncodedLen(n)]
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}
