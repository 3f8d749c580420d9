package rules

import (
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// actionBreakpoint is told as the action of a breakpoint that has changed or
// answered something.
const actionBreakpoint = "breakpoint"

// holdRequest holds the request, as rules have left it, if a breakpoint says so. A
// response or an error is the answer.
func (p *passage) holdRequest() (*traffic.Response, error) {
	b := p.view.Breakpoint(traffic.PhaseRequest, &p.subject)
	if b == nil {
		return nil, nil
	}
	hit := p.newHit(traffic.PhaseRequest)
	// Only once the request has been read a client is missed that leaves.
	var whole bool
	if hit.RequestBody, hit.Fixed, whole = p.request.held(); !whole {
		return nil, nil // nobody is there any more; it fails where it is sent
	}
	r := p.engine.hits.hold(p.ctx, b, hit, func(err error) { p.skipped(b.Name, err) })
	switch {
	case r.Action == traffic.ResumeAbort:
		return nil, p.aborted(b, r)
	case r.Action == traffic.ResumeMock && r.Mock != nil:
		p.notes.Rule(b.Name, actionBreakpoint)
		p.handMade = true
		return answerOf(r.Mock), nil
	case r.Request != nil:
		p.notes.Rule(b.Name, actionBreakpoint)
		req, content := editRequest(p.subject.Request, p.request, r.Request)
		if r.By == byFile {
			p.engine.skips.leaves(p.ctx, b.Name, b.At, p.subject.Request.URL, req.URL)
		}
		if content != p.request {
			req.Length = content.statedLength(p.came.Trailer)
		}
		p.subject.Request, p.request = req, content
	}
	return nil, nil
}

// holdResponse holds the response, as rules have left it, if a breakpoint says so.
// One that was made at a breakpoint is not held again.
func (p *passage) holdResponse() error {
	if p.handMade {
		return nil
	}
	b := p.view.Breakpoint(traffic.PhaseResponse, &p.subject)
	if b == nil {
		return nil
	}
	hit := p.newHit(traffic.PhaseResponse)
	p.showResponse(hit)
	r := p.engine.hits.hold(p.ctx, b, hit, func(err error) { p.skipped(b.Name, err) })
	switch {
	case r.Action == traffic.ResumeAbort:
		return p.aborted(b, r)
	case r.Action == traffic.ResumeMock && r.Mock != nil:
		p.notes.Rule(b.Name, actionBreakpoint)
		p.dropResponse()
		p.got = answerOf(r.Mock)
		p.subject.Response, p.response = p.got, responseHolder(p.got)
	case r.Response != nil:
		p.notes.Rule(b.Name, actionBreakpoint)
		resp, content := editResponse(p.subject.Response, p.response, r.Response)
		if content != p.response {
			resp.Length = content.statedLength(p.got.Trailer)
		}
		p.subject.Response, p.response = resp, content
	}
	return nil
}

// showResponse fills in the content of the response.
func (p *passage) showResponse(hit *traffic.Hit) {
	switch {
	case hit.Response.Status == http.StatusSwitchingProtocols:
		hit.Fixed = "the connection is the body of a 101"
		return
	case p.came.Method == http.MethodHead:
		hit.Fixed = "an answer to HEAD has none"
		return
	}
	hit.ResponseBody, hit.Fixed, _ = p.response.held()
	if hit.Response.Status == http.StatusPartialContent && hit.Fixed == "" {
		hit.Fixed = errPart.Error()
	}
}

// newHit returns a hit with copies of the messages without their bodies.
func (p *passage) newHit(phase traffic.Phase) *traffic.Hit {
	req := *p.subject.Request.Clone()
	req.Body, req.Informational, req.Trace = nil, nil, nil
	hit := &traffic.Hit{Exchange: p.subject.Exchange, Phase: phase, Request: &req}
	if phase == traffic.PhaseResponse {
		resp := *p.subject.Response
		resp.Header, resp.Body = resp.Header.Clone(), nil
		hit.Response = &resp
		if p.request.read && p.request.err == nil && p.request.raw != nil {
			hit.RequestBody = traffic.BodyOf(p.request.raw)
		}
	}
	return hit
}

// aborted returns why there is no answer.
func (p *passage) aborted(b *Breakpoint, r traffic.Resume) error {
	if p.ctx.Err() != nil {
		return &traffic.Failure{
			Kind: traffic.FailReset, Side: traffic.SideClient, Text: "the client left while a breakpoint held it", Err: p.ctx.Err(),
		}
	}
	p.notes.Rule(b.Name, actionBreakpoint)
	text := "aborted at breakpoint " + strconv.Quote(b.Name)
	if r.By == "" {
		text += ": nobody has resumed it in time"
	}
	return &traffic.Failure{Kind: traffic.FailAborted, Side: traffic.SideNecto, Text: text, End: traffic.EndClose}
}

// held returns the content for a hit, and if it cannot be edited, why. whole is false
// if it broke off.
func (h *holder) held() (body *traffic.Body, fixed string, whole bool) {
	if _, err := h.content(); errors.Is(err, errEndless) {
		return nil, err.Error(), true
	}
	switch {
	case errors.Is(h.err, errTooLong):
		body = traffic.BodyOf(h.raw[:maxContent])
		body.Skip(int64(len(h.raw) - maxContent))
		return body, h.err.Error(), true
	case h.err != nil:
		return nil, h.err.Error(), false
	case len(h.raw) == 0:
		return nil, "", true
	}
	return traffic.BodyOf(h.raw), "", true // who edits it replaces all of it, decoded or not
}

// isEndless reports whether content is of a kind that goes on for as long as
// somebody listens.
func isEndless(header traffic.Fields) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "text/event-stream" || kind == "multipart/x-mixed-replace" || strings.HasPrefix(kind, "application/grpc")
}
