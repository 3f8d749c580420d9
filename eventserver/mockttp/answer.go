package mockttp

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// answeredWith returns the status that necto has answered a failed exchange with,
// 0 if the connection was ended in place of an answer.
func answeredWith(x *traffic.Exchange) int {
	f := x.Failure
	switch {
	case x.Response != nil || f == nil || f.End != traffic.EndDefault:
		return 0
	case f.Kind == traffic.FailShutdown || f.Kind == traffic.FailFault || f.Kind == traffic.FailAborted:
		return 0
	case f.Side != traffic.SideClient:
		return http.StatusBadGateway
	case f.Kind == traffic.FailProtocol:
		return http.StatusBadRequest
	}
	return 0
}

// madeUp is an answer of necto's own.
type madeUp struct {
	*traffic.Response
	content []byte
}

// ownAnswer returns the answer that says what has failed, as package proxy writes
// it to clients that speak proto.
func ownAnswer(proto string, status int, text string, withContent bool) madeUp {
	content := "necto: " + text + "\n"
	a := madeUp{Response: &traffic.Response{
		Status: status, Reason: http.StatusText(status), Proto: "HTTP/1.1",
		Header: traffic.Fields{
			{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
			{Name: "X-Content-Type-Options", Value: "nosniff"},
			{Name: "Content-Length", Value: strconv.Itoa(len(content))},
		},
	}}
	if isHTTP2(proto) {
		a.Proto, a.Reason = proto, ""
		for i := range a.Header {
			a.Header[i].Name = strings.ToLower(a.Header[i].Name)
		}
	} else {
		a.Header.Add("Connection", "close")
	}
	if withContent {
		a.content = []byte(content)
	}
	return a
}

// ownHead writes the head of an answer of necto's own.
func (w *writer) ownHead(s *state, a madeUp) {
	w.answer(s, a.Response)
	w.raw("}")
}

// ownAnswer writes an answer of necto's own as a CompletedResponse.
func (w *writer) ownAnswer(s *state, a madeUp) {
	w.answer(s, a.Response)
	w.body(traffic.BodyOf(a.content), a.Header)
	w.trailer(nil)
	w.raw("}")
}
