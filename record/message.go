package record

import (
	"strings"

	"github.com/necto-dev/necto/internal/jsonenc"
	"github.com/necto-dev/necto/traffic"
)

// latin1 marks strings from the wire that are not UTF-8: see appendLatin1.
const latin1 = "latin1"

// The members that have a message: what the client sent and got, and what the
// origin got and sent where layers have made something else of it.
const (
	memberRequest  = `,"request":`
	memberResponse = `,"response":`
	memberSent     = `,"sent":`
	memberReceived = `,"received":`
)

// appendRequest appends a request with what is known of its content and trailer,
// both nil while they are on their way.
func (e *encoder) appendRequest(
	dst []byte, member string, r *traffic.Request, body *traffic.Body, trailer traffic.Fields,
) ([]byte, error) {
	dst = appendRequestLine(dst, member, r.Method, e.url(r.URL), r.Proto)
	dst = e.appendHeader(dst, `,"headers":`, r.Header)
	dst, err := e.appendBody(dst, body, r.Header)
	if len(trailer) > 0 {
		dst = e.appendHeader(dst, `,"trailers":`, trailer)
	}
	return append(dst, '}'), err
}

// appendRequestLine begins a request.
func appendRequestLine[S ~string | ~[]byte](dst []byte, member, method string, url S, proto string) []byte {
	dst = append(dst, member...)
	dst, odd := appendWire(dst, '{', "method", method, nil)
	dst, odd = appendWire(dst, ',', "url", url, odd)
	dst, odd = appendWire(dst, ',', "proto", proto, odd)
	return appendList(dst, latin1, odd)
}

// appendResponse appends a response without its end.
func (e *encoder) appendResponse(dst []byte, member string, r *traffic.Response, body *traffic.Body) ([]byte, error) {
	dst = append(dst, member...)
	dst = e.appendHead(dst, r)
	dst = appendSource(dst, r.Source)
	dst, err := e.appendBody(dst, body, r.Header)
	if len(r.Trailer) > 0 {
		dst = e.appendHeader(dst, `,"trailers":`, r.Trailer)
	}
	return dst, err
}

// appendAnswer appends what the client got.
func (e *encoder) appendAnswer(dst []byte, x *traffic.Exchange) ([]byte, error) {
	dst, err := e.appendResponse(dst, memberResponse, x.Response, x.ResponseBody)
	for i, r := range x.Informational {
		if i == 0 {
			dst = append(dst, `,"informational":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(e.appendHead(dst, r), '}')
	}
	if len(x.Informational) > 0 {
		dst = append(dst, ']')
	}
	return append(dst, '}'), err
}

// appendEdited appends the origin's side of an exchange that layers have edited.
func (e *encoder) appendEdited(dst []byte, x *traffic.Exchange) (_ []byte, err error) {
	if x.Sent != nil {
		dst, err = e.appendRequest(dst, memberSent, x.Sent, x.SentBody, x.Sent.Trailer)
	}
	if x.Received != nil && err == nil {
		dst, err = e.appendResponse(dst, memberReceived, x.Received, x.ReceivedBody)
		dst = append(dst, '}')
	}
	return dst, err
}

// appendSource appends who made a response, nothing for an origin.
func appendSource(dst []byte, s traffic.Source) []byte {
	if s == traffic.SourceOrigin {
		return dst
	}
	return appendMember(dst, "source", string(s))
}

// appendHead begins a response: status line and header.
func (e *encoder) appendHead(dst []byte, r *traffic.Response) []byte {
	dst = appendStatusLine(dst, r.Status, r.Reason, r.Proto)
	return e.appendHeader(dst, `,"headers":`, r.Header)
}

func appendStatusLine(dst []byte, status int, reason, proto string) []byte {
	dst = appendUint(dst, `{"status":`, uint64(status))
	dst, odd := appendWire(dst, ',', "reason", reason, nil)
	dst, odd = appendWire(dst, ',', "proto", proto, odd)
	return appendList(dst, latin1, odd)
}

// url returns the URL as it is recorded, in e.value.
func (e *encoder) url(u traffic.URL) []byte {
	v := append(e.value[:0], u.Scheme...)
	if u.Scheme != "" { // as for a URL that came from another tool
		v = append(v, "://"...)
	}
	v = append(v, u.Authority...)
	path, query, found := strings.Cut(u.Target, "?")
	v = append(v, path...)
	if found {
		v = append(v, '?')
		if e.redact != nil {
			e.text = append(e.text[:0], query...)
			v = e.redact.appendPairs(v, e.text)
		} else {
			v = append(v, query...)
		}
	}
	if e.thorough() {
		v = e.redact.withoutShapes(v)
	}
	e.value = v
	return v
}

// appendHeader appends fields as [["Name","value"],...]. A field that is not
// UTF-8 has "latin1" as its third element.
func (e *encoder) appendHeader(dst []byte, before string, fields traffic.Fields) []byte {
	dst = append(dst, before...)
	dst = append(dst, '[')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = e.appendField(dst, f)
	}
	return append(dst, ']')
}

func (e *encoder) appendField(dst []byte, f traffic.Field) []byte {
	if e.redact != nil {
		class := classOfField(f)
		if class == fieldPlain && e.redact.patterns.isField(f.Name) {
			class = fieldSecret
		}
		if class != fieldPlain || e.redact.thorough {
			e.value = e.redact.appendField(e.value[:0], f, class)
			return appendPair(dst, f.Name, e.value)
		}
	}
	return appendPair(dst, f.Name, f.Value)
}

func appendPair[S ~string | ~[]byte](dst []byte, name string, value S) []byte {
	if jsonenc.IsPlain(name) && jsonenc.IsPlain(value) {
		dst = append(append(dst, `["`...), name...)
		dst = append(append(dst, `","`...), value...)
		return append(dst, `"]`...)
	}
	dst = append(dst, '[')
	if jsonenc.IsUTF8(name) && jsonenc.IsUTF8(value) {
		dst = append(jsonenc.AppendQuoted(dst, name), ',')
		return append(jsonenc.AppendQuoted(dst, value), ']')
	}
	dst = append(jsonenc.AppendLatin1(dst, name), ',')
	return append(jsonenc.AppendLatin1(dst, value), `,"`+latin1+`"]`...)
}
