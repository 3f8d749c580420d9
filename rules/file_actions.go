package rules

// Mock is an answer in place of the origin's. At most one of JSON, Body, File,
// Base64, SSE and GRPC is set.
type Mock struct {
	// Status is the status code. Default 200, the only one with GRPC.
	Status int `yaml:"status,omitempty" jsonschema:"minimum=200,maximum=999"`
	// Reason is the reason phrase. Default the usual one.
	Reason string `yaml:"reason,omitempty"`
	// Headers are the header fields. Content-Type has a default that fits the body.
	Headers Headers `yaml:"headers,omitempty"`
	// JSON is the content as a value.
	JSON JSON `yaml:"json,omitempty"`
	// Body is the content as text.
	Body *string `yaml:"body,omitempty"`
	// File is a file with the content, relative to this file.
	File FilePath `yaml:"file,omitempty"`
	// Base64 is the content in base64.
	Base64 *Base64 `yaml:"base64,omitempty"`
	// SSE is a stream of server-sent events.
	SSE []SSEvent `yaml:"sse,omitempty"`
	// GRPC answers a gRPC call.
	GRPC *GRPCMock `yaml:"grpc,omitempty"`
	// Template makes Go templates of the content and of header values.
	Template bool `yaml:"template,omitempty"`
	// Delay is waited before the answer.
	Delay Duration `yaml:"delay,omitempty"`
}

// SSEvent is a server-sent event.
type SSEvent struct {
	// After is the time since the event before it.
	After Duration `yaml:"after,omitempty"`
	// Event is the event type.
	Event string `yaml:"event,omitempty"`
	// ID is the event id.
	ID string `yaml:"id,omitempty"`
	// Data is the data; several lines become several fields.
	Data string `yaml:"data,omitempty"`
}

// Block refuses a request: exactly one of its fields is set.
type Block struct {
	// Status answers with that status and no content.
	Status int `yaml:"status,omitempty" jsonschema:"minimum=200,maximum=999"`
	// Close closes the connection without an answer.
	Close bool `yaml:"close,omitempty"`
	// Reset resets the connection without an answer.
	Reset bool `yaml:"reset,omitempty"`
}

// Modify edits messages.
type Modify struct {
	// Request is what changes of the request.
	Request *RequestEdit `yaml:"request,omitempty"`
	// Response is what changes of the response.
	Response *ResponseEdit `yaml:"response,omitempty"`
}

// RequestEdit is what changes of a request.
type RequestEdit struct {
	// Method is the new method.
	Method string `yaml:"method,omitempty"`
	// URL is the new URL, query included.
	URL string `yaml:"url,omitempty"`
	// Scheme is the new scheme.
	Scheme Scheme `yaml:"scheme,omitempty"`
	// Host is the new host or host:port.
	Host string `yaml:"host,omitempty"`
	// Path is the new path; the query stays.
	Path string `yaml:"path,omitempty"`
	// Query edits query parameters.
	Query *QueryEdit `yaml:"query,omitempty"`
	// Headers edits header fields.
	Headers *HeaderEdit `yaml:"headers,omitempty"`
	// Body edits the content.
	Body *BodyEdit `yaml:"body,omitempty"`
}

// ResponseEdit is what changes of a response.
type ResponseEdit struct {
	// Status is the new status code.
	Status int `yaml:"status,omitempty" jsonschema:"minimum=200,maximum=999"`
	// Reason is the new reason phrase. Default the usual one of a new status.
	Reason string `yaml:"reason,omitempty"`
	// Headers edits header fields.
	Headers *HeaderEdit `yaml:"headers,omitempty"`
	// Body edits the content.
	Body *BodyEdit `yaml:"body,omitempty"`
}

// QueryEdit edits query parameters.
type QueryEdit struct {
	// Set gives parameters one or several values in place of those they have.
	Set Map[List[string]] `yaml:"set,omitempty"`
	// Remove names parameters to take out.
	Remove List[string] `yaml:"remove,omitempty"`
}

// HeaderEdit edits header fields: first those to remove, then those to set, then
// those to add.
type HeaderEdit struct {
	// Set gives fields one or several values in place of those they have.
	Set Headers `yaml:"set,omitempty"`
	// Add adds fields to those there are.
	Add Headers `yaml:"add,omitempty"`
	// Remove names fields to take out.
	Remove List[string] `yaml:"remove,omitempty"`
}

// BodyEdit edits content, content coding undone: exactly one of its fields is
// set. Of gRPC calls JSON and Replace edit each message, as JSON.
type BodyEdit struct {
	// Text is the new content.
	Text *string `yaml:"text,omitempty"`
	// File is a file with the new content, relative to this file.
	File FilePath `yaml:"file,omitempty"`
	// Base64 is the new content in base64.
	Base64 *Base64 `yaml:"base64,omitempty"`
	// JSON edits the content as JSON.
	JSON *JSONEdit `yaml:"json,omitempty"`
	// Replace replaces what regular expressions match, in order.
	Replace []Replacement `yaml:"replace,omitempty"`
}

// JSONEdit edits a JSON document: first what is removed, then what is set, then
// what is merged.
type JSONEdit struct {
	// Set gives the values at gjson paths.
	Set Map[JSON] `yaml:"set,omitempty"`
	// Remove names gjson paths to take out.
	Remove List[string] `yaml:"remove,omitempty"`
	// Merge is a merge patch (RFC 7396).
	Merge JSON `yaml:"merge,omitempty"`
}

// Replacement replaces all that an expression matches.
type Replacement struct {
	// Regex is the expression.
	Regex *Regex `yaml:"regex" jsonschema:"required"`
	// With is the new text; $1 is the first group.
	With string `yaml:"with"`
}

// MapLocal answers from files.
type MapLocal struct {
	// Path is a file or folder, relative to this file and not outside its folder.
	Path FilePath `yaml:"path" jsonschema:"required"`
	// Strip is taken off the front of the request's path before it is looked up.
	Strip string `yaml:"strip,omitempty"`
}

// MapRemote sends requests to another origin.
type MapRemote struct {
	// URL is where they go.
	URL string `yaml:"url" jsonschema:"required"`
	// KeepPath appends the request's path to that of the URL. Default true.
	KeepPath *bool `yaml:"keep_path,omitempty"`
	// KeepQuery keeps the request's query. Default true.
	KeepQuery *bool `yaml:"keep_query,omitempty"`
	// KeepHost keeps the Host field. Default false.
	KeepHost bool `yaml:"keep_host,omitempty"`
}

// Where is the side of an exchange that something is done on.
type Where string

// The sides.
const (
	WhereRequest  Where = "request"
	WhereResponse Where = "response"
)

// Delay waits: Time and Jitter, or LogNormal.
type Delay struct {
	// Time is how long.
	Time Duration `yaml:"time,omitempty"`
	// Jitter is how much more or less at most, evenly distributed.
	Jitter Duration `yaml:"jitter,omitempty"`
	// LogNormal has delays as real networks have: most short, a few long.
	LogNormal *LogNormal `yaml:"lognormal,omitempty"`
	// Where is request, before it is sent on, or response. Default request.
	Where Where `yaml:"where,omitempty"`
}

// LogNormal is a log-normal distribution of delays.
type LogNormal struct {
	// Median is exceeded by half of the delays.
	Median Duration `yaml:"median" jsonschema:"required"`
	// Sigma is the standard deviation of the logarithm; 0 is always the median.
	Sigma float64 `yaml:"sigma" jsonschema:"minimum=0,maximum=10"`
}

// Throttle limits how fast bodies pass: by a profile, in which other fields
// replace values, or by those alone.
type Throttle struct {
	// Profile is the name of a network profile.
	Profile string `yaml:"profile,omitempty"`
	// Down limits what the client receives.
	Down Rate `yaml:"down,omitempty"`
	// Up limits what the client sends.
	Up Rate `yaml:"up,omitempty"`
	// Latency is waited once a request.
	Latency Duration `yaml:"latency,omitempty"`
}

// Fault breaks an exchange on purpose: exactly one of its fields is set.
type Fault struct {
	// Close closes the connection without an answer.
	Close bool `yaml:"close,omitempty"`
	// Reset resets the connection without an answer.
	Reset bool `yaml:"reset,omitempty"`
	// Hang never answers.
	Hang bool `yaml:"hang,omitempty"`
	// CutAfter resets the connection behind that much of the response's content.
	CutAfter *Size `yaml:"cut_after,omitempty"`
	// CutAfterEvents resets the connection behind so many server-sent events.
	CutAfterEvents int `yaml:"cut_after_events,omitempty" jsonschema:"minimum=1"`
	// MalformedChunk sends what cannot be a chunk in place of the content.
	MalformedChunk bool `yaml:"malformed_chunk,omitempty"`
	// DNS fails as if the host did not exist.
	DNS bool `yaml:"dns,omitempty"`
	// TLS fails as if the handshake with the origin did.
	TLS bool `yaml:"tls,omitempty"`
	// Status answers with that status, as overloaded servers do.
	Status int `yaml:"status,omitempty" jsonschema:"minimum=200,maximum=999"`
}

// OnResponse reports whether the fault needs a response of the origin to break.
func (f *Fault) OnResponse() bool {
	return f.CutAfter != nil || f.CutAfterEvents > 0 || f.MalformedChunk
}
