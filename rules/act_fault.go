package rules

import (
	"bytes"
	"io"
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

// answer returns what a block comes to.
func (b *Block) answer(name string) (*traffic.Response, error) {
	switch {
	case b.Close:
		return nil, blocked(name, traffic.EndClose)
	case b.Reset:
		return nil, blocked(name, traffic.EndReset)
	}
	return newAnswer(b.Status, "", nil, nil), nil
}

func blocked(name string, end traffic.End) error {
	return &traffic.Failure{Kind: traffic.FailFault, Side: traffic.SideNecto, Text: "blocked by rule " + strconv.Quote(name), End: end}
}

// answer returns what a fault that needs no response comes to.
func (f *Fault) answer(name string) (*traffic.Response, error) {
	fail := func(kind traffic.FailureKind, text string, end traffic.End) (*traffic.Response, error) {
		return nil, &traffic.Failure{Kind: kind, Side: traffic.SideNecto, Text: text + " (rule " + strconv.Quote(name) + ")", End: end}
	}
	switch {
	case f.Close:
		return fail(traffic.FailFault, "connection closed", traffic.EndClose)
	case f.Reset:
		return fail(traffic.FailFault, "connection reset", traffic.EndReset)
	case f.Hang:
		return fail(traffic.FailFault, "no answer", traffic.EndHang)
	case f.DNS:
		return fail(traffic.FailDNS, "no such host", traffic.EndDefault)
	case f.TLS:
		return fail(traffic.FailTLS, "TLS handshake failed", traffic.EndDefault)
	}
	return newAnswer(f.Status, "", nil, nil), nil
}

// breakResponse makes a response break off.
func (f *Fault) breakResponse(name string, resp *traffic.Response) {
	failure := &traffic.Failure{
		Kind: traffic.FailFault, Side: traffic.SideNecto,
		Text: "response cut by rule " + strconv.Quote(name), End: traffic.EndReset,
	}
	body := resp.Body
	if body == nil {
		body = io.NopCloser(bytes.NewReader(nil))
	}
	switch {
	case f.CutAfter != nil:
		resp.Body = &cutBody{ReadCloser: body, left: int64(*f.CutAfter), failure: failure}
	case f.CutAfterEvents > 0:
		resp.Body = &cutEvents{ReadCloser: body, left: f.CutAfterEvents, failure: failure}
	case f.MalformedChunk:
		failure.End = traffic.EndMalformed
		resp.Body = &cutBody{ReadCloser: body, failure: failure}
		resp.Header = resp.Header.Without("Content-Length")
		resp.Length = -1
	}
}

// cutBody lets so many bytes through and then fails.
type cutBody struct {
	io.ReadCloser
	left    int64
	failure error
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.failure
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// cutEvents lets so many server-sent events through, which end with an empty
// line, and then fails.
type cutEvents struct {
	io.ReadCloser
	left    int
	line    int // bytes in the line that is being read, without its end
	failure error
}

func (b *cutEvents) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.failure
	}
	n, err := b.ReadCloser.Read(p)
	for i, c := range p[:n] {
		switch c {
		case '\r':
		case '\n':
			if b.line == 0 {
				b.left--
			}
			if b.left == 0 {
				return i + 1, nil
			}
			b.line = 0
		default:
			b.line++
		}
	}
	return n, err
}
