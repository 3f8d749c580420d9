package diff

import (
	"slices"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// volatileFields are made for one message, in lower case.
var volatileFields = map[string]bool{
	"age": true, "cf-ray": true, "date": true, "etag": true, "expires": true, "if-modified-since": true,
	"if-none-match": true, "last-modified": true, "ratelimit-remaining": true, "ratelimit-reset": true,
	"request-id": true, "sec-websocket-accept": true, "sec-websocket-key": true, "server-timing": true,
	"traceparent": true, "tracestate": true, "x-amz-cf-id": true, "x-amz-request-id": true,
	"x-amzn-requestid": true, "x-amzn-trace-id": true, "x-b3-spanid": true, "x-b3-traceid": true,
	"x-cloud-trace-context": true, "x-correlation-id": true, "x-ratelimit-remaining": true,
	"x-ratelimit-reset": true, "x-request-id": true, "x-response-time": true, "x-runtime": true,
	"x-trace-id": true,
}

// IsVolatileField reports whether fields of that name are made for one message
// only, such as Date.
func IsVolatileField(name string) bool { return volatileFields[strings.ToLower(name)] }

// header compares fields by their names; order and spelling of names, which say
// nothing (RFC 9110 section 5.1), are not looked at. bodied says that the length
// and the boundary in a field are told by the content.
func (c *collector) header(path string, a, b traffic.Fields, bodied bool) {
	for _, name := range namesOf(a, b) {
		va, vb := a.Values(name), b.Values(name)
		here := at(path, name)
		if slices.Equal(va, vb) || !c.presence(here, va != nil, vb != nil, valueOf(va), valueOf(vb)) {
			continue
		}
		c.add(Change{Path: here, Kind: Changed, From: valueOf(va), To: valueOf(vb), Shape: shapeOfField(name, va, vb, bodied)})
	}
}

// namesOf returns the names in lower case in the order in which they come first.
func namesOf(a, b traffic.Fields) []string {
	var names []string
	seen := map[string]bool{}
	for _, fields := range [...]traffic.Fields{a, b} {
		for _, f := range fields {
			if name := strings.ToLower(f.Name); !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// valueOf returns the values of a field, the value itself if there is one.
func valueOf(values []string) any {
	switch len(values) {
	case 0:
		return nil
	case 1:
		return values[0]
	}
	return values
}

func shapeOfField(name string, a, b []string, bodied bool) string {
	switch {
	case volatileFields[name]:
		return "field"
	case name == "content-length" && bodied:
		return "length"
	case len(a) != len(b):
		return ""
	}
	shape := ""
	for i := range a {
		va, vb := a[i], b[i]
		if name == "content-type" {
			va, vb = withoutBoundary(va), withoutBoundary(vb)
			if va == vb && a[i] != b[i] {
				shape = "boundary"
			}
		}
		if va == vb {
			continue
		}
		if shape = shapeOfPair(va, vb); shape == "" {
			return ""
		}
	}
	return shape
}
