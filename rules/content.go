package rules

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// maxContent is the most content in bytes, before and after decoding, that is
// held to be matched or edited.
const maxContent = 8 << 20

// errTooLong says that content is over maxContent.
var errTooLong = errors.New("body over 8 MiB")

// holder holds the content of one message once somebody asked for it.
type holder struct {
	body   io.ReadCloser // nil for none
	header traffic.Fields

	// sent says that body is somebody else's by now.
	sent    bool
	read    bool
	raw     []byte // as it came, as far as it was read
	err     error  // why raw is not all of it
	decoded []byte
	decErr  error
}

// content returns the content with its content coding undone. It reads the body
// if nobody has.
func (h *holder) content() ([]byte, error) {
	switch {
	case h.read:
		return h.decoded, h.decErr
	case h.sent:
		return nil, nil
	}
	h.read = true
	if h.body == nil {
		return nil, nil
	}
	if h.raw, h.err = readUpTo(h.body); h.err != nil {
		h.decErr = h.err
		return nil, h.decErr
	}
	h.decoded, h.decErr = decode(h.header, h.raw)
	return h.decoded, h.decErr
}

// readUpTo reads at most maxContent bytes.
func readUpTo(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxContent+1))
	if err == nil && len(raw) > maxContent {
		err = errTooLong
	}
	return raw, err
}

// passOn returns a body with all of the content, also what was read of it.
func (h *holder) passOn() io.ReadCloser {
	h.sent = true
	switch {
	case !h.read:
		return h.body
	case h.body == nil && h.raw == nil:
		return nil
	case h.err == nil:
		return inPlaceOf(h.body, traffic.NewMemoryBody(h.raw))
	}
	rest := io.Reader(h.body)
	if !errors.Is(h.err, errTooLong) {
		rest = failedReader{h.err}
	}
	return inPlaceOf(h.body, io.NopCloser(io.MultiReader(bytes.NewReader(h.raw), rest)))
}

// inPlaceOf returns a body that closes the one it replaces, which may be nil.
func inPlaceOf(old, body io.ReadCloser) io.ReadCloser {
	if old == nil {
		return body
	}
	return &replacedBody{body, old}
}

// replacedBody is a body in place of another, which it closes.
type replacedBody struct {
	io.ReadCloser
	old io.Closer
}

// Close closes both.
func (b *replacedBody) Close() error {
	return errors.Join(b.ReadCloser.Close(), b.old.Close())
}

// failedReader fails.
type failedReader struct{ err error }

func (r failedReader) Read([]byte) (int, error) { return 0, r.err }

// codingsOf returns the content codings that a message says it has.
func codingsOf(header traffic.Fields) []string {
	return coding.Parse(header.Values("Content-Encoding"))
}

// decode undoes the content codings of a message.
func decode(header traffic.Fields, raw []byte) ([]byte, error) {
	codings := codingsOf(header)
	if len(codings) == 0 || len(raw) == 0 {
		return raw, nil
	}
	r, err := coding.Decode(codings, bytes.NewReader(raw), maxContent)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	return io.ReadAll(r)
}

// encode applies the content codings of a message, which decode has undone.
func encode(header traffic.Fields, content []byte) ([]byte, error) {
	for _, name := range codingsOf(header) {
		var out bytes.Buffer
		e, err := coding.Encode(name, &out)
		if err != nil {
			return nil, err
		}
		_, err = e.Write(content)
		if err = errors.Join(err, e.Close()); err != nil {
			return nil, err
		}
		content = out.Bytes()
	}
	return content, nil
}

// stale are fields that say something about content that was edited.
var stale = []string{"Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "ETag"}

// withoutStale returns the fields without those that edited content belies.
func withoutStale(fields traffic.Fields) traffic.Fields {
	return slices.Clip(fields.Without(stale...))
}
