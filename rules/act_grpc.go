package rules

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/traffic"
)

// errNoCall says why a rule for gRPC calls is not applied.
var errNoCall = errors.New("the request is no gRPC call: its Content-Type says so")

// mockCall answers a gRPC call. One whose answer cannot be made fails: it is not
// to reach the server in whose place the rule is.
func (p *passage) mockCall(m Match) (*traffic.Response, error) {
	if !grpcwire.IsCall(p.subject.Request) {
		p.skipped(m.Name, errNoCall)
		return nil, nil
	}
	p.note(m.Rule)
	p.hearOnce()
	resp, err := m.Mock.call(p.ctx, p.subject.Request, p.engine.Protos, p.filler(&m))
	if err != nil {
		return nil, &traffic.Failure{
			Kind: traffic.FailInternal, Side: traffic.SideNecto, Err: err,
			Text: fmt.Sprintf("rule %q (%s) cannot answer: %v", m.Name, m.At, err),
		}
	}
	if err := p.sleep(time.Duration(m.Mock.Delay)); err != nil {
		return nil, err
	}
	return resp, nil
}

// hearOnce waits for what the client says if its method is known to take one message:
// otherwise a client that leaves early would be recorded without it.
func (p *passage) hearOnce() {
	protos, path := p.engine.Protos, p.subject.Request.URL.Path()
	if streams, _ := protos.Streams(path); !streams && protos.Knows(path) {
		_, _ = p.request.firstMessage() // who asks for it is told of the error
	}
}

// call returns the answer to a gRPC call, in which t fills in what is a template. The
// messages come when their time has, or not at all once ctx has ended.
func (m *Mock) call(ctx context.Context, req *traffic.Request, protos *protoset.Set, t *filler) (*traffic.Response, error) {
	contentType := req.Header.Get("Content-Type")
	header, err := m.filled(m.Headers, t)
	if err != nil {
		return nil, err
	}
	if !header.Has("Content-Type") {
		header = append(traffic.Fields{{Name: "content-type", Value: contentType}}, header...)
	}
	trailer, err := m.trailer(t)
	if err != nil {
		return nil, err
	}
	format := grpcwire.FormatOf(contentType)
	body := &timedBody{ctx: ctx}
	add := func(after Duration, framed []byte) {
		if format == grpcwire.WebText {
			framed = base64.StdEncoding.AppendEncode(nil, framed)
		}
		body.pieces = append(body.pieces, timedPiece{time.Duration(after), string(framed)})
	}
	for i := range m.GRPC.Messages {
		message := &m.GRPC.Messages[i]
		content, err := m.message(message, req, protos, t)
		if err != nil {
			return nil, err
		}
		add(message.After, append(grpcwire.AppendPrefix(nil, grpcwire.Message{Size: int64(len(content))}), content...))
	}
	if format != grpcwire.GRPC {
		add(0, grpcwire.AppendTrailer(nil, trailer))
		trailer = nil
	}
	return &traffic.Response{
		Status: http.StatusOK, Reason: http.StatusText(http.StatusOK), Header: header.Without(lengthFields...),
		Body: body, Length: -1, Trailer: trailer, Source: traffic.SourceRule,
	}, nil
}

// trailer returns what ends the call.
func (m *Mock) trailer(t *filler) (traffic.Fields, error) {
	text, err := t.fillIf(m.Template, m.GRPC.Message)
	if err != nil {
		return nil, err
	}
	metadata, err := m.filled(m.GRPC.Trailers, t)
	status := grpcwire.Status{Code: int(m.GRPC.Status), Message: text}
	return append(status.Fields(), metadata...), err
}

// message returns a message as it is sent.
func (m *Mock) message(message *GRPCMessage, req *traffic.Request, protos *protoset.Set, t *filler) (content []byte, err error) {
	if message.Base64 != nil {
		return *message.Base64, nil
	}
	text := []byte(message.JSON)
	if m.Template {
		if text, err = t.fillJSON(nil, gjson.ParseBytes(text)); err != nil {
			return nil, err
		}
	}
	if grpcwire.Codec(req.Header.Get("Content-Type")) == codecJSON {
		return text, nil
	}
	content, err = protos.Encode(req.URL.Path(), traffic.ServerToClient, text)
	return content, describable(err)
}
