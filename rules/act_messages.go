package rules

import (
	"errors"
	"fmt"
	"io"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

// The reasons why messages are not edited. They are for the user.
var (
	errCodedMessages = errors.New("the messages have a content coding in common")
	errLongMessage   = errors.New("message over 8 MiB")
)

// edit edits the content of one side of the exchange, which h holds, for a rule.
// header is the message's, which may have been edited already. The messages of gRPC
// calls are edited one by one, but for edits that replace all of the content.
func (p *passage) edit(r *Rule, dir traffic.Direction) editFunc {
	return func(e *BodyEdit, h *holder, header traffic.Fields) (*holder, error) {
		if e.replaces() || !h.isCall() {
			return e.edit(h, header, filesBeside(r.At))
		}
		m := messageEdit{
			edit: e, path: p.subject.Request.URL.Path(), dir: dir, header: h.header, protos: p.engine.Protos,
			skipped: func(err error) { p.skipped(r.Name, err) },
		}
		return m.body(h, header)
	}
}

// editFunc returns content edited; see BodyEdit.edit.
type editFunc func(e *BodyEdit, h *holder, header traffic.Fields) (*holder, error)

// messageEdit edits the messages of one side of a call.
type messageEdit struct {
	edit    *BodyEdit
	path    string
	dir     traffic.Direction
	header  traffic.Fields // that the messages came with
	protos  *protoset.Set
	skipped func(error) // is told why a message is not edited
}

// body returns content whose messages are edited when they pass: a call may go on
// for as long as it likes.
func (m *messageEdit) body(h *holder, header traffic.Fields) (*holder, error) {
	contentType := m.header.Get("Content-Type")
	switch {
	case h.body == nil && !h.read, endsWithHead(m.header):
		return h, nil // there are no messages
	case len(codingsOf(m.header)) > 0:
		return nil, errCodedMessages
	case grpcwire.Codec(contentType) != codecJSON && !m.protos.Knows(m.path):
		return nil, describable(fmt.Errorf("%w: %.200s", protoset.ErrUnknown, m.path))
	}
	came := h.passOn()
	body := grpcwire.NewRewriter(came, grpcwire.FormatOf(contentType), maxContent, m.message)
	return &holder{
		body: &replacedBody{io.NopCloser(body), came}, header: withoutStale(header), endless: true, remade: true,
	}, nil
}

// message returns what is sent in the place of a message: the message itself if it
// cannot be edited. Of one that is too long there is no content.
func (m *messageEdit) message(prefix grpcwire.Message, content []byte) []byte {
	if prefix.Size > maxContent {
		m.skipped(errLongMessage)
		return nil
	}
	encoding := grpcwire.Encoding(m.header)
	plain, err := grpcwire.Decoded(prefix, content, encoding, maxContent)
	if err != nil {
		m.skipped(err)
		return content
	}
	edited, err := m.edited(plain)
	if err == nil && prefix.Compressed {
		edited, err = grpcwire.Encoded(edited, encoding)
	}
	if err != nil {
		m.skipped(err)
		return content
	}
	return edited
}

// edited returns a message edited, without compression.
func (m *messageEdit) edited(plain []byte) ([]byte, error) {
	edit := func(text []byte) ([]byte, error) { return m.edit.apply(text, nil) }
	if grpcwire.Codec(m.header.Get("Content-Type")) == codecJSON {
		return edit(plain)
	}
	return m.protos.Edit(m.path, m.dir, plain, edit)
}
