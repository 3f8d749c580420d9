package protoset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// ErrUnknown is a method that a Set does not describe.
var ErrUnknown = errors.New("method is not described")

// Set is descriptions of messages. A nil Set describes nothing. A Set may be used
// by many goroutines.
type Set struct {
	files *protoregistry.Files
	types *dynamicpb.Types
}

func newSet() *Set {
	files := new(protoregistry.Files)
	return &Set{files: files, types: dynamicpb.NewTypes(files)}
}

// Knows reports whether the method of a path "/pkg.Service/Method" is described.
func (s *Set) Knows(path string) bool { return s.method(path) != nil }

// method returns the method of a path, nil if it is not described.
func (s *Set) method(path string) protoreflect.MethodDescriptor {
	service, method, ok := grpcwire.SplitPath(path)
	if s == nil || !ok {
		return nil
	}
	d, err := s.files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	described, ok := d.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	return described.Methods().ByName(protoreflect.Name(method))
}

// Streams reports in which directions the method of a path sends any number of
// messages, false for both if it is not described.
func (s *Set) Streams(path string) (client, server bool) {
	m := s.method(path)
	if m == nil {
		return false, false
	}
	return m.IsStreamingClient(), m.IsStreamingServer()
}

// message returns an empty message of one direction of a method.
func (s *Set) message(path string, dir traffic.Direction) (*dynamicpb.Message, error) {
	m := s.method(path)
	if m == nil {
		return nil, fmt.Errorf("%w: %.200s", ErrUnknown, path)
	}
	if dir == traffic.ClientToServer {
		return dynamicpb.NewMessage(m.Input()), nil
	}
	return dynamicpb.NewMessage(m.Output()), nil
}

// JSON returns a message, its compression undone, as JSON in one line. The error
// wraps ErrUnknown if path is not described.
func (s *Set) JSON(path string, dir traffic.Direction, content []byte) ([]byte, error) {
	m, err := s.message(path, dir)
	if err != nil {
		return nil, err
	}
	return s.decode(m, content)
}

// decode fills in an empty message, and returns it as JSON in one line.
func (s *Set) decode(m *dynamicpb.Message, content []byte) ([]byte, error) {
	if err := (proto.UnmarshalOptions{Resolver: s.types}).Unmarshal(content, m); err != nil {
		return nil, explain("decode", m, err)
	}
	text, err := protojson.MarshalOptions{Resolver: s.types}.Marshal(m)
	if err != nil {
		return nil, explain("decode", m, err)
	}
	var line bytes.Buffer // protojson puts in white space at random
	if err := json.Compact(&line, text); err != nil {
		return nil, explain("decode", m, err)
	}
	return line.Bytes(), nil
}

// Encode returns the message that JSON stands for. The error wraps ErrUnknown if
// path is not described.
func (s *Set) Encode(path string, dir traffic.Direction, text []byte) ([]byte, error) {
	m, err := s.message(path, dir)
	if err != nil {
		return nil, err
	}
	if err := s.parse(m, text); err != nil {
		return nil, err
	}
	return marshal(m)
}

// parse fills in an empty message from JSON.
func (s *Set) parse(m *dynamicpb.Message, text []byte) error {
	if err := (protojson.UnmarshalOptions{Resolver: s.types}).Unmarshal(text, m); err != nil {
		return explain("encode", m, err)
	}
	return nil
}

// marshal returns a message as it is sent.
func marshal(m *dynamicpb.Message) ([]byte, error) {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, explain("encode", m, err)
	}
	return content, nil
}

// jsonPlace is where something is in JSON, which nobody has written as it is.
var jsonPlace = regexp.MustCompile(`^\(line \d+:\d+\): `)

// explain says what could not be done to a message. Errors of protobuf begin with
// "proto:" and one of two kinds of space, at random, so that nobody compares them.
func explain(what string, m *dynamicpb.Message, err error) error {
	reason := strings.TrimLeft(strings.TrimPrefix(err.Error(), "proto:"), " \u00a0")
	return fmt.Errorf("%s %s: %s", what, m.Descriptor().FullName(), jsonPlace.ReplaceAllString(reason, ""))
}
