package rules

// File is the content of one rules file.
type File struct {
	// Version of the format: 1.
	Version int `yaml:"version" jsonschema:"required,enum=1"`
	// Rules answer, change or mark what they match, in order.
	Rules []*Rule `yaml:"rules,omitempty"`
	// Breakpoints hold what they match until somebody says how it goes on.
	Breakpoints []*Breakpoint `yaml:"breakpoints,omitempty"`
	// Redact names what recordings have in redacted form, beside the usual secrets.
	Redact []Field `yaml:"redact,omitempty"`
	// Ignore names volatile fields that replay does not compare.
	Ignore []Field `yaml:"ignore,omitempty"`
	// Passthrough names hosts and networks whose TLS is not opened.
	Passthrough []Passthrough `yaml:"passthrough,omitempty"`
	// Ports is a pool of local ports that forward to somewhere.
	Ports *Ports `yaml:"ports,omitempty"`
}

// Rule is what becomes of some requests: a matcher and exactly one action.
type Rule struct {
	// Name identifies the rule: in events, in recordings and between files.
	Name string `yaml:"name" jsonschema:"required,minLength=1"`
	// Enabled turns the rule off where it is false. Default true.
	Enabled *bool `yaml:"enabled,omitempty"`
	// Match says which requests the rule is for. Default all.
	Match Matcher `yaml:"match,omitempty"`

	// Mock answers in place of the origin.
	Mock *Mock `yaml:"mock,omitempty"`
	// Block refuses the request.
	Block *Block `yaml:"block,omitempty"`
	// Modify edits the request, the response or both.
	Modify *Modify `yaml:"modify,omitempty"`
	// MapLocal answers from a file or folder beside the rules file.
	MapLocal *MapLocal `yaml:"map_local,omitempty"`
	// MapRemote sends the request to another origin.
	MapRemote *MapRemote `yaml:"map_remote,omitempty"`
	// Delay waits.
	Delay *Delay `yaml:"delay,omitempty"`
	// Throttle limits how fast bodies pass.
	Throttle *Throttle `yaml:"throttle,omitempty"`
	// Fault breaks the exchange on purpose.
	Fault *Fault `yaml:"fault,omitempty"`
	// Frames are what becomes of messages of WebSocket connections.
	Frames []*FrameRule `yaml:"frames,omitempty"`
	// Tag gives the exchange labels; Go templates like those of mock.
	Tag List[string] `yaml:"tag,omitempty"`

	// At is where the rule is.
	At Position `yaml:"-"`
}

// On reports whether the file has the rule turned on.
func (r *Rule) On() bool { return r.Enabled == nil || *r.Enabled }

// action is one of the actions a rule can have.
type action struct {
	key string
	set bool
}

func (r *Rule) actions() []action {
	return []action{
		{"mock", r.Mock != nil},
		{"block", r.Block != nil},
		{"modify", r.Modify != nil},
		{"map_local", r.MapLocal != nil},
		{"map_remote", r.MapRemote != nil},
		{"delay", r.Delay != nil},
		{"throttle", r.Throttle != nil},
		{"fault", r.Fault != nil},
		{"frames", len(r.Frames) > 0},
		{"tag", len(r.Tag) > 0},
	}
}

// Action returns the key of the rule's action, as "map_remote".
func (r *Rule) Action() string {
	for _, a := range r.actions() {
		if a.set {
			return a.key
		}
	}
	return ""
}

// OnResponse reports whether the rule acts on the response alone, so that its
// when is asked once there is one. Tags can be given at once, which lets the rules
// behind them see them, unless there is a when to ask.
func (r *Rule) OnResponse() bool {
	switch {
	case r.Modify != nil:
		return r.Modify.Request == nil
	case r.Delay != nil:
		return r.Delay.Where == WhereResponse
	case r.Fault != nil:
		return r.Fault.OnResponse()
	default:
		return len(r.Tag) > 0 && r.Match.When != nil
	}
}

// Field names a part of messages: exactly one of its fields is set.
type Field struct {
	// Header is the name of a header field.
	Header string `yaml:"header,omitempty"`
	// Query is the name of a query parameter.
	Query string `yaml:"query,omitempty"`
	// Form is the name of a field in an urlencoded body.
	Form string `yaml:"form,omitempty"`
	// Cookie is the name of a cookie.
	Cookie string `yaml:"cookie,omitempty"`
	// JSON is a gjson path into a JSON body.
	JSON string `yaml:"json,omitempty"`
	// Regex finds text in bodies, headers and URLs.
	Regex *Regex `yaml:"regex,omitempty"`

	// At is where the field is.
	At Position `yaml:"-"`
}

// Ports is a pool of local ports, each of which forwards to somewhere.
type Ports struct {
	// Start is the first port of the pool.
	Start int `yaml:"start" jsonschema:"required,minimum=1,maximum=65535"`
	// Count is how many ports the pool has.
	Count int `yaml:"count" jsonschema:"required,minimum=1,maximum=65535"`
	// Bind says where ports of the pool forward to from the start.
	Bind []PortBinding `yaml:"bind,omitempty"`

	// At is where the pool is.
	At Position `yaml:"-"`
}

// PortBinding is one forwarding port: a port of the pool and exactly one of the
// other fields.
type PortBinding struct {
	// Port is a port of the pool.
	Port int `yaml:"port" jsonschema:"required,minimum=1,maximum=65535"`
	// Target is the URL of the origin that the port stands in front of.
	Target string `yaml:"target,omitempty"`
	// Upstream is the URL of an upstream proxy that the port forwards through.
	Upstream string `yaml:"upstream,omitempty"`
	// Replay is a recording, relative to this file, that the port answers from.
	Replay string `yaml:"replay,omitempty"`
	// Raw is the host:port that bytes are forwarded to unread.
	Raw string `yaml:"raw,omitempty"`
}
