package rules

import "github.com/necto-dev/necto/traffic"

// FrameRule is what becomes of some messages of a WebSocket connection, or what
// necto sends on it. It has one trigger: Match (the default, all messages), On or
// Every; and an action: Drop, Replace, JSON, Inject or Close, of which Replace and
// JSON may have a Delay, or a Delay alone.
type FrameRule struct {
	// Match says which messages are meant. Default all.
	Match *FrameMatcher `yaml:"match,omitempty"`
	// On is open: the rule acts once, when the connection is open.
	On FrameMoment `yaml:"on,omitempty"`
	// Every is the time between two injections, from when the connection is open.
	Every Duration `yaml:"every,omitempty"`

	// Drop takes the message out.
	Drop bool `yaml:"drop,omitempty"`
	// Replace is the new content.
	Replace *string `yaml:"replace,omitempty"`
	// JSON edits the content as JSON.
	JSON *JSONEdit `yaml:"json,omitempty"`
	// Delay holds the message, and those behind it, for a time.
	Delay Duration `yaml:"delay,omitempty"`
	// Inject sends a message; with match behind the one that matches.
	Inject *FrameInject `yaml:"inject,omitempty"`
	// Close closes the connection.
	Close *FrameClose `yaml:"close,omitempty"`

	// At is where the rule is.
	At Position `yaml:"-"`
}

// FrameMoment is a moment in the life of a WebSocket connection.
type FrameMoment string

// OnOpen is when the handshake is complete.
const OnOpen FrameMoment = "open"

// FrameMatcher says which messages are meant. All that is set must hold.
type FrameMatcher struct {
	// Dir is client-to-server or server-to-client.
	Dir *Direction `yaml:"dir,omitempty"`
	// Opcode is text or binary.
	Opcode FrameOpcode `yaml:"opcode,omitempty"`
	// Text is a glob over the whole content; one or several.
	Text List[Pattern] `yaml:"text,omitempty"`
	// JSON has a value for each gjson path.
	JSON Map[JSONCondition] `yaml:"json,omitempty"`
}

// FrameOpcode is the kind of a message.
type FrameOpcode string

// The kinds of message.
const (
	FrameText   FrameOpcode = "text"
	FrameBinary FrameOpcode = "binary"
)

// Opcode returns the opcode of a message of that kind, 0 for "".
func (o FrameOpcode) Opcode() traffic.Opcode {
	switch o {
	case FrameText:
		return traffic.OpText
	case FrameBinary:
		return traffic.OpBinary
	default:
		return 0
	}
}

// FrameInject is a message that necto sends: Text or Base64.
type FrameInject struct {
	// Dir is client-to-server or server-to-client: which way it goes.
	Dir *Direction `yaml:"dir" jsonschema:"required"`
	// Text is the content of a text message.
	Text *string `yaml:"text,omitempty"`
	// Base64 is the content of a binary message.
	Base64 *Base64 `yaml:"base64,omitempty"`
}

// FrameClose closes a connection.
type FrameClose struct {
	// Code is the status code of the close frame. Default 1000.
	Code int `yaml:"code,omitempty" jsonschema:"minimum=1000,maximum=4999"`
	// Reason is at most 123 bytes.
	Reason string `yaml:"reason,omitempty" jsonschema:"maxLength=123"`
}

// Direction is the way a message goes, as users write it.
type Direction traffic.Direction
