package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/necto-dev/necto/internal/h1"
	"github.com/necto-dev/necto/traffic"
)

// fitRequest returns a request that a layer made or changed as it is to be sent:
// with framing that fits its body. An error is a *traffic.Failure that says what
// cannot be sent at all.
func fitRequest(req *traffic.Request) (*traffic.Request, error) {
	out := *req
	if out.Proto == proto2 {
		return fitRequest2(&out)
	}
	if out.Proto == "" || out.Body != nil && out.Length < 0 {
		out.Proto = proto1 // the one that has chunks
	}
	if err := h1.CheckRequest(&out); err != nil {
		return nil, unfit("request", err)
	}
	framing, err := h1.RequestFraming(&out)
	switch {
	case out.Body == nil:
		if err != nil || framing.BodyLength() != 0 {
			out.Header = withLength(out.Header, noContent(out.Method))
		}
		out.Header = out.Header.Without("Expect")
		out.Length = 0
	case err == nil && framing.Kind != h1.NoBody && framing.BodyLength() == out.Length:
	default:
		out.Header = withLength(out.Header, out.Length)
	}
	return &out, nil
}

// fitRequest2 is fitRequest for a request of HTTP/2, whose frames tell where its
// content ends.
func fitRequest2(out *traffic.Request) (*traffic.Request, error) {
	out.Header = lower(out.Header).Without("Transfer-Encoding")
	check := *out
	check.Proto = "HTTP/1.0" // which needs no Host either
	if err := h1.CheckRequest(&check); err != nil {
		return nil, unfit("request", err)
	}
	framing, err := h1.RequestFraming(&check)
	switch {
	case out.Body == nil:
		if err != nil || framing.BodyLength() != 0 {
			out.Header = lower(withLength(out.Header, noContent(out.Method)))
		}
		out.Header = out.Header.Without("Expect")
		out.Length = 0
	case out.Length < 0:
		out.Header = withLength(out.Header, noLength)
	case err != nil || framing.BodyLength() != out.Length:
		out.Header = lower(withLength(out.Header, out.Length))
	}
	return out, nil
}

// noContent returns the length that a request without content states: none, or
// 0 for methods that mostly have some (RFC 9110 section 8.6).
func noContent(method string) int64 {
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return 0
	}
	return noLength
}

// noLength is for withLength: neither a length nor chunks.
const noLength = -2

// withLength returns a copy of the header in which the first field that says how
// long the body is says so: length, -1 for chunked, noLength for nothing at all.
// Without one it is the last field.
func withLength(header traffic.Fields, length int64) traffic.Fields {
	field := traffic.Field{Name: "Content-Length", Value: strconv.FormatInt(length, 10)}
	if length == -1 {
		field = traffic.Field{Name: "Transfer-Encoding", Value: "chunked"}
	}
	placed := length == noLength
	out := make(traffic.Fields, 0, len(header)+1)
	for _, f := range header {
		switch {
		case f.Is("Trailer") && length != -1: // only chunks can have one
		case !f.Is("Content-Length") && !f.Is("Transfer-Encoding"):
			out = append(out, f)
		case !placed:
			placed = true
			out = append(out, field)
		}
	}
	if !placed {
		out = append(out, field)
	}
	return out
}

// checkAnswer makes what layers have returned what will be sent, framing
// included, or says why that is not possible. It closes the body of what cannot be
// sent.
func (x *exchange) checkAnswer(resp *traffic.Response) error {
	switch resp.Proto {
	case "":
		resp.Proto = proto1
	case proto2: // what the client gets is for its side to say
		response1(resp)
	}
	if err := h1.CheckResponse(resp); err != nil {
		_ = closeBody(resp.Body) // the head is the reason
		return unfit("response", err)
	}
	e := x.edits
	if e == nil || resp.Status != e.received.Status {
		otherStatus(resp)
	}
	if resp.Status == http.StatusSwitchingProtocols {
		x.client.fit(x, resp, h1.Framing{})
		return nil
	}
	framing, err := h1.ResponseFraming(resp, x.Request.Method)
	if err != nil {
		_ = closeBody(resp.Body)
		return unfit("response", err)
	}
	if e != nil && e.answer != nil && resp.Body == io.ReadCloser(e.answer) {
		e.relayed = true
	}
	x.client.fit(x, resp, framing)
	return nil
}

// checkInformational is checkAnswer for what comes before that.
func checkInformational(resp *traffic.Response) error {
	if resp.Status < 100 || resp.Status > 199 || resp.Status == http.StatusSwitchingProtocols {
		return fmt.Errorf("the status %d before the final one", resp.Status)
	}
	return h1.CheckFields(resp.Header)
}

// otherStatus makes a response to which a layer gave its status fit that.
func otherStatus(resp *traffic.Response) {
	if origin, ok := resp.Body.(*upgradedConn); ok { // it was a 101
		_ = origin.Close()
		resp.Body, resp.Length = nil, 0
	}
	switch resp.Status {
	case http.StatusNoContent:
		resp.Header = resp.Header.Without("Transfer-Encoding", "Content-Length")
	case http.StatusNotModified:
		resp.Header = resp.Header.Without("Transfer-Encoding")
	}
}

// unfit is for messages of layers that cannot be sent.
func unfit(what string, err error) error {
	return &traffic.Failure{
		Kind: traffic.FailProtocol, Side: traffic.SideNecto,
		Text: "a rule made a " + what + " that cannot be sent: " + err.Error(), Err: err,
	}
}
