package rules

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// maxContent is the most content in bytes, before and after decoding, that is
// held to be matched or edited.
const maxContent = 8 << 20

// The reasons why content is not held. They are for the user.
var (
	errTooLong = errors.New("body over 8 MiB")
	errEndless = errors.New("the body is a stream")
	errPart    = errors.New("the body is a part of one (206)")
)

// holder holds the content of one message once somebody asked for it.
type holder struct {
	body   io.ReadCloser  // nil for none, or once all of it was read
	header traffic.Fields // what it came with
	// endless says that body may go on for as long as somebody reads.
	endless bool

	sent    bool // body is somebody else's by now
	read    bool
	raw     []byte // as it came, as far as it was read
	err     error  // why raw is not all of it
	decoded []byte
	decErr  error // why decoded is not to be had

	// remade says that body is made of another while it is read.
	remade bool

	looked     bool   // for the first message of a gRPC call
	message    []byte // that message, nil for none
	messageErr error  // why it is not to be had
}

func requestHolder(req *traffic.Request) *holder {
	return &holder{body: req.Body, header: req.Header, endless: req.Length < 0 && isEndless(req.Header)}
}

// responseHolder holds nothing of a 101, whose body is the connection.
func responseHolder(resp *traffic.Response) *holder {
	h := &holder{header: resp.Header, endless: resp.Length < 0 && isEndless(resp.Header)}
	if resp.Status != http.StatusSwitchingProtocols {
		h.body = resp.Body
	}
	return h
}

// content returns the content with its content coding undone. It reads the body
// if nobody has.
func (h *holder) content() ([]byte, error) {
	switch {
	case h.read:
		return h.decoded, h.decErr
	case h.sent || h.body == nil:
		return nil, nil
	case h.endless:
		return nil, errEndless
	}
	h.read = true
	if h.raw, h.err = readUpTo(h.body); h.err != nil {
		h.decErr = h.err
		return nil, h.decErr
	}
	_ = h.body.Close() // all of it is here
	h.body = nil
	h.decoded, h.decErr = decode(h.header, h.raw)
	return h.decoded, h.decErr
}

// readUpTo reads at most maxContent bytes, and one more to know whether there
// are.
func readUpTo(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxContent+1))
	if err == nil && len(raw) > maxContent {
		err = errTooLong
	}
	return raw, err
}

// changed reports whether the body that passOn returns is not the one that came.
func (h *holder) changed() bool { return h.read || h.remade }

// passOn returns a body with all of the content, also what was read of it.
func (h *holder) passOn() io.ReadCloser {
	h.sent = true
	switch {
	case !h.read:
		return h.body
	case h.err == nil && h.body == nil:
		return traffic.NewMemoryBody(h.raw)
	case h.err == nil:
		return &replacedBody{traffic.NewMemoryBody(h.raw), h.body}
	}
	rest := io.Reader(h.body)
	if !errors.Is(h.err, errTooLong) && !errors.Is(h.err, errMore) {
		rest = failedReader{h.err}
	}
	return &replacedBody{io.NopCloser(io.MultiReader(bytes.NewReader(h.raw), rest)), h.body}
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
	content, err := coding.Decoded(codings, bytes.NewReader(raw), maxContent)
	if err != nil {
		return nil, err
	}
	return content, nil
}

// encode applies the content codings of a message, which decode has undone.
func encode(header traffic.Fields, content []byte) ([]byte, error) {
	return coding.Encoded(codingsOf(header), content)
}

// stale are fields that say something about content that was edited.
var stale = []string{"Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "ETag"}

// withoutStale returns the fields without those that edited content belies.
func withoutStale(fields traffic.Fields) traffic.Fields {
	return slices.Clip(fields.Without(stale...))
}
