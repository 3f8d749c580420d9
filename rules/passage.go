package rules

import (
	"context"
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

	request  *holder // the content of subject.Request
	response *holder // that of subject.Response, nil before there is one
	// later are the rules that have matched and act on the response, in order.
	later []Match
	// frames are those of the rules for frames.
	frames []namedFrameRule
	// network is how fast bodies pass.
	network Profile
	// handMade says that somebody has given the answer at a breakpoint.
	handMade bool
}

func newPassage(ctx context.Context, e *Engine, view *View, req *traffic.Request, next traffic.RoundTripper) *passage {
	p := &passage{
		ctx: ctx, engine: e, view: view, next: next, notes: traffic.NotesFrom(ctx),
		request: &holder{body: req.Body, header: req.Header},
	}
	p.subject = Subject{
		Request: req, Exchange: traffic.ExchangeFrom(ctx), Content: p.content,
		Skipped: func(name string, err error) { p.skipped(name, err) },
	}
	return p
}

// content returns the content of one side for matching.
func (p *passage) content(dir traffic.Direction) ([]byte, error) {
	switch {
	case dir == traffic.ClientToServer:
		return p.request.content()
	case p.response == nil:
		return nil, nil
	}
	return p.response.content()
}

// skipped says that a rule was not applied although it is for the request.
func (p *passage) skipped(name string, err error) {
	p.engine.log.Warn("rule skipped", "rule", name, "url", p.subject.Request.URL.String(), "err", err)
}

// note notes that a rule was applied.
func (p *passage) note(r *Rule) {
	p.notes.Rule(r.Name, r.Action())
	p.subject.Rules = append(p.subject.Rules, r.Name)
}

// run takes the request to whoever answers it and brings back the answer.
func (p *passage) run() (*traffic.Response, error) {
	resp, err := p.ask()
	if err != nil {
		p.tagFailed()
		return nil, err
	}
	if len(p.later) > 0 {
		own := *resp // others may get the same answer
		resp = &own
	}
	p.subject.Response = resp
	p.response = &holder{body: resp.Body, header: resp.Header}
	if resp.Status == http.StatusSwitchingProtocols {
		p.response.body = nil // it is the connection
	}
	err = p.applyLater()
	if err == nil {
		err = p.holdResponse()
	}
	if err != nil {
		closeBody(p.subject.Response)
		return nil, err
	}
	resp = p.subject.Response
	p.engine.opening(p.ctx, resp, socket{p.frames, newFrameBreaks(p.engine, p.view, &p.subject)})
	if resp.Status != http.StatusSwitchingProtocols {
		resp.Body = pace(p.ctx, resp.Body, p.network.Down)
	}
	return resp, nil
}

// ask applies the rules to the request in order until one answers, else sends it
// on.
func (p *passage) ask() (*traffic.Response, error) {
	for m, ok := p.view.Next(0, &p.subject); ok; m, ok = p.view.Next(m.Index+1, &p.subject) {
		if m.Pending {
			p.postpone(m)
			continue
		}
		if resp, err := p.apply(m); resp != nil || err != nil {
			return resp, err
		}
	}
	if resp, err := p.holdRequest(); resp != nil || err != nil {
		return resp, err
	}
	return p.next.RoundTrip(p.ctx, p.outgoing())
}

// postpone keeps a rule for the response. If its when may ask for the content of
// the request, that is read while it is there.
func (p *passage) postpone(m Match) {
	if m.Match.When != nil && m.Match.When.NeedsContent() {
		_, _ = p.request.content() // when is told of the error
	}
	p.later = append(p.later, m)
}

// outgoing returns the request as it goes on.
func (p *passage) outgoing() *traffic.Request {
	req := p.subject.Request
	body := p.request.passOn()
	if req.Body == nil || !p.request.read && p.network.Up == 0 {
		return req
	}
	out := *req
	out.Body = pace(p.ctx, body, p.network.Up)
	return &out
}

// apply applies a rule to the request. A response or an error is the answer.
func (p *passage) apply(m Match) (*traffic.Response, error) {
	files := filesBeside(m.At)
	switch {
	case m.Mock != nil:
		return p.mock(m, files)
	case m.Block != nil:
		p.note(m.Rule)
		return m.Block.answer(m.Name)
	case m.MapLocal != nil:
		p.note(m.Rule)
		return m.MapLocal.answer(p.ctx, p.subject.Request, files), nil
	case m.Fault != nil:
		p.note(m.Rule)
		return m.Fault.answer(m.Name)
	case m.Modify != nil:
		p.modify(m, files)
		return nil, nil
	case m.MapRemote != nil:
		p.mapRemote(m)
		return nil, nil
	case m.Delay != nil:
		p.note(m.Rule)
		return nil, p.sleep(m.Delay.duration())
	case m.Throttle != nil:
		p.note(m.Rule)
		return nil, p.throttle(m)
	}
	for _, f := range m.Frames {
		p.frames = append(p.frames, namedFrameRule{f, m.Name})
	}
	return nil, nil
}

// mock answers. A rule whose answer cannot be made answers nothing.
func (p *passage) mock(m Match, files *files) (*traffic.Response, error) {
	resp, err := m.Mock.answer(files, func(text string) (string, error) {
		data := newTemplateData(p.subject.Request, p.request, m.Captures(&p.subject), int(m.Count)) //nolint:gosec // a count
		return data.fill(text)
	})
	if err != nil {
		p.skipped(m.Name, err)
		return nil, nil
	}
	p.note(m.Rule)
	return resp, p.sleep(time.Duration(m.Mock.Delay))
}

// modify edits the request, and lets the response be edited later.
func (p *passage) modify(m Match, files *files) {
	req, content, err := m.Modify.Request.apply(p.subject.Request, p.request, files)
	if err != nil {
		p.skipped(m.Name, err)
		return
	}
	p.note(m.Rule)
	p.subject.Request, p.request = req, content
	if m.Modify.Response != nil {
		p.later = append(p.later, m)
	}
}

func (p *passage) mapRemote(m Match) {
	req, err := m.MapRemote.apply(p.subject.Request)
	if err != nil {
		p.skipped(m.Name, err)
		return
	}
	p.note(m.Rule)
	p.subject.Request = req
	p.request.header = req.Header
}

// throttle makes the network slower; of several rules the last one counts.
func (p *passage) throttle(m Match) error {
	p.network = m.Throttle.effective()
	if err := p.network.lose(m.Name); err != nil {
		return err
	}
	return p.sleep(p.network.delay().duration())
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

// applyLater applies the rules for the response.
func (p *passage) applyLater() error {
	for _, m := range p.later {
		if m.Pending && !m.Confirm(&p.subject) {
			continue
		}
		if err := p.applyToResponse(m); err != nil {
			return err
		}
	}
	// Rules may have read the content to match it.
	if p.response.read {
		p.subject.Response.Body = p.response.passOn()
	}
	return nil
}

func (p *passage) applyToResponse(m Match) error {
	resp := p.subject.Response
	switch {
	case m.Modify != nil:
		content, err := m.Modify.Response.apply(resp, p.response, filesBeside(m.At))
		if err != nil {
			p.skipped(m.Name, err)
			return nil
		}
		p.response = content
		if m.Modify.Request == nil {
			p.note(m.Rule)
		}
	case m.Delay != nil:
		p.note(m.Rule)
		return p.sleep(m.Delay.duration())
	case m.Fault != nil:
		p.note(m.Rule)
		p.breakResponse(m)
	case len(m.Tag) > 0:
		p.tag(m)
	}
	return nil
}

// breakResponse makes the response break off, behind what other rules make of it.
func (p *passage) breakResponse(m Match) {
	resp := p.subject.Response
	if resp.Status == http.StatusSwitchingProtocols {
		return
	}
	if p.response.read {
		resp.Body = p.response.passOn()
	}
	m.Fault.breakResponse(m.Name, resp)
	p.response = &holder{body: resp.Body, header: resp.Header}
}

// tag gives the exchange the tags of a rule.
func (p *passage) tag(m Match) {
	p.note(m.Rule)
	data := newTemplateData(p.subject.Request, p.request, m.Captures(&p.subject), int(m.Count)) //nolint:gosec // a count
	for _, text := range m.Tag {
		filled, err := data.fill(text)
		if err != nil {
			p.skipped(m.Name, err)
			continue
		}
		p.notes.Tag(filled)
		p.subject.Tags = append(p.subject.Tags, filled)
	}
}

// tagFailed gives an exchange without response its tags.
func (p *passage) tagFailed() {
	for _, m := range p.later {
		if len(m.Tag) > 0 && m.Confirm(&p.subject) {
			p.tag(m)
		}
	}
}
