package rules

import (
	"bytes"
	"io"

	"github.com/necto-dev/necto/traffic"
)

// scene is an exchange with its content.
type scene struct {
	req *traffic.Request // nil if it came to no origin
	// sent is the content of req, content coding undone.
	sent []byte
	resp *traffic.Response
	// answer is the content of resp, content coding undone.
	answer []byte
	// failure is why there is no resp, or why it has no end.
	failure error
	// rawSent and rawAnswer have content coding; of a recorded exchange alone.
	rawSent, rawAnswer []byte
}

// newScene returns a recorded exchange.
func newScene(x *traffic.Exchange) (*scene, error) {
	s := &scene{req: x.Request, resp: x.Response}
	if x.Failure != nil {
		s.failure = x.Failure
	}
	var err error
	if s.sent, s.rawSent, err = recordedContent(x.RequestBody); err != nil {
		return nil, err
	}
	s.answer, s.rawAnswer, err = recordedContent(x.ResponseBody)
	return s, err
}

// recordedContent returns content without and with its content coding, which
// recordings have undone.
func recordedContent(b *traffic.Body) (content, raw []byte, err error) {
	if b == nil {
		return nil, nil, nil
	}
	if content, err = readScene(b.Open()); err != nil {
		return nil, nil, err
	}
	codings, _, decoded := b.Decoded()
	if !decoded {
		return content, content, nil
	}
	raw, err = encode(traffic.Fields{{Name: "Content-Encoding", Value: codings}}, content)
	return content, raw, err
}

// readScene reads as much content as rules look at, and a byte more.
func readScene(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, maxContent+1))
}

// request returns the request as the client sends it.
func (s *scene) request() *traffic.Request {
	req := s.req.Clone()
	if req.Body, req.Length = nil, 0; len(s.rawSent) > 0 {
		req.Body, req.Length = io.NopCloser(bytes.NewReader(s.rawSent)), int64(len(s.rawSent))
	}
	return req
}

// response returns what the origin answers.
func (s *scene) response() (*traffic.Response, error) {
	if s.resp == nil {
		if s.failure != nil {
			return nil, s.failure
		}
		return nil, &traffic.Failure{Kind: traffic.FailInternal, Side: traffic.SideUpstream, Text: "the recording has no answer"}
	}
	resp := *s.resp
	resp.Header = resp.Header.Clone()
	if resp.Body, resp.Length = nil, 0; len(s.rawAnswer) > 0 {
		resp.Body, resp.Length = io.NopCloser(bytes.NewReader(s.rawAnswer)), int64(len(s.rawAnswer))
	}
	return &resp, nil
}

// sending notes what comes to the origin.
func (s *scene) sending(req *traffic.Request) {
	s.req, s.sent = req, nil
	if req.Body != nil {
		raw, _ := readScene(req.Body) // it is in memory
		s.sent = decodedOrRaw(req.Header, raw)
	}
}

// answered notes what the client gets.
func (s *scene) answered(resp *traffic.Response, err error) {
	s.resp, s.failure = resp, err
	if err != nil || resp.Body == nil {
		return
	}
	raw, err := readScene(resp.Body)
	s.answer, s.failure = decodedOrRaw(resp.Header, raw), err
	closeBody(resp)
}

// decodedOrRaw returns content with its content coding undone if that is possible.
func decodedOrRaw(header traffic.Fields, raw []byte) []byte {
	if content, err := decode(header, raw); err == nil {
		return content
	}
	return raw
}
