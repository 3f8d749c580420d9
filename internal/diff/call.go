package diff

import (
	"bytes"

	"github.com/necto-dev/necto/internal/grpcwire"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
)

// callOf returns the path of an exchange that is a gRPC call whose messages are
// described, "" for any other.
func (c *collector) callOf(e *record.Entry) string {
	req := e.Exchange(nil).Request
	if path := req.URL.Path(); grpcwire.IsCall(req) && c.options.Protos.Knows(path) {
		return path
	}
	return ""
}

// callsOf returns the messages of both sides as lists in JSON; false if they are no
// calls that are described, or if one of the messages cannot be read.
func (c *collector) callsOf(a, b message, contentA, contentB []byte) (messagesA, messagesB []byte, ok bool) {
	if messagesA, ok = c.sentIn(a, contentA); ok {
		messagesB, ok = c.sentIn(b, contentB)
	}
	return messagesA, messagesB, ok
}

// sentIn returns the messages that are in content as a list in JSON.
func (c *collector) sentIn(m message, content []byte) ([]byte, bool) {
	if m.call == "" {
		return nil, false
	}
	list, readable := []byte("["), true
	body := protoset.Body{Path: m.call, Dir: m.dir, Header: m.header, Content: bytes.NewReader(content)}
	c.options.Protos.Each(body, func(t protoset.Text) bool {
		if len(list) > 1 {
			list = append(list, ',')
		}
		list = append(list, t.JSON...)
		readable = t.Err == nil
		return readable
	})
	return append(list, ']'), readable
}
