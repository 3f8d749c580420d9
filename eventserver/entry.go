package eventserver

import (
	"net"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// appendEntryID appends the id of an exchange in events and in REST: the session's
// and the number of the exchange at its node, so that it is one of a kind, and the
// same at all nodes of a cluster.
func appendEntryID(dst []byte, session string, id traffic.ExchangeID) []byte {
	dst = append(dst, session...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, uint64(id)&(1<<traffic.NodeShift-1), 10)
}

// jsonWriter builds the arguments of one event.
type jsonWriter struct {
	encoded
	session string
	// inline says that what is binary goes into the text, in base64.
	inline bool
}

// begin begins what is written about an item.
func (w *jsonWriter) begin(it *item) {
	w.reset()
	w.session = ""
	if it.session != nil {
		w.session = it.session.id
	}
}

func (w *jsonWriter) raw(s string) { w.text = append(w.text, s...) }

func (w *jsonWriter) str(name, value string) {
	w.raw(name)
	w.text = jsonenc.AppendText(w.text, value)
}

func (w *jsonWriter) int(name string, n int64) {
	w.raw(name)
	w.text = strconv.AppendInt(w.text, n, 10)
}

func (w *jsonWriter) bool(name string, b bool) {
	w.raw(name)
	w.text = strconv.AppendBool(w.text, b)
}

// id writes the id of an exchange, with what is to follow it inside the string.
func (w *jsonWriter) id(name string, id traffic.ExchangeID, suffix string) {
	w.raw(name)
	w.text = append(w.text, '"')
	w.text = appendEntryID(w.text, w.session, id)
	w.text = append(w.text, suffix...)
	w.text = append(w.text, '"')
}

// binary writes bytes as an attachment, or null if there are none.
func (w *jsonWriter) binary(name string, p []byte) {
	if w.inline {
		w.base64(name, p)
		return
	}
	w.raw(name)
	if len(p) == 0 {
		w.raw("null")
		return
	}
	w.raw(`{"_placeholder":true,"num":`)
	w.holes = append(w.holes, len(w.text))
	w.raw("}")
	w.attachments = append(w.attachments, p)
}

// headers writes fields the way Node.js has them: names in lower case, several
// values of a name as a list.
func (w *jsonWriter) headers(name string, fields traffic.Fields) {
	w.raw(name)
	w.raw("{")
	comma := ""
	for i := range fields {
		if fields[:i].Has(fields[i].Name) {
			continue
		}
		w.raw(comma)
		comma = ","
		w.lower(fields[i].Name)
		w.raw(":")
		w.values(fields[i:])
	}
	w.raw("}")
}

// lower writes the name of a field in lower case.
func (w *jsonWriter) lower(name string) {
	start := len(w.text)
	w.text = append(w.text, '"')
	for i := range len(name) {
		c := name[i]
		if c >= utf8.RuneSelf || !jsonenc.Plain[c] {
			w.text = jsonenc.AppendText(w.text[:start], strings.ToLower(name))
			return
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		w.text = append(w.text, c)
	}
	w.text = append(w.text, '"')
}

// values writes the values of the name that the first of fields has.
func (w *jsonWriter) values(fields traffic.Fields) {
	start := len(w.text)
	w.text = jsonenc.AppendText(w.text, fields[0].Value)
	many := false
	for i := 1; i < len(fields); i++ {
		if f := &fields[i]; f.Is(fields[0].Name) {
			many = true
			w.raw(",")
			w.text = jsonenc.AppendText(w.text, f.Value)
		}
	}
	if many {
		w.text = append(w.text, 0)
		copy(w.text[start+1:], w.text[start:])
		w.text[start] = '['
		w.raw("]")
	}
}

// isWebSocket reports whether the exchange asks for a WebSocket connection.
func isWebSocket(x *traffic.Exchange) bool {
	return x.Request.URL.IsWebSocket() ||
		strings.EqualFold(x.Request.Header.Get("Upgrade"), "websocket")
}

// urlOf returns the URL of an exchange as NectoProxy spells it: a WebSocket
// connection has the scheme ws or wss.
func urlOf(x *traffic.Exchange) traffic.URL {
	if isWebSocket(x) {
		return x.Request.URL.WebSocket()
	}
	return x.Request.URL
}

// entry writes a TrafficEntry of which there is no response yet.
func (w *jsonWriter) entry(it *item) {
	x := it.x
	u := urlOf(x)
	w.id(`{"id":`, x.ID, "")
	w.str(`,"sessionId":`, w.session)
	w.int(`,"timestamp":`, x.Started.UnixMilli())
	w.str(`,"method":`, x.Request.Method)
	w.str(`,"url":`, u.String())
	w.str(`,"protocol":`, u.Scheme)
	w.str(`,"host":`, u.Hostname())
	w.str(`,"path":`, u.Target)
	w.headers(`,"requestHeaders":`, x.Request.Header)
	cut := w.requestBody(it)
	w.raw(`,"status":null,"statusText":null,"responseHeaders":null,"responseBody":null,"responseBodySize":null,"duration":null`)
	w.str(`,"remoteAddress":`, hostOf(x.Client))
	w.str(`,"httpVersion":`, x.Request.Proto)
	w.int(`,"conn":`, int64(x.Conn)) //nolint:gosec // counted from 1
	w.tlsVersion(x.TLS)
	w.raw(`,"error":null,"isComplete":false,"isMocked":false,"isBreakpointed":false`)
	w.bool(`,"isTruncated":`, cut)
	w.raw("}")
}

func (w *jsonWriter) requestBody(it *item) (cut bool) {
	c := it.request()
	p := c.preview(it.x.Request.Header)
	w.binary(`,"requestBody":`, p.data)
	w.int(`,"requestBodySize":`, p.size)
	if p.cut {
		w.bodyURL(`,"requestBodyUrl":`, it.x, "request")
	}
	return p.cut
}

// bodyURL writes where REST has all of a body.
func (w *jsonWriter) bodyURL(name string, x *traffic.Exchange, which string) {
	w.raw(name)
	w.raw(`"/api/traffic/`)
	w.text = appendEntryID(w.text, w.session, x.ID)
	w.raw("/body/" + which + `"`)
}

func (w *jsonWriter) tlsVersion(info *traffic.TLSInfo) {
	if info == nil {
		w.raw(`,"tlsVersion":null`)
		return
	}
	w.str(`,"tlsVersion":`, "TLSv"+info.Version)
}

// hostOf returns the address without the port.
func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// request writes an update with the content of a request.
func (w *jsonWriter) request(it *item) {
	w.id(`{"id":`, it.x.ID, "")
	if w.requestBody(it) {
		w.raw(`,"isTruncated":true`)
	}
	w.raw("}")
}

// head writes an update with the head of a response that goes on.
func (w *jsonWriter) head(it *item) {
	w.id(`{"id":`, it.x.ID, "")
	w.response(it.x.Response)
	w.raw(`,"isComplete":false}`)
}

func (w *jsonWriter) response(r *traffic.Response) {
	w.int(`,"status":`, int64(r.Status))
	w.str(`,"statusText":`, r.Reason)
	w.headers(`,"responseHeaders":`, r.Header)
}

// done writes the update of an exchange that has ended, or has become a WebSocket
// connection, which goes on.
func (w *jsonWriter) done(it *item) {
	x := it.x
	w.id(`{"id":`, x.ID, "")
	if x.Response != nil {
		w.response(x.Response)
		w.responseBody(it)
	} else {
		w.failedStatus(x.Failure)
	}
	if it.kind == itemOpen {
		w.raw(`,"isComplete":false`)
	} else {
		w.raw(`,"duration":`)
		w.text = jsonenc.AppendMillis(w.text, x.Duration)
		w.raw(`,"isComplete":true`)
	}
	w.failure(x.Failure)
	if x.Response != nil && x.Response.Source == traffic.SourceRule {
		w.raw(`,"isMocked":true`)
	}
	w.list(`,"rules":`, x.Rules)
	w.list(`,"tags":`, x.Tags)
	w.raw("}")
}

func (w *jsonWriter) responseBody(it *item) {
	c := it.response()
	p := c.preview(it.x.Response.Header)
	w.binary(`,"responseBody":`, p.data)
	if p.size == 0 {
		w.raw(`,"responseBodySize":null`)
	} else {
		w.int(`,"responseBodySize":`, p.size)
	}
	if p.cut {
		w.raw(`,"isTruncated":true`)
		w.bodyURL(`,"responseBodyUrl":`, it.x, "response")
	}
}

// failedStatus writes the status NectoProxy has for an exchange without answer.
func (w *jsonWriter) failedStatus(f *traffic.Failure) {
	if f != nil && (f.Side == traffic.SideClient || f.Kind == traffic.FailAborted) {
		w.raw(`,"status":499,"statusText":"Client Closed Request"`)
		return
	}
	w.raw(`,"status":502,"statusText":"Bad Gateway"`)
}

func (w *jsonWriter) failure(f *traffic.Failure) {
	if f == nil {
		w.raw(`,"error":null`)
		return
	}
	w.str(`,"error":`, f.Text)
	w.str(`,"failure":{"kind":`, string(f.Kind))
	w.str(`,"side":`, string(f.Side))
	w.raw("}")
}

// list writes names if there are any.
func (w *jsonWriter) list(name string, names []string) {
	if len(names) == 0 {
		return
	}
	sep := name + "["
	for _, n := range names {
		w.str(sep, n)
		sep = ","
	}
	w.raw("]")
}
