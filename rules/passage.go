package rules

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// passage is one request on its way through the rules, and its response on the
// way back.
type passage struct {
	ctx     context.Context
	engine  *Engine
	view    *View
	next    traffic.RoundTripper
	notes   *traffic.Notes
	subject Subject
	came    *traffic.Request  // as the client sent it
	got     *traffic.Response // as it was answered, nil before that

	request  *holder // the content of subject.Request
	response *holder // that of subject.Response, nil before there is one
	// later are the rules that have matched and act on the response, in order.
	later []postponed
	// frames are those of the rules for frames.
	frames []namedFrameRule
	// network is how fast messages pass.
	network Profile
	// templates is what templates have cost.
	templates templateBudget
	// left are the URLs that rules have sent the request away from.
	left []departure
	// broken says that a rule makes the response break off.
	broken bool
	// handMade says that somebody has given the answer at a breakpoint.
	handMade bool
}

// postponed is a rule that has matched the request and acts on the response.
type postponed struct {
	Match
	// filler sees the request as it was then.
	filler *filler
}

func newPassage(ctx context.Context, e *Engine, view *View, req *traffic.Request, next traffic.RoundTripper) *passage {
	p := &passage{
		ctx: ctx, engine: e, view: view, next: next, notes: traffic.NotesFrom(ctx),
		came: req, request: requestHolder(req),
	}
	p.templates.gone = ctx.Err
	p.subject = Subject{Request: req, Exchange: traffic.ExchangeFrom(ctx), Content: p.content, Skipped: p.skipped}
	return p
}

// content returns the content of one side for matching.
func (p *passage) content(dir traffic.Direction) ([]byte, error) {
	h := p.request
	if dir == traffic.ServerToClient {
		h = p.response
	}
	return p.contentOf(dir, h)
}

// contentOf returns what h holds of one side for matching: of a call that is
// described the first message as JSON.
func (p *passage) contentOf(dir traffic.Direction, h *holder) ([]byte, error) {
	switch {
	case h == nil:
		return nil, nil
	case p.describesCall() && h.isCall():
		return p.message(dir, h)
	}
	return h.content()
}

// skipped says that a rule or a breakpoint was not applied although it is for the
// request. That a client has left is no reason to tell.
func (p *passage) skipped(name string, err error) {
	if errors.Is(err, errTemplateGone) {
		return
	}
	p.engine.skips.tell(name, p.view.position(name), err)
}

// note notes that a rule was applied.
func (p *passage) note(r *Rule) {
	p.notes.Rule(r.Name, r.Action())
	p.subject.Rules = append(p.subject.Rules, r.Name)
}

// run takes the request to whoever answers it and brings back the answer.
func (p *passage) run() (*traffic.Response, error) {
	got, err := p.ask()
	if err != nil {
		p.tagFailed()
		return nil, err
	}
	p.got, p.subject.Response, p.response = got, got, responseHolder(got)
	if len(p.later) > 0 || p.network.Down > 0 || p.view.Breakpoints() > 0 {
		own := *got // others may get the same answer
		p.subject.Response = &own
	}
	err = p.applyLater()
	if err == nil {
		err = p.holdResponse()
	}
	if err != nil {
		p.dropResponse()
		return nil, err
	}
	resp := p.finish()
	p.engine.opening(p.ctx, resp, socket{p.frames, newFrameBreaks(p.engine, p.view, &p.subject)})
	return resp, nil
}

// dropResponse gives up the response. What was read to its end is closed already.
func (p *passage) dropResponse() {
	switch {
	case p.got.Status == http.StatusSwitchingProtocols:
		closeBody(p.got)
	case p.response.body != nil:
		_ = p.response.body.Close() // nobody reads it
	}
}

// finish returns the response as it goes on to the client. The body of a 101 is the
// connection, which is nobody's to wrap, also where a rule gives another status; nor is
// that of a call that ends with its head, which has to be seen.
func (p *passage) finish() *traffic.Response {
	resp := p.subject.Response
	empty := endsWithHead(p.got.Header) && !p.response.changed() && !p.broken
	if empty || p.got.Status == http.StatusSwitchingProtocols {
		return resp
	}
	if p.response.changed() {
		resp.Body = p.response.passOn()
	}
	resp.Body = pace(p.ctx, resp.Body, p.network.Down)
	switch {
	case resp == p.got || resp.Body == nil:
	case p.broken || p.network.Down > 0 || p.response.remade || p.response.err != nil:
		resp.Body = &trailedBody{resp.Body, p.got, resp}
	case p.response.read:
		resp.Trailer = p.got.Trailer
	case !hasTrailers(resp.Body):
		resp.Body = &trailedBody{resp.Body, p.got, resp}
	}
	return resp
}

// hasTrailers reports whether a body that came with a response brings its trailer
// fields to another response, too: those of the network are asked for them, and
// content in memory has its own from the start.
func hasTrailers(body io.ReadCloser) bool {
	if _, ok := body.(*traffic.MemoryBody); ok {
		return true
	}
	_, ok := body.(interface{ Trailers() traffic.Fields })
	return ok
}

// trailedBody is the body of to, in which from is read. The trailer fields of from
// are known once it was.
type trailedBody struct {
	io.ReadCloser
	from, to *traffic.Response
}

// Read reads content.
func (b *trailedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.to.Trailer = b.from.Trailer
	}
	return n, err
}

// sleep waits, unless the client leaves before that.
func (p *passage) sleep(d time.Duration) error {
	if err := sleep(p.ctx, d); err != nil {
		return &traffic.Failure{
			Kind: traffic.FailReset, Side: traffic.SideClient, Text: "the client left while a rule let it wait", Err: err,
		}
	}
	return nil
}
