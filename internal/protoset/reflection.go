package protoset

import (
	"io"
	"iter"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/traffic"
)

// IsReflection reports whether a path is that of the method by which servers
// describe themselves (grpc.reflection.v1, and v1alpha before it).
func IsReflection(path string) bool {
	service, method, _ := grpcwire.SplitPath(path)
	return strings.HasPrefix(service, "grpc.reflection.v1") && method == "ServerReflectionInfo"
}

// The fields of ServerReflectionResponse, and of FileDescriptorResponse in it.
const (
	fieldDescriptors protowire.Number = 4
	fieldDescriptor  protowire.Number = 1
)

// Reflected returns the FileDescriptorProtos, serialized, in what a server has
// answered to calls of IsReflection: a body with content coding undone, and the
// header of its response. What makes no sense is left out.
func Reflected(body io.Reader, header traffic.Fields) [][]byte {
	var found [][]byte
	r := grpcwire.NewReader(body, grpcwire.FormatOf(header.Get("Content-Type")), coding.MaxDecoded)
	encoding := grpcwire.Encoding(header)
	for r.Next() {
		content, err := grpcwire.Decoded(r.Message(), r.Content(), encoding, coding.MaxDecoded)
		if err != nil {
			continue
		}
		for response := range fields(content, fieldDescriptors) {
			for descriptor := range fields(response, fieldDescriptor) {
				found = append(found, append([]byte(nil), descriptor...))
			}
		}
	}
	return found
}

// fields yields the values of a field of a message that are bytes or messages.
func fields(message []byte, field protowire.Number) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(message) > 0 {
			number, kind, n := protowire.ConsumeTag(message)
			if n < 0 {
				return
			}
			size := protowire.ConsumeFieldValue(number, kind, message[n:])
			if size < 0 {
				return
			}
			if number == field && kind == protowire.BytesType {
				value, _ := protowire.ConsumeBytes(message[n:])
				if !yield(value) {
					return
				}
			}
			message = message[n+size:]
		}
	}
}
