package rules

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/jsondoc"
	"github.com/necto-dev/necto/traffic"
)

// injection returns what is to be sent, for the rule of that name.
func (i *FrameInject) injection(rule string) traffic.Injection {
	in := traffic.Injection{Dir: traffic.Direction(*i.Dir), Opcode: traffic.OpText, Rule: rule}
	if i.Base64 != nil {
		in.Opcode, in.Payload = traffic.OpBinary, *i.Base64
	} else {
		in.Payload = []byte(*i.Text)
	}
	return in
}

// namedFrameRule is a FrameRule and the name of the rule it belongs to.
type namedFrameRule struct {
	*FrameRule
	name string
}

// frameRules is a traffic.FrameFilter: the frame rules of one connection, in
// order.
type frameRules struct {
	rules []namedFrameRule
	out   traffic.FrameWriter
}

// newFrameRules returns the filter of a connection that has opened, and does what
// rules say about that moment. ctx ends with the connection.
func newFrameRules(ctx context.Context, rules []namedFrameRule, out traffic.FrameWriter) *frameRules {
	f := &frameRules{out: out}
	for _, r := range rules {
		switch {
		case r.On == OnOpen:
			f.send(r)
		case r.Every > 0:
			go f.repeat(ctx, r)
		default:
			f.rules = append(f.rules, r)
		}
	}
	return f
}

// repeat injects until the connection ends.
func (f *frameRules) repeat(ctx context.Context, r namedFrameRule) {
	t := time.NewTicker(time.Duration(r.Every))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if !f.send(r) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// send does what a rule without message does. It returns false if nothing can be
// sent any more.
func (f *frameRules) send(r namedFrameRule) bool {
	if r.Close != nil {
		f.close(r.Close)
		return false
	}
	return r.Inject == nil || f.out.Inject(r.Inject.injection(r.name)) == nil
}

func (f *frameRules) close(c *FrameClose) {
	code := c.Code
	if code == 0 {
		code = 1000
	}
	f.out.Close(code, c.Reason)
}

// Filter implements traffic.FrameFilter. Each rule sees the message as those
// before it have left it; one that is dropped no later rule sees.
func (f *frameRules) Filter(ctx context.Context, m *traffic.Frame) (traffic.FrameVerdict, error) {
	var v traffic.FrameVerdict
	now := *m
	for _, r := range f.rules {
		if !r.Match.Holds(&now) || !f.apply(ctx, r, &now, &v) {
			continue
		}
		if !slices.Contains(v.Rules, r.name) {
			v.Rules = append(v.Rules, r.name)
		}
		if v.Drop || ctx.Err() != nil {
			break
		}
	}
	if v.Replace {
		v.Payload = now.Payload
	}
	return v, nil
}

// apply does what a rule says with the message. It returns false if the rule did
// nothing, as an edit of JSON does where there is none.
func (f *frameRules) apply(ctx context.Context, r namedFrameRule, m *traffic.Frame, v *traffic.FrameVerdict) bool {
	if r.Delay > 0 && sleep(ctx, time.Duration(r.Delay)) != nil {
		return true
	}
	switch {
	case r.Drop:
		v.Drop = true
	case r.Replace != nil:
		m.Payload, v.Replace = []byte(*r.Replace), true
	case r.JSON != nil:
		edited, err := r.JSON.apply(m.Payload)
		if err != nil || m.Opcode == traffic.OpText && !utf8.Valid(edited) || !jsondoc.Valid(edited) {
			return r.Delay > 0
		}
		m.Payload, v.Replace = edited, true
	case r.Inject != nil:
		v.After = append(v.After, r.Inject.injection(r.name))
	case r.Close != nil:
		f.close(r.Close)
	}
	return true
}
