package mockttp

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// state is what payloads say of an exchange at one moment.
type state struct {
	x     *traffic.Exchange
	clock clock
	id    string
	// socket says that a WebSocket connection was asked for.
	socket bool
	// stage says which fields of x may be read.
	stage stage
	// rule is the first rule that was applied, "" for none.
	rule  string
	times times
	tags  []string
}

// stage is how much of an exchange was announced.
type stage uint8

const (
	begun  stage = iota // what RequestStarted announces
	headed              // and ResponseStarted
	ended               // everything
)

// exchange is what a Mapper remembers of one that has not ended.
type exchange struct {
	state

	// continued says that the client was told to go on.
	continued bool
	// held is a request that is kept back until the rule for it is known. Its
	// content is kept.
	held     bool
	streams  [2]stream // by traffic.Direction
	messages [2]message
	// due is when what is kept back is to go out, zero if there is nothing.
	due time.Time
}

// exchange returns what is remembered of x. Of one that began before anything was
// wanted that is nothing.
func (m *Mapper) exchange(x *traffic.Exchange) *exchange {
	e := m.exchanges[x.ID]
	if e == nil {
		e = &exchange{state: state{clock: m.clock, id: m.opts.ID(x.ID), socket: asksForWebSocket(x), times: noTimes}}
		for _, tag := range x.ClientTags {
			e.tags = append(e.tags, clientTag+tag)
		}
		m.exchanges[x.ID] = e
	}
	e.x = x
	return e
}

// asksForWebSocket reports whether an exchange asks for a WebSocket connection.
func asksForWebSocket(x *traffic.Exchange) bool {
	return x.Request.URL.IsWebSocket() ||
		x.Request.Header.HasToken("Upgrade", "websocket")
}

// release gives back what is kept.
func (e *exchange) release() {
	if e.held {
		e.held = false
		e.x.RequestBody.Release()
	}
}

// event returns an event about the exchange as it is now.
func (e *exchange) event(k Kind, at time.Time, write func(*writer, *state)) *Event {
	s := e.state
	event := &Event{
		Kind: k, At: at, subject: Subject{Exchange: e.x}, stage: e.stage,
		encode: func(w *writer) { write(w, &s) },
	}
	switch k {
	case Request, WebSocketRequest:
		event.content[traffic.ClientToServer] = e.x.RequestBody
	case Response:
		event.content = [2]*traffic.Body{e.x.RequestBody, e.x.ResponseBody}
	default: // it is not kept
	}
	return event
}

// started tells of the head of a request. That of a WebSocket connection is told
// when it is complete.
func (m *Mapper) started(e *exchange) {
	if !e.socket {
		m.tell(e, RequestInitiated, e.x.Started, (*writer).initiated)
	}
}

// requestDone tells of the end of a request's content. The request itself is kept
// back: rules are chosen once it is there, and it is to name the first one.
func (m *Mapper) requestDone(e *exchange) {
	e.times.received = e.x.RequestDone
	m.endStream(e, traffic.ClientToServer, e.x.RequestBody, true, e.x.Started.Add(e.x.RequestDone))
	if e.x.RequestBody != nil {
		e.x.RequestBody.Keep()
	}
	e.held = true
	m.delay(e)
}

// letGo tells of a request that was kept back.
func (m *Mapper) letGo(e *exchange) {
	if !e.held {
		return
	}
	k := Request
	if e.socket {
		k = WebSocketRequest
	}
	m.tell(e, k, e.x.Started.Add(e.times.received), (*writer).request, e.x.RequestBody)
	e.release()
}

// ruleApplied tells of a rule, which is an event of necto's own.
func (m *Mapper) ruleApplied(e *exchange, a traffic.RuleApplied) {
	if e.rule == "" {
		e.rule = a.Rule
	}
	m.letGo(e)
	m.tell(e, RuleEvent, a.Time, func(w *writer, s *state) { w.ruleApplied(s, a) })
}

// informational tells of a 1xx response. A client gets one 100, from necto or from
// the origin, whoever comes first.
func (m *Mapper) informational(e *exchange, i traffic.Informational) {
	if i.Response.Status == http.StatusContinue {
		if e.continued {
			return
		}
		e.continued = true
	}
	m.letGo(e)
	m.tell(e, ResponseInformation, i.Time, func(w *writer, s *state) { w.informational(s, i) })
}

// responseStarted tells of the head of a response. What answers a WebSocket
// handshake is told as a whole.
func (m *Mapper) responseStarted(e *exchange) {
	m.letGo(e)
	e.stage = max(e.stage, headed)
	if !e.socket {
		e.times.head = e.x.ResponseStarted
		m.tell(e, ResponseInitiated, e.x.Started.Add(e.x.ResponseStarted), (*writer).responseHead)
	}
}

// done tells of the end of an exchange that completed.
func (m *Mapper) done(e *exchange) {
	m.conclude(e)
	e.times.sent = e.x.Duration
	m.passthrough(e)
	end := e.x.Started.Add(e.x.Duration)
	if !e.socket {
		m.endStream(e, traffic.ServerToClient, e.x.ResponseBody, true, end)
	}
	m.tell(e, Response, end, (*writer).response, e.x.RequestBody, e.x.ResponseBody)
	delete(m.exchanges, e.x.ID)
}

// aborted tells of the end of an exchange that did not complete: as a response,
// if necto has answered it.
func (m *Mapper) aborted(e *exchange) {
	m.conclude(e)
	e.tags = append(e.tags, failureTags(e.x.Failure)...)
	end := e.x.Started.Add(e.x.Duration)
	if e.times.received < 0 {
		m.endStream(e, traffic.ClientToServer, e.x.RequestBody, false, end)
	}
	if !e.socket {
		m.endStream(e, traffic.ServerToClient, e.x.ResponseBody, false, end)
	}
	m.passthrough(e)
	delete(m.exchanges, e.x.ID)
	if status := answeredWith(e.x); status != 0 {
		m.answered(e, status, end)
		return
	}
	e.times.aborted = e.x.Duration
	m.tell(e, Abort, end, func(w *writer, s *state) { w.abort(s, abortErrorOf(s.x)) })
}

// answered tells of the answer that necto made up to report a failure.
func (m *Mapper) answered(e *exchange, status int, end time.Time) {
	own := ownAnswer(e.x.Request.Proto, status, e.x.Failure.Text, e.x.Request.Method != http.MethodHead)
	if !e.socket {
		e.times.head = e.x.Duration
		m.tell(e, ResponseInitiated, end, func(w *writer, s *state) { w.ownHead(s, own) })
		e.streams[traffic.ServerToClient] = stream{first: end, data: own.content}
		m.flush(e, traffic.ServerToClient, true, end)
	}
	e.times.sent = e.x.Duration
	m.tell(e, Response, end, func(w *writer, s *state) { w.ownAnswer(s, own) }, e.x.RequestBody)
}

// conclude takes in what the end of an exchange announces.
func (m *Mapper) conclude(e *exchange) {
	m.letGo(e)
	e.stage = ended
	e.times.received = e.x.RequestDone
	if !e.socket {
		e.times.head = e.x.ResponseStarted
	}
	if e.rule == "" && len(e.x.Rules) > 0 {
		e.rule = e.x.Rules[0]
	}
	// What was published before refers to the old array.
	e.tags = slices.Clip(e.tags)
	for _, tag := range e.x.Tags {
		if !slices.Contains(e.x.ClientTags, tag) {
			e.tags = append(e.tags, tag)
		}
	}
	delete(m.late, e)
	e.due = time.Time{}
}

// times are when what happened, since the exchange started; -1 for not yet.
type times struct {
	received, head, sent, accepted, closed, aborted time.Duration
}

var noTimes = times{received: -1, head: -1, sent: -1, accepted: -1, closed: -1, aborted: -1}

// clientTag is what labels begin with that a client has given its connection.
const clientTag = "socket-metadata:"

// withoutProxyFields returns a header without what is between client and proxy.
func withoutProxyFields(header traffic.Fields) traffic.Fields {
	return slices.DeleteFunc(header.Clone(), func(f traffic.Field) bool {
		return len(f.Name) > len("Proxy-") && strings.EqualFold(f.Name[:len("Proxy-")], "Proxy-")
	})
}
