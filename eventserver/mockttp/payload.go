package mockttp

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// initiated writes an InitiatedRequest.
func (w *writer) initiated(s *state) {
	w.head(s)
	w.raw("}")
}

// head writes a request without its content and without its end.
func (w *writer) head(s *state) {
	x, u := s.x, urlOf(s)
	w.str(`{"id":`, s.id)
	w.optional(`,"matchedRuleId":`, s.rule)
	w.str(`,"protocol":`, u.Scheme)
	w.str(`,"httpVersion":`, versionOf(x.Request.Proto))
	w.str(`,"method":`, x.Request.Method)
	w.str(`,"url":`, u.String())
	w.str(`,"path":`, u.Target)
	w.remote(x.Client)
	w.destination(u.HostPort())
	w.header(requestHeader(x.Request))
	w.timing(s)
	w.list(`,"tags":`, s.tags)
}

// urlOf returns the URL of an exchange, which of a WebSocket connection has the
// scheme ws or wss.
func urlOf(s *state) traffic.URL {
	if s.socket {
		return s.x.Request.URL.WebSocket()
	}
	return s.x.Request.URL
}

// versionOf returns the number in "HTTP/1.1".
func versionOf(proto string) string { return strings.TrimPrefix(proto, "HTTP/") }

// isHTTP2 reports whether a message came over HTTP/2, whose first line is made of
// fields.
func isHTTP2(proto string) bool { return strings.HasPrefix(proto, "HTTP/2") }

// requestHeader returns the header of a request as Mockttp has it: with the
// fields of HTTP/2 that stand for the first line.
func requestHeader(r *traffic.Request) traffic.Fields {
	if !isHTTP2(r.Proto) {
		return r.Header
	}
	pseudo := traffic.Fields{
		{Name: ":method", Value: r.Method},
		{Name: ":scheme", Value: httpScheme(r.URL)},
		{Name: ":authority", Value: r.URL.Authority},
		{Name: ":path", Value: r.URL.Target},
	}
	return append(pseudo, r.Header.Without("Host")...)
}

// httpScheme returns http or https.
func httpScheme(u traffic.URL) string {
	if u.Secure() {
		return "https"
	}
	return "http"
}

func responseHeader(r *traffic.Response) traffic.Fields {
	if !isHTTP2(r.Proto) {
		return r.Header
	}
	return append(traffic.Fields{{Name: ":status", Value: strconv.Itoa(r.Status)}}, r.Header...)
}

// remote writes a client's address.
func (w *writer) remote(address string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return // a recording may not know it
	}
	w.str(`,"remoteIpAddress":`, host)
	w.raw(`,"remotePort":`)
	w.number(port)
}

// destination writes where something goes, host:port; nothing for "".
func (w *writer) destination(hostPort string) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return
	}
	w.str(`,"destination":{"hostname":`, host)
	w.raw(`,"port":`)
	w.number(port)
	w.raw("}")
}

// number writes a port.
func (w *writer) number(port string) {
	n, _ := strconv.ParseUint(port, 10, 16) // 0 for what is no port
	w.Text = strconv.AppendUint(w.Text, n, 10)
}

// timing writes TimingEvents.
func (w *writer) timing(s *state) {
	w.startTime(`,"timingEvents":{"startTime":`, s.clock, s.x.Started)
	w.timestamp(`,"startTimestamp":`, s.clock, s.x.Started)
	t := &s.times
	for _, step := range [...]struct {
		name  string
		since time.Duration
	}{
		{`,"bodyReceivedTimestamp":`, t.received},
		{`,"headersSentTimestamp":`, t.head},
		{`,"responseSentTimestamp":`, t.sent},
		{`,"wsAcceptedTimestamp":`, t.accepted},
		{`,"wsClosedTimestamp":`, t.closed},
		{`,"abortedTimestamp":`, t.aborted},
	} {
		if step.since >= 0 {
			w.timestamp(step.name, s.clock, s.x.Started.Add(step.since))
		}
	}
	w.raw("}")
}

// request writes a CompletedRequest.
func (w *writer) request(s *state) {
	w.head(s)
	w.body(s.x.RequestBody, s.x.Request.Header)
	w.trailer(s.x.Request.Trailer)
	w.raw("}")
}

// abort writes an AbortedRequest; err is nil for a client that has left.
func (w *writer) abort(s *state, err *jsError) {
	w.head(s)
	w.error(`,"error":`, err)
	w.raw("}")
}

// responseHead writes a response of which the head was sent.
func (w *writer) responseHead(s *state) {
	w.answer(s, s.x.Response)
	w.raw("}")
}

// answer writes the head of a response, without the end.
func (w *writer) answer(s *state, r *traffic.Response) {
	w.str(`{"id":`, s.id)
	w.int(`,"statusCode":`, int64(r.Status))
	w.str(`,"statusMessage":`, r.Reason)
	w.header(responseHeader(r))
	w.timing(s)
	w.list(`,"tags":`, s.tags)
}

// informational writes a 1xx response.
func (w *writer) informational(s *state, i traffic.Informational) {
	w.answer(s, i.Response)
	w.timestamp(`,"eventTimestamp":`, s.clock, i.Time)
	w.raw("}")
}

// response writes a CompletedResponse.
func (w *writer) response(s *state) {
	w.answer(s, s.x.Response)
	w.body(s.x.ResponseBody, s.x.Response.Header)
	w.trailer(s.x.Response.Trailer)
	w.raw("}")
}

// accepted writes a CompletedResponse that opens a WebSocket connection, and has
// no content.
func (w *writer) accepted(s *state) {
	w.answer(s, s.x.Response)
	w.body(nil, nil)
	w.trailer(nil)
	w.raw("}")
}

// bodyData writes a piece of content.
func (w *writer) bodyData(s *state, p bodyData) {
	data, cut := p.content()
	w.str(`{"id":`, s.id)
	w.binary(`,"content":`, data)
	w.bool(`,"isEnded":`, p.end)
	w.truncated(cut)
	w.timestamp(`,"eventTimestamp":`, s.clock, p.at)
	w.raw("}")
}

// truncated says that content is only the beginning.
func (w *writer) truncated(cut bool) {
	if cut {
		w.raw(`,"isTruncated":true`)
	}
}

// message writes a WebSocketMessage.
func (w *writer) message(s *state, dir traffic.Direction, at time.Time, msg message) {
	w.str(`{"streamId":`, s.id)
	w.str(`,"direction":`, directionOf(dir))
	w.binary(`,"content":`, msg.data)
	w.bool(`,"isBinary":`, msg.opcode == traffic.OpBinary)
	w.truncated(int64(len(msg.data)) < msg.size)
	w.timestamp(`,"eventTimestamp":`, s.clock, at)
	w.timing(s)
	w.list(`,"tags":`, s.tags)
	w.raw("}")
}

// directionOf returns Mockttp's word for a direction, from where the proxy
// stands.
func directionOf(dir traffic.Direction) string {
	if dir == traffic.ClientToServer {
		return "received"
	}
	return "sent"
}

// socketClose writes a WebSocketClose.
func (w *writer) socketClose(s *state, c *traffic.WSClose) {
	w.str(`{"streamId":`, s.id)
	if c.Code != codeNone {
		w.int(`,"closeCode":`, int64(c.Code))
	}
	w.str(`,"closeReason":`, c.Reason)
	w.str(`,"closedBy":`, string(c.By))
	w.timing(s)
	w.list(`,"tags":`, s.tags)
	w.raw("}")
}
