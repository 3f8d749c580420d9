package har

import (
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Pairs returns fields as HAR has them.
func Pairs(fields traffic.Fields) []Pair {
	if len(fields) == 0 {
		return nil
	}
	pairs := make([]Pair, len(fields))
	for i, f := range fields {
		pairs[i].Name, pairs[i].Value = f.Name, f.Value
	}
	return pairs
}

// Fields returns pairs as fields.
func Fields(pairs []Pair) traffic.Fields {
	if len(pairs) == 0 {
		return nil
	}
	fields := make(traffic.Fields, len(pairs))
	for i, p := range pairs {
		fields[i].Name, fields[i].Value = p.Name, p.Value
	}
	return fields
}

// RequestCookies returns the cookies of the Cookie fields of a request.
func RequestCookies(header traffic.Fields) []Cookie { return nil }

// ResponseCookies returns the cookies of the Set-Cookie fields of a response
// (RFC 6265 section 5.2). Max-Age counts from when the response was received.
func ResponseCookies(header traffic.Fields, received time.Time) []Cookie { return nil }

// QueryString returns the parameters of a query, which is what follows the "?",
// decoded, in order, with duplicates. What cannot be decoded is left as it is.
func QueryString(query string) []Pair { return nil }

// FormParams returns the fields of a form that is urlencoded or multipart, by its
// Content-Type; nil for any other content and for a form that is not whole.
func FormParams(contentType string, content []byte) []Param { return nil }

// ResourceType guesses what a browser would call the kind of an exchange:
// document, stylesheet, script, image, media, font, fetch, eventsource,
// websocket or other.
func ResourceType(request, response traffic.Fields, status int) string { return "" }

// HTTPVersion returns a protocol version in the spelling of HAR that most tools
// know: HTTP/1.0, HTTP/1.1, http/2.0, h3.
func HTTPVersion(proto string) string { return "" }

// HeadSize returns the length of an HTTP/1 head in bytes, its empty line
// included, if its first line has the given length without line end.
func HeadSize(firstLine int, header traffic.Fields) int64 { return 0 }

// Total returns the sum of the steps that happened, in milliseconds, to the
// microsecond: the `time` of an entry (HAR 1.2 `timings`). SSL is a part of
// Connect.
func (t *Timings) Total() float64 { return 0 }
