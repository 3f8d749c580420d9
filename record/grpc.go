package record

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// appendGRPC appends the messages of a gRPC call, and where among them the client
// ended its side; nothing for what is no call.
func appendGRPC(dst []byte, messages []traffic.GRPCMessage, end int) []byte {
	before := `,"grpc":[{"dir":"`
	for _, m := range messages {
		dst = append(dst, before...)
		dst = append(dst, m.Dir.String()...)
		dst = append(dst, `","ms":`...)
		dst = jsonenc.AppendMillis(dst, m.At)
		dst = appendUint(dst, `,"size":`, uint64(m.Size))
		if m.Compressed {
			dst = append(dst, `,"compressed":true`...)
		}
		dst = append(dst, '}')
		before = `,{"dir":"`
	}
	if len(messages) > 0 {
		dst = append(dst, ']')
	}
	if len(messages) == 0 && end == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, `,"grpcEnd":`...), int64(end), 10)
}

// grpc reads the messages of a gRPC call.
func (p *parser) grpc(value gjson.Result) []traffic.GRPCMessage {
	var messages []traffic.GRPCMessage
	value.ForEach(func(_, message gjson.Result) bool {
		messages = append(messages, p.grpcMessage(message))
		return true
	})
	return messages
}

// grpcEnd reads where the client ended its side.
func (p *parser) grpcEnd(value gjson.Result) int {
	if value.Type == gjson.Number && value.Num == -1 {
		return -1
	}
	return int(p.size("grpcEnd", value))
}

func (p *parser) grpcMessage(value gjson.Result) (m traffic.GRPCMessage) {
	value.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "dir":
			m.Dir = p.direction(value)
		case "ms":
			m.At = p.millis("grpc ms", value)
		case "size":
			m.Size = p.size("grpc size", value)
		case "compressed":
			m.Compressed = value.Bool()
		}
		return true
	})
	return m
}
