package rules

import (
	"bytes"
	"errors"
	"io"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// errMore says that a body was read no further than its first message.
var errMore = errors.New("there may be more messages")

// describesCall reports whether the request is a gRPC call whose messages can be
// told as JSON.
func (p *passage) describesCall() bool {
	req := p.subject.Request
	return p.engine.Protos != nil && grpcwire.IsCall(req) && p.engine.Protos.Knows(req.URL.Path())
}

// message returns the first message of one side of a call as JSON, nil for none.
func (p *passage) message(dir traffic.Direction) ([]byte, error) {
	h := p.request
	if dir == traffic.ServerToClient {
		h = p.response
	}
	if h == nil {
		return nil, nil
	}
	content, err := h.firstMessage()
	if content == nil || err != nil {
		return nil, err
	}
	return p.engine.Protos.JSON(p.subject.Request.URL.Path(), dir, content)
}

// firstMessage returns the first message of a call with its compression undone,
// nil for none. It reads no more than that: the client may be waiting for an
// answer before it goes on.
func (h *holder) firstMessage() ([]byte, error) {
	if !h.read && !h.sent && h.body != nil {
		var raw bytes.Buffer
		r := grpcwire.NewReader(io.TeeReader(h.body, &raw), grpcwire.FormatOf(h.header.Get("Content-Type")), maxContent)
		found := r.Next()
		h.read, h.err, h.decErr = true, errMore, errEndless
		h.raw = raw.Bytes()
		switch m := r.Message(); {
		case !found:
			h.messageErr = r.Err()
		case m.Size > maxContent:
			h.messageErr = errTooLong
		case !m.Trailer:
			h.message, h.messageErr = decodedMessage(m, r.Content(), h.header)
		}
	}
	return h.message, h.messageErr
}

// decodedMessage returns a message with its compression undone, not nil.
func decodedMessage(m grpcwire.Message, content []byte, header traffic.Fields) ([]byte, error) {
	content, err := grpcwire.Decoded(m, content, grpcwire.Encoding(header), maxContent)
	return append([]byte{}, content...), err
}
