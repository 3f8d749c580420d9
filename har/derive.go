package har

import (
	"math"
	"strings"

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

// HTTPVersion returns a protocol version ("HTTP/2.0", "h2") in the spelling that
// most readers of HAR know: HTTP/1.1 as it is, http/2.0, h3.
func HTTPVersion(proto string) string {
	switch strings.ToLower(proto) {
	case "h2", "h2c", "http/2", "http/2.0":
		return "http/2.0"
	case "h3", "http/3", "http/3.0":
		return "h3"
	}
	return proto
}

// RequestHeadSize returns the length of the head of a request in bytes, its empty
// line included; -1 if it is not of HTTP/1.
func RequestHeadSize(method, target, proto string, header traffic.Fields) int64 {
	return headSize(proto, len(method)+len(target)+len(proto)+len("  \r\n"), header)
}

// ResponseHeadSize returns the length of the head of a response in bytes, its
// empty line included; -1 if it is not of HTTP/1.
func ResponseHeadSize(proto, reason string, header traffic.Fields) int64 {
	return headSize(proto, len(proto)+len(" 200 \r\n")+len(reason), header)
}

func headSize(proto string, size int, header traffic.Fields) int64 {
	if !strings.HasPrefix(proto, "HTTP/1.") {
		return -1
	}
	for _, f := range header {
		size += len(f.Name) + len(": ") + len(f.Value) + len("\r\n")
	}
	return int64(size + len("\r\n"))
}

// Total returns the sum of the steps that happened, in milliseconds, to the
// microsecond: the `time` of an entry (HAR 1.2 `timings`). SSL is a part of
// Connect.
func (t *Timings) Total() float64 {
	sum := 0.0
	for _, ms := range [...]float64{t.Blocked, t.DNS, t.Connect, t.Send, t.Wait, t.Receive} {
		if ms > 0 {
			sum += ms
		}
	}
	return math.Round(sum*1000) / 1000
}
