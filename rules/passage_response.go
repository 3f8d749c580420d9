package rules

import (
	"net/http"

	"github.com/necto-dev/necto/traffic"
)

// applyLater applies the rules for the response.
func (p *passage) applyLater() error {
	for i := range p.later {
		m := &p.later[i]
		if m.Pending && !m.Confirm(&p.subject) {
			continue
		}
		if err := p.applyToResponse(m); err != nil {
			return err
		}
	}
	return nil
}

func (p *passage) applyToResponse(m *postponed) error {
	switch {
	case m.Modify != nil:
		p.modifyResponse(m)
	case m.Delay != nil:
		p.note(m.Rule)
		return p.sleep(m.Delay.duration())
	case m.Fault != nil:
		p.breakResponse(m)
	case len(m.Tag) > 0:
		p.tag(m)
	}
	return nil
}

// modifyResponse edits the response.
func (p *passage) modifyResponse(m *postponed) {
	edited := *p.subject.Response
	content, err := m.Modify.Response.apply(p.subject.Request.Method, &edited, p.response, p.edit(m.Rule, traffic.ServerToClient))
	if err != nil {
		p.skipped(m.Name, err)
		return
	}
	if content != p.response {
		edited.Length = content.statedLength(p.got.Trailer)
	}
	p.response, *p.subject.Response = content, edited
	if m.Modify.Request == nil {
		p.note(m.Rule)
	}
}

// breakResponse makes the response break off, behind what other rules make of it.
// One without content has nothing to break.
func (p *passage) breakResponse(m *postponed) {
	resp := p.subject.Response
	if !hasContent(p.came.Method, resp.Status) {
		return
	}
	p.note(m.Rule)
	if p.response.changed() {
		resp.Body = p.response.passOn()
	}
	m.Fault.breakResponse(m.Name, resp)
	p.broken = true
	p.response = responseHolder(resp)
}

// hasContent reports whether the answer to a method can have content if it has
// that status (RFC 9110 section 6.4.1).
func hasContent(method string, status int) bool {
	switch status {
	case http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusNotModified:
		return false
	}
	return method != http.MethodHead
}

// tag gives the exchange the tags of a rule.
func (p *passage) tag(m *postponed) {
	p.note(m.Rule)
	m.filler.data.Count = m.Count
	for _, text := range m.Tag {
		filled, err := m.filler.fill(text)
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
	for i := range p.later {
		if m := &p.later[i]; len(m.Tag) > 0 && m.Confirm(&p.subject) {
			p.tag(m)
		}
	}
}
