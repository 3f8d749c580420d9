package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

// errMore says that a body was read no further than its first message.
var errMore = errors.New("there may be more messages")

// codecJSON is the codec of messages that need no description.
const codecJSON = "json"

// describesCall reports whether the request is a gRPC call whose messages can be
// told as JSON.
func (p *passage) describesCall() bool {
	req := p.subject.Request
	switch grpcwire.Codec(req.Header.Get("Content-Type")) {
	case "":
		return false
	case codecJSON:
		return true
	}
	return p.engine.Protos.Knows(req.URL.Path())
}

// isCall reports whether the content is that of a gRPC call. The answer to one may be
// something else, as from a gateway.
func (h *holder) isCall() bool {
	return grpcwire.FormatOf(h.header.Get("Content-Type")) != grpcwire.None
}

// message returns the first message of one side of a call, whose content h holds, as
// JSON, nil for none.
func (p *passage) message(dir traffic.Direction, h *holder) ([]byte, error) {
	content, err := h.firstMessage()
	if content == nil || err != nil || grpcwire.Codec(h.header.Get("Content-Type")) == codecJSON {
		return content, err
	}
	return p.engine.Protos.JSON(p.subject.Request.URL.Path(), dir, content)
}

// firstMessage returns the first message of a call with its compression undone,
// nil for none. It reads no more than that: the client may be waiting for an
// answer before it goes on.
func (h *holder) firstMessage() ([]byte, error) {
	if h.looked {
		return h.message, h.messageErr
	}
	h.looked = true
	switch {
	case h.read && h.err == nil:
		h.message, h.messageErr = h.messageIn(bytes.NewReader(h.raw))
	case !h.read && !h.sent && h.body != nil && !endsWithHead(h.header):
		var raw bytes.Buffer
		h.message, h.messageErr = h.messageIn(io.TeeReader(h.body, &raw))
		h.read, h.err, h.decErr, h.raw = true, errMore, errEndless, raw.Bytes()
	}
	return h.message, h.messageErr
}

// endsWithHead reports whether the header of an answer to a call says how that has
// ended, so that nothing comes behind it.
func endsWithHead(header traffic.Fields) bool { return header.Has("Grpc-Status") }

// messageIn returns the first message in a body, nil for none.
func (h *holder) messageIn(body io.Reader) ([]byte, error) {
	r := grpcwire.NewReader(body, grpcwire.FormatOf(h.header.Get("Content-Type")), maxContent)
	if !r.Next() {
		return nil, r.Err()
	}
	switch m := r.Message(); {
	case m.Size > maxContent:
		return nil, errTooLong
	case m.Trailer:
		return nil, nil
	default:
		content, err := grpcwire.Decoded(m, r.Content(), grpcwire.Encoding(h.header), maxContent)
		return append([]byte{}, content...), err // not nil
	}
}

// describable returns an error with what to do if a description is missing.
func describable(err error) error {
	if errors.Is(err, protoset.ErrUnknown) {
		return fmt.Errorf("%w; --proto names descriptions", err)
	}
	return err
}
