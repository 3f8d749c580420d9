package rules

import (
	"net/http"
	"strconv"

	"github.com/necto-dev/necto/traffic"
)

// lengthFields say how long content is, which is for necto to say: answers that
// were copied from somewhere have what was right there.
var lengthFields = []string{"Content-Length", "Transfer-Encoding", "Trailer"}

// newAnswer returns a response that a rule makes, with content in memory. It
// keeps header.
func newAnswer(status int, reason string, header traffic.Fields, content []byte) *traffic.Response {
	if reason == "" {
		reason = http.StatusText(status)
	}
	resp := &traffic.Response{
		Status: status, Reason: reason, Header: header.Without(lengthFields...), Source: traffic.SourceRule,
		Body: traffic.NewMemoryBody(content), Length: int64(len(content)),
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		resp.Header.Set("Content-Length", strconv.Itoa(len(content)))
	}
	return resp
}

// textAnswer returns a response with words for people.
func textAnswer(status int, text string, fields ...traffic.Field) *traffic.Response {
	header := append(traffic.Fields{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}, fields...)
	return newAnswer(status, "", header, []byte(text))
}

// closeBody ends the use of a body that nobody reads, which may be nil.
func closeBody(resp *traffic.Response) {
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close() // it is given up
	}
}
