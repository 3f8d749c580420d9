package rules

import (
	"bytes"
	"context"
	"net/http"
	"slices"

	"github.com/necto-dev/necto/traffic"
)

// frameBreaks is a traffic.FrameFilter that holds messages of one connection at
// breakpoints, as the rules for frames have left them.
type frameBreaks struct {
	engine *Engine
	view   *View
	// subjects are the connection, for each direction.
	subjects [2]Subject
	rules    traffic.FrameFilter // nil for none
}

// newFrameBreaks returns what holds messages of the connection that the subject's
// handshake opens, nil if nothing does.
func newFrameBreaks(e *Engine, view *View, s *Subject) *frameBreaks {
	if s.Response.Status != http.StatusSwitchingProtocols || !view.Breaks(traffic.PhaseFrame, s) {
		return nil
	}
	f := &frameBreaks{engine: e, view: view}
	for dir := range f.subjects {
		f.subjects[dir] = Subject{
			Request: s.Request, Response: s.Response, Exchange: s.Exchange,
			Rules: slices.Clone(s.Rules), Tags: slices.Clone(s.Tags),
		}
	}
	return f
}

// Filter implements traffic.FrameFilter.
func (f *frameBreaks) Filter(ctx context.Context, m *traffic.Frame) (traffic.FrameVerdict, error) {
	var v traffic.FrameVerdict
	if f.rules != nil {
		var err error
		if v, err = f.rules.Filter(ctx, m); err != nil || v.Drop || ctx.Err() != nil {
			return v, err
		}
	}
	now := *m
	if v.Replace {
		now.Payload, now.Size = v.Payload, int64(len(v.Payload))
	}
	s := &f.subjects[m.Dir]
	s.Frame = &now
	if b := f.view.Breakpoint(traffic.PhaseFrame, s); b != nil {
		f.hold(ctx, b, s, &v)
	}
	return v, nil
}

// hold holds the message of a subject, and puts into v what becomes of it.
func (f *frameBreaks) hold(ctx context.Context, b *Breakpoint, s *Subject, v *traffic.FrameVerdict) {
	m := *s.Frame
	m.Payload = bytes.Clone(m.Payload)
	req := *s.Request
	req.Body, req.Informational, req.Trace = nil, nil, nil
	hit := &traffic.Hit{Exchange: m.Exchange, Phase: traffic.PhaseFrame, Request: &req, Frame: &m}
	r := f.engine.hits.hold(ctx, b, hit, func(err error) {
		f.engine.log.Warn("breakpoint not resumed as its file says", "breakpoint", b.Name, "url", req.URL.String(), "err", err)
	})
	v.Rules = append(v.Rules, b.Name)
	switch {
	case r.Action == traffic.ResumeAbort:
		v.Drop, v.Replace, v.Payload = true, false, nil
	case r.Payload != nil:
		v.Replace, v.Payload = true, r.Payload
	}
}
