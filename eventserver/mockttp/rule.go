package mockttp

import (
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// networkRule is the id of the rule for what no rule has anything to say about:
// it passes through.
const networkRule = "passthrough"

// ruleEvent writes a RuleEvent up to its data.
func (w *writer) ruleEvent(s *state, rule, eventType string) {
	if rule == "" {
		rule = networkRule
	}
	w.str(`{"requestId":`, s.id)
	w.str(`,"ruleId":`, rule)
	w.str(`,"eventType":`, eventType)
	w.raw(`,"eventData":`)
}

// ruleApplied writes that a rule of the rules file did something.
func (w *writer) ruleApplied(s *state, a traffic.RuleApplied) {
	w.ruleEvent(s, a.Rule, "rule-applied")
	w.raw("{")
	w.optional(`"action":`, a.Action)
	w.raw("}}")
}

// passthrough tells what an origin got and sent, if one was asked.
func (m *Mapper) passthrough(e *exchange) {
	x := e.x
	if x.Server == "" && (x.Failure == nil || x.Failure.Side != traffic.SideUpstream) {
		return
	}
	end := x.Started.Add(x.Duration)
	if e.socket {
		m.tell(e, RuleEvent, end, (*writer).socketConnect)
	} else {
		m.passedBoth(e, end)
	}
	if x.Failure != nil && x.Failure.Side != traffic.SideNecto {
		m.tell(e, RuleEvent, end, (*writer).passthroughAbort)
	}
}

// passedBoth tells what an origin got, and what it sent if it did.
func (m *Mapper) passedBoth(e *exchange, end time.Time) {
	x := e.x
	m.tell(e, RuleEvent, end, (*writer).sentHead)
	m.tell(e, RuleEvent, end, func(w *writer, s *state) {
		w.passedBody(s, "passthrough-request-body", s.x.SentBody)
	}, x.SentBody)
	if receivedOf(x) != nil {
		m.tell(e, RuleEvent, end, (*writer).receivedHead)
		m.tell(e, RuleEvent, end, func(w *writer, s *state) {
			w.passedBody(s, "passthrough-response-body", s.x.ReceivedBody)
		}, x.ReceivedBody)
	}
}

// sentOf returns what an origin was sent.
func sentOf(x *traffic.Exchange) *traffic.Request {
	if x.Sent != nil {
		return x.Sent
	}
	return x.Request
}

// receivedOf returns what an origin answered, nil for nothing.
func receivedOf(x *traffic.Exchange) *traffic.Response {
	switch {
	case x.Received != nil:
		return x.Received
	case x.Response != nil && x.Response.Source == traffic.SourceOrigin:
		return x.Response
	}
	return nil
}

// sentHead writes the head that an origin was sent.
func (w *writer) sentHead(s *state) {
	w.ruleEvent(s, s.rule, "passthrough-request-head")
	w.upstream(sentOf(s.x), httpScheme)
	w.raw("}}")
}

// upstream writes where a request went and with what, without the end.
func (w *writer) upstream(r *traffic.Request, scheme func(traffic.URL) string) {
	w.str(`{"method":`, r.Method)
	w.str(`,"protocol":`, scheme(r.URL))
	w.str(`,"hostname":`, r.URL.Hostname())
	w.str(`,"port":`, r.URL.Port())
	w.str(`,"path":`, r.URL.Target)
	w.rawFields(`,"rawHeaders":`, withoutProxyFields(requestHeader(r)))
}

// socketConnect writes the handshake that an origin was sent.
func (w *writer) socketConnect(s *state) {
	r := sentOf(s.x)
	w.ruleEvent(s, s.rule, "passthrough-websocket-connect")
	w.upstream(r, func(u traffic.URL) string { return strings.Replace(httpScheme(u), "http", "ws", 1) })
	var protocols []string
	for _, value := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(value, ",") {
			protocols = append(protocols, strings.TrimSpace(p))
		}
	}
	w.list(`,"subprotocols":`, protocols)
	w.raw("}}")
}

// receivedHead writes the head that an origin answered.
func (w *writer) receivedHead(s *state) {
	r := receivedOf(s.x)
	w.ruleEvent(s, s.rule, "passthrough-response-head")
	w.int(`{"statusCode":`, int64(r.Status))
	w.str(`,"statusMessage":`, r.Reason)
	w.str(`,"httpVersion":`, versionOf(r.Proto))
	w.rawFields(`,"rawHeaders":`, responseHeader(r))
	w.raw("}}")
}

// passedBody writes whether content was put in the place of the original, and the
// origin's side of it.
func (w *writer) passedBody(s *state, eventType string, body *traffic.Body) {
	w.ruleEvent(s, s.rule, eventType)
	w.bool(`{"overridden":`, body != nil)
	if body != nil {
		data, cut := contentOf(body)
		w.binary(`,"rawBody":`, data)
		w.truncated(cut)
	}
	w.raw("}}")
}

// passthroughAbort writes why an exchange with an origin was aborted.
func (w *writer) passthroughAbort(s *state) {
	f := s.x.Failure
	w.ruleEvent(s, s.rule, "passthrough-abort")
	w.bool(`{"downstreamAborted":`, f.Side == traffic.SideClient)
	w.list(`,"tags":`, s.tags)
	w.error(`,"error":`, &jsError{"Error", codeOf(f), f.Text})
	w.raw("}}")
}
