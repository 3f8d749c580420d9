package replay

import (
	"context"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// answerCall answers a gRPC call: as soon as a recorded one that went turn by turn
// has something to say behind what the client has said so far, else at the end of
// the request as any other.
func (x *Index) answerCall(ctx context.Context, req *traffic.Request, anywhere bool) (*traffic.Response, error) {
	b := &conversing{ctx: ctx, x: x, req: req, anywhere: anywhere, client: newCaller(req, &x.tolerance), before: time.Now()}
	b.calls = x.turnsOf(x.find(req.URL, callKey(req.URL.Target, &x.tolerance), anywhere))
	for {
		call := b.due(b.client, nil)
		switch {
		case b.client.ended:
			return x.answerEnded(b, call)
		case call != nil:
			return b.begin(call)
		}
		if err := b.client.hear(); err != nil {
			return nil, err
		}
		b.before = time.Now()
		b.heard(b.client)
	}
}

// answerEnded answers a call whose client has said all. turn is the call among
// those that went turn by turn, nil for none: one that fits as well may have been
// given up by its client, and is not to stand in the way of those that were not.
func (x *Index) answerEnded(b *conversing, turn *call) (*traffic.Response, error) {
	c := b.client.content()
	s := x.find(b.req.URL, partialKey(b.req.Method, b.req.URL.Target, c.digest, &x.tolerance), b.anywhere)
	switch {
	case s == nil && turn == nil:
		return x.miss(b.req, c, b.anywhere, ""), nil
	case s == nil, turn != nil && !turn.claimed.Load() && x.positionOf(turn.number) < x.positionOf(s.peek()):
		return b.begin(turn)
	}
	number := s.next()
	if x.opts.Timing != Instant {
		if recorded, err := x.loadCall(number); err == nil && recorded.timed {
			b.calls = []*call{recorded}
			return b.begin(recorded)
		}
	}
	resp, err := x.recall(b.ctx, b.req, c, number, b.anywhere)
	if err == nil && resp.Source == traffic.SourceReplay {
		plainMessages(b.req, resp)
	}
	return resp, err
}

// begin returns the response that begins with the next step of a call, when its
// time has come.
func (b *conversing) begin(call *call) (*traffic.Response, error) {
	first := call.steps[0]
	if err := waitUntil(b.ctx, b.before.Add(b.x.opts.Timing.scale(first.after))); err != nil {
		return nil, gone(err)
	}
	if first.hangs {
		<-b.ctx.Done()
		return nil, gone(b.ctx.Err())
	}
	if err := b.choose(call); err != nil {
		return b.x.miss(b.req, b.client.content(), b.anywhere, err.Error()), nil
	}
	b.x.served.Add(1)
	b.resp = &traffic.Response{
		Status: b.answer.status, Reason: b.answer.reason, Proto: "HTTP/1.1", Header: b.answer.plain.header,
		Source: traffic.SourceReplay,
	}
	if first.last && len(b.answer.trailer) == 0 { // its status is in its header
		return b.resp, nil
	}
	b.resp.Body, b.resp.Length = b, -1
	plainMessages(b.req, b.resp)
	return b.resp, nil
}
