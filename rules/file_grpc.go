package rules

import (
	"fmt"

	"github.com/necto-dev/necto/internal/grpcwire"
)

// GRPCMock is the answer to a gRPC call: messages, and how the call ends.
type GRPCMock struct {
	// Messages are what the server says, in order.
	Messages []GRPCMessage `yaml:"messages,omitempty"`
	// Status is how the call ends, as NOT_FOUND or 5. Default OK.
	Status GRPCStatus `yaml:"status,omitempty"`
	// Message says more about the status.
	Message string `yaml:"message,omitempty"`
	// Trailers are the metadata at the end of the call.
	Trailers Headers `yaml:"trailers,omitempty"`
}

// GRPCMessage is a message of a gRPC call: exactly one of JSON and Base64 is set.
type GRPCMessage struct {
	// After is the time since the message before it.
	After Duration `yaml:"after,omitempty"`
	// JSON is the message as a value. It needs a description of the method, unless
	// the call has its messages in JSON.
	JSON JSON `yaml:"json,omitempty"`
	// Base64 is the message as it is sent, without compression, in base64.
	Base64 *Base64 `yaml:"base64,omitempty"`

	// At is where the message is.
	At Position `yaml:"-"`
}

// GRPCStatus is a status code of gRPC, written as a name or as a number. 0 is OK.
type GRPCStatus int

func (s *GRPCStatus) parse(text string) error {
	code, ok := grpcwire.ParseCode(text)
	if !ok {
		return fmt.Errorf("%.60q is no status of gRPC%s", text, suggestKey(text, grpcwire.CodeNames()))
	}
	*s = GRPCStatus(code)
	return nil
}

// MarshalYAML returns the status as users write it.
func (s GRPCStatus) MarshalYAML() (any, error) { return grpcwire.Status{Code: int(s)}.Name(), nil }
