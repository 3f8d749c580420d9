package rules

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// ask applies the rules to the request in order until one answers, else sends it
// on.
func (p *passage) ask() (*traffic.Response, error) {
	resp, err := p.applyRules()
	if resp == nil && err == nil {
		resp, err = p.holdRequest()
	}
	if err != nil {
		return nil, err
	}
	if err := p.cross(); err != nil {
		closeBody(resp)
		return nil, err
	}
	if resp != nil {
		return resp, nil
	}
	resp, err = p.next.RoundTrip(p.ctx, p.outgoing())
	return resp, p.explain(err)
}

// applyRules applies the rules to the request. A response or an error is the
// answer of one of them.
func (p *passage) applyRules() (*traffic.Response, error) {
	for m, ok := p.view.Next(0, &p.subject); ok; m, ok = p.view.Next(m.Index+1, &p.subject) {
		if m.Pending {
			p.postpone(m)
			continue
		}
		if resp, err := p.apply(m); resp != nil || err != nil {
			return resp, err
		}
	}
	return nil, nil
}

// postpone keeps a rule for the response. What it may ask for of the content of
// the request is read while that is there.
func (p *passage) postpone(m Match) {
	needs := m.Match.When != nil && m.Match.When.NeedsContent()
	late := postponed{Match: m}
	if len(m.Tag) > 0 {
		late.filler = p.filler(&m)
		needs = needs || strings.Contains(strings.Join(m.Tag, " "), ".JSON")
	}
	if needs {
		_, _ = p.content(traffic.ClientToServer) // who asks is told of the error
	}
	p.later = append(p.later, late)
}

// filler returns what fills in the templates of a rule, with the request as it is
// now.
func (p *passage) filler(m *Match) *filler {
	data := newTemplateData(p.subject.Request, m.Captures(&p.subject), m.Count)
	data.budget = &p.templates
	h := p.request
	data.body = func() ([]byte, error) { return p.contentOf(traffic.ClientToServer, h) }
	return &filler{p.engine.templates, data}
}

// outgoing returns the request as it goes on.
func (p *passage) outgoing() *traffic.Request {
	req := p.subject.Request
	body := p.request.passOn()
	if !p.request.changed() && p.network.Up == 0 {
		return req
	}
	out := *req
	out.Body = pace(p.ctx, body, p.network.Up)
	if out.Length == 0 {
		out.Body = nil
	}
	return &out
}

// apply applies a rule to the request. A response or an error is the answer.
func (p *passage) apply(m Match) (*traffic.Response, error) {
	files := filesBeside(m.At)
	switch {
	case m.Mock != nil && m.Mock.GRPC != nil:
		return p.mockCall(m)
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
		p.modify(m)
	case m.MapRemote != nil:
		p.mapRemote(m)
	case m.Delay != nil:
		p.note(m.Rule)
		return nil, p.sleep(m.Delay.duration())
	case m.Throttle != nil:
		p.note(m.Rule)
		p.network = m.Throttle.effective() // of several the last one counts
	case len(m.Tag) > 0:
		p.tag(&postponed{Match: m, filler: p.filler(&m)})
	default:
		for _, f := range m.Frames {
			p.frames = append(p.frames, namedFrameRule{f, m.Name})
		}
	}
	return nil, nil
}

// mock answers. A rule whose answer cannot be made answers nothing.
func (p *passage) mock(m Match, files *files) (*traffic.Response, error) {
	resp, err := m.Mock.answer(p.ctx, files, p.filler(&m))
	if err != nil {
		p.skipped(m.Name, err)
		return nil, nil
	}
	p.note(m.Rule)
	if err := p.sleep(time.Duration(m.Mock.Delay)); err != nil {
		return nil, err
	}
	return resp, nil
}

// modify edits the request, and lets the response be edited later.
func (p *passage) modify(m Match) {
	req, content, err := m.Modify.Request.apply(p.subject.Request, p.request, p.edit(m.Rule, traffic.ClientToServer))
	if err == nil && req.URL.Authority != p.subject.Request.URL.Authority {
		err = p.depart(m.Rule, req.URL)
	}
	if err != nil {
		p.skipped(m.Name, err)
		return
	}
	p.note(m.Rule)
	if content != p.request {
		req.Length = content.statedLength(p.came.Trailer)
	}
	p.subject.Request, p.request = req, content
	if m.Modify.Response != nil {
		p.later = append(p.later, postponed{Match: m})
	}
}

func (p *passage) mapRemote(m Match) {
	req, err := m.MapRemote.apply(p.subject.Request)
	if err == nil {
		err = p.depart(m.Rule, req.URL)
	}
	if err != nil {
		p.skipped(m.Name, err)
		return
	}
	p.note(m.Rule)
	p.subject.Request = req
}

// departure is a URL that a rule has sent a request away from.
type departure struct {
	from traffic.URL
	rule *Rule
}

// depart notes that a rule sends the request to another URL, or returns an error if
// it has come from there.
func (p *passage) depart(r *Rule, to traffic.URL) error {
	from := p.subject.Request.URL
	for _, d := range p.left {
		if d.from == to && d.from != from {
			return fmt.Errorf("it sends the request back to %s, from where rule %q (%s) has sent it on", to.Authority, d.rule.Name, d.rule.At)
		}
	}
	p.left = append(p.left, departure{from, r})
	p.engine.skips.leaves(p.ctx, r.Name, r.At, from, to)
	return nil
}

// explain names the rule that has sent a request to necto itself.
func (p *passage) explain(err error) error {
	failure, ok := errors.AsType[*traffic.Failure](err)
	if !ok || failure.Kind != traffic.FailLoop || len(p.left) == 0 {
		return err
	}
	last := p.left[len(p.left)-1].rule
	named := *failure
	named.Text = fmt.Sprintf("rule %q (%s) sends the request to necto itself: %s", last.Name, last.At, failure.Text)
	return &named
}

// cross takes the time that the network takes, and loses what it loses.
func (p *passage) cross() error {
	if rehearsing(p.ctx) {
		return nil
	}
	if err := p.network.lose(); err != nil {
		return err
	}
	return p.sleep(p.network.latency())
}
