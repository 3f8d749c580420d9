package traffic

import "time"

// HitID numbers hits from 1 in this run.
type HitID uint64

// Phase says what of an exchange is held at a breakpoint.
type Phase string

// The phases.
const (
	PhaseRequest  Phase = "request"
	PhaseResponse Phase = "response"
	PhaseFrame    Phase = "frame"
)

// Hit is an exchange, or a message of a WebSocket connection, that is held at a
// breakpoint. Nothing in it changes once it was told. Who keeps its bodies beyond
// the call of Observe keeps them with Body.Keep.
type Hit struct {
	ID       HitID
	Exchange *Exchange
	// Breakpoint is its name.
	Breakpoint string
	Phase      Phase
	// Time is when the hit began, Deadline when it ends by itself, zero for
	// never: wall clock with a monotonic reading.
	Time, Deadline time.Time
	// Request is what would go on to the origin, or did, with what rules have
	// edited. Its Body is nil: see RequestBody, which is nil for none.
	Request     *Request
	RequestBody *Body
	// Response is what would go on to the client, nil in another phase than
	// PhaseResponse. Its Body is nil: see ResponseBody, which is nil for none.
	Response     *Response
	ResponseBody *Body
	// Fixed says why the body of what is held cannot be edited, as when it is too
	// long; "" if it can be. RequestBody or ResponseBody then is its beginning, or
	// nil.
	Fixed string
	// Frame is the message, a copy, nil in another phase than PhaseFrame. It
	// has no Seq.
	Frame *Frame
}

// ResumeAction says how a hit ended.
type ResumeAction string

// The ways to end a hit.
const (
	ResumeContinue ResumeAction = "continue" // it goes on, perhaps edited
	ResumeAbort    ResumeAction = "abort"    // the connection is closed, or the message dropped
	ResumeMock     ResumeAction = "mock"     // another answer in place of the origin's
)

// BreakpointHit is told when something begins to be held at a breakpoint.
// Exactly one of BreakpointResumed and BreakpointTimedOut follows for the hit,
// before the end of the exchange.
type BreakpointHit struct{ *Hit }

// BreakpointResumed is told when somebody has said how a hit goes on.
type BreakpointResumed struct {
	*Hit
	Resumed time.Time
	Action  ResumeAction
	// By says who: file, terminal, api, client (it has left) or shutdown.
	By string
}

// BreakpointTimedOut is told when nobody has said so until the deadline.
type BreakpointTimedOut struct {
	*Hit
	Resumed time.Time
	Action  ResumeAction
}

// RuleApplied is told when a rule has answered or changed an exchange. What
// rules do to the messages of a WebSocket connection is in Frame.Rules.
type RuleApplied struct {
	Exchange *Exchange
	Time     time.Time
	// Rule is its name, Action the key of its action in the rules file, "" from a
	// recording, which does not say.
	Rule, Action string
}

// At returns when the hit began.
func (e BreakpointHit) At() time.Time { return e.Time }

// At returns when the hit ended.
func (e BreakpointResumed) At() time.Time { return e.Resumed }

// At returns when the hit ended.
func (e BreakpointTimedOut) At() time.Time { return e.Resumed }

// At returns when the rule was applied.
func (e RuleApplied) At() time.Time { return e.Time }

func (BreakpointHit) event()      {}
func (BreakpointResumed) event()  {}
func (BreakpointTimedOut) event() {}
func (RuleApplied) event()        {}
