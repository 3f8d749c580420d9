package record

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// defaultInlineMax is the default of Options.InlineMax in bytes.
const defaultInlineMax = 64 << 10

// stored is content on its way into a line: in memory or in a sidecar.
type stored struct {
	bytes []byte // valid until the next content
	file  string
	size  int64
}

// bodyMember is what a line says of content.
type bodyMember struct {
	content stored
	// size is that of the content, or what passed if it is truncated.
	size int64
	// codings were undone, "" for none, of wireSize bytes.
	codings   string
	wireSize  int64
	chunks    []traffic.Chunk
	truncated bool
}

// appendBody appends the body member, nothing if there was no content.
func (e *encoder) appendBody(dst []byte, b *traffic.Body, header traffic.Fields) ([]byte, error) {
	if b == nil {
		return dst, nil
	}
	undone, known, recorded := b.Decoded()
	if b.Size() == 0 && !recorded {
		return dst, nil
	}
	about := contentOf(header)
	var g grammar
	if e.redact != nil {
		g = e.classes.body(about.mediaType).grammar(&e.redact.patterns)
	}
	var codings []string
	if about.coded && !recorded {
		codings = coding.Parse(header.Values("Content-Encoding"))
	}
	content, decoded, err := e.store(b, codings, g)
	if err != nil {
		return dst, err
	}
	if decoded {
		undone = strings.Join(codings, ", ")
	}
	m := bodyMember{content: content, size: content.size, codings: undone, wireSize: b.Size(), chunks: b.Chunks()}
	if m.truncated = b.Truncated(); m.truncated {
		m.size = b.Size()
		if recorded {
			m.size = known
		}
	}
	return m.append(dst), nil
}

func (m *bodyMember) append(dst []byte) []byte {
	dst = appendUint(dst, `,"body":{"size":`, uint64(m.size))
	dst = m.content.append(dst)
	if m.codings != "" {
		dst = append(dst, `,"wire":{"coding":`...)
		dst = jsonenc.AppendText(dst, m.codings)
		dst = appendUint(dst, `,"size":`, uint64(m.wireSize))
		dst = append(dst, '}')
	}
	dst = appendChunks(dst, m.chunks)
	if m.truncated {
		dst = append(dst, `,"truncated":true`...)
	}
	return append(dst, '}')
}

// store stores content, with codings undone if that is possible: it reports
// whether it was.
func (e *encoder) store(b *traffic.Body, codings []string, g grammar) (stored, bool, error) {
	if len(codings) > 0 {
		r, err := coding.Decode(codings, b.Open(), coding.MaxDecoded)
		if err == nil {
			var source io.Reader = r
			if b.Truncated() {
				source = &untilError{r}
			}
			content, err := e.bodies.store(source, e.scanner(g))
			_ = r.Close() // never fails
			var failed *storeError
			if err == nil || errors.As(err, &failed) {
				return content, err == nil, err
			}
		}
	}
	if p, ok := b.Bytes(); ok && e.bodies.fits(int64(len(p))) {
		return e.bodies.inline(p, e.scanner(g)), false, nil
	}
	content, err := e.bodies.store(b.Open(), e.scanner(g))
	return content, false, err
}

// untilError reads coded content that was cut: what can be decoded of it is all
// there is. As it came, nobody could look into it for secrets.
type untilError struct{ r io.Reader }

func (u *untilError) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// scanner returns what replaces the secrets of one body, nil for nothing. It is
// the same one each time.
func (e *encoder) scanner(g grammar) *scanner {
	if g == nil {
		return nil
	}
	e.scan = scanner{grammar: g, redactor: e.redact}
	return &e.scan
}

// append appends the member that has the content.
func (s stored) append(dst []byte) []byte {
	switch {
	case s.file != "":
		return appendMember(dst, "file", s.file)
	case utf8.Valid(s.bytes):
		return jsonenc.AppendQuoted(append(dst, `,"text":`...), s.bytes)
	}
	dst = append(dst, `,"base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, s.bytes)
	return append(dst, '"')
}

func appendChunks(dst []byte, chunks []traffic.Chunk) []byte {
	for i, c := range chunks {
		if i == 0 {
			dst = append(dst, `,"chunks":[[`...)
		} else {
			dst = append(dst, ",["...)
		}
		dst = jsonenc.AppendMillis(dst, c.At)
		dst = appendUint(dst, ",", uint64(c.Size))
		dst = append(dst, ']')
	}
	if len(chunks) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// bodyStore keeps content in memory if it is short and else in the sidecar
// folder. Its buffers are used again.
type bodyStore struct {
	// inlineMax is how many bytes stay in memory, -1 for all.
	inlineMax int64
	sidecar   sidecar
	content   bytes.Buffer
	clean     []byte
}

// storeError is a failure to keep content, in contrast to one to read it.
type storeError struct{ err error }

func (e *storeError) Error() string { return "write body: " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// store reads content to its end, replacing secrets if s is not nil. The error
// is a *storeError unless it came from r.
func (b *bodyStore) store(r io.Reader, s *scanner) (stored, error) {
	b.content.Reset()
	head := r
	if b.inlineMax >= 0 {
		head = io.LimitReader(r, b.inlineMax+1)
	}
	if _, err := b.content.ReadFrom(head); err != nil {
		return stored{}, err
	}
	if !b.fits(int64(b.content.Len())) {
		return b.sidecar.store(io.MultiReader(&b.content, r), s)
	}
	return b.inline(b.content.Bytes(), s), nil
}

// fits reports whether content of so many bytes stays in memory.
func (b *bodyStore) fits(n int64) bool { return b.inlineMax < 0 || n <= b.inlineMax }

// inline keeps content in memory.
func (b *bodyStore) inline(content []byte, s *scanner) stored {
	if s != nil {
		b.clean = s.whole(b.clean[:0], content)
		content = b.clean
		if s.redactor.thorough && utf8.Valid(content) {
			content = s.redactor.withoutShapes(s.redactor.withoutPaths(content))
		}
	}
	return stored{bytes: content, size: int64(len(content))}
}
