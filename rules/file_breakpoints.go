package rules

// Breakpoint holds what it matches until somebody says how it goes on.
type Breakpoint struct {
	// Name identifies the breakpoint.
	Name string `yaml:"name" jsonschema:"required,minLength=1"`
	// Enabled turns the breakpoint off where it is false. Default true.
	Enabled *bool `yaml:"enabled,omitempty"`
	// Match says which requests the breakpoint is for. Default all.
	Match Matcher `yaml:"match,omitempty"`
	// On is what is held: request, response, both or frame.
	On BreakpointOn `yaml:"on" jsonschema:"required"`
	// When is a filter expression over what is held, with the response where there is one.
	When *When `yaml:"when,omitempty"`
	// Timeout is how long it is held at most, 0s for as long as nobody resumes it. Default 30s.
	Timeout *Duration `yaml:"timeout,omitempty"`
	// OnTimeout is continue or abort. Default continue.
	OnTimeout TimeoutAction `yaml:"on_timeout,omitempty"`
	// Resume says in advance how it goes on, so that nobody has to be there.
	Resume *Resume `yaml:"resume,omitempty"`

	// At is where the breakpoint is.
	At Position `yaml:"-"`
}

// Armed reports whether the file has the breakpoint turned on.
func (b *Breakpoint) Armed() bool { return b.Enabled == nil || *b.Enabled }

// BreakpointOn is what a breakpoint holds.
type BreakpointOn string

// What a breakpoint can hold.
const (
	OnRequest  BreakpointOn = "request"
	OnResponse BreakpointOn = "response"
	OnBoth     BreakpointOn = "both"
	OnFrame    BreakpointOn = "frame"
)

// TimeoutAction is what happens to a hit that nobody resumes.
type TimeoutAction string

// What can happen to a hit that nobody resumes.
const (
	TimeoutContinue TimeoutAction = "continue"
	TimeoutAbort    TimeoutAction = "abort"
)

// ResumeAction is how a hit goes on.
type ResumeAction string

// How a hit can go on.
const (
	ResumeContinue ResumeAction = "continue"
	ResumeAbort    ResumeAction = "abort"
	ResumeMock     ResumeAction = "mock"
)

// Resume is how a hit goes on: with edits under continue, with an answer under
// mock.
type Resume struct {
	// Action is continue, abort or mock.
	Action ResumeAction `yaml:"action" jsonschema:"required"`
	// Request is what changes of a request that is held.
	Request *ResumeRequest `yaml:"request,omitempty"`
	// Response is what changes of a response that is held.
	Response *ResumeResponse `yaml:"response,omitempty"`
	// Mock is the answer under mock.
	Mock *ResumeResponse `yaml:"mock,omitempty"`
	// Payload is the new content of a message that is held.
	Payload *string `yaml:"payload,omitempty"`
}

// ResumeRequest is what changes of a request.
type ResumeRequest struct {
	// Method is the new method.
	Method string `yaml:"method,omitempty"`
	// URL is the new URL.
	URL string `yaml:"url,omitempty"`
	// Headers are header fields to set; null removes one.
	Headers HeaderChanges `yaml:"headers,omitempty"`
	// Body is the new content.
	Body *string `yaml:"body,omitempty"`
}

// ResumeResponse is what changes of a response, or an answer.
type ResumeResponse struct {
	// Status is the status code.
	Status int `yaml:"status,omitempty" jsonschema:"minimum=200,maximum=999"`
	// Reason is the reason phrase. Default the usual one of a new status.
	Reason string `yaml:"reason,omitempty"`
	// Headers are header fields to set; null removes one.
	Headers HeaderChanges `yaml:"headers,omitempty"`
	// Body is the content.
	Body *string `yaml:"body,omitempty"`
}
