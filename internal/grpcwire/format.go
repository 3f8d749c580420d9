package grpcwire

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// Format is how a body carries messages.
type Format uint8

// The formats.
const (
	// None is a body that carries no messages of gRPC.
	None Format = iota
	// GRPC is a sequence of messages, each behind a prefix of five bytes.
	GRPC
	// Web is the same, with the trailers of a response as its last message.
	Web
	// WebText is Web in base64, in one piece or in several with padding of their
	// own.
	WebText
)

// contentTypes has the media types without what may follow "+", the longer of
// two with the same beginning first.
var contentTypes = [...]struct {
	name   string
	format Format
}{
	{"application/grpc-web-text", WebText},
	{"application/grpc-web", Web},
	{"application/grpc", GRPC},
}

// FormatOf returns the format that a Content-Type stands for.
func FormatOf(contentType string) Format {
	format, _ := parseType(contentType)
	return format
}

// Codec returns how messages are encoded according to a Content-Type: "proto",
// which is the default, "json" and so on, in lower case. It is "" for content
// that is not gRPC.
func Codec(contentType string) string {
	format, rest := parseType(contentType)
	switch {
	case format == None:
		return ""
	case rest == "":
		return "proto"
	}
	return strings.ToLower(rest)
}

// parseType returns the format and what follows "+".
func parseType(contentType string) (format Format, codec string) {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	for _, t := range contentTypes {
		if len(media) < len(t.name) || !strings.EqualFold(media[:len(t.name)], t.name) {
			continue
		}
		rest := media[len(t.name):]
		switch {
		case rest == "":
			return t.format, ""
		case rest[0] == '+':
			return t.format, rest[1:]
		}
	}
	return None, ""
}

// IsCall reports whether an exchange is a gRPC call: its request says so.
func IsCall(req *traffic.Request) bool {
	return req != nil && FormatOf(req.Header.Get("Content-Type")) != None
}

// SplitPath returns service and method of a path "/pkg.Service/Method", which
// may have more in front of the service; false for a path with fewer than two
// parts. A query is no part of it.
func SplitPath(path string) (service, method string, ok bool) {
	path, _, _ = strings.Cut(path, "?")
	before, method, found := cutLast(path)
	if !found || method == "" {
		return "", "", false
	}
	_, service, found = cutLast(before)
	return service, method, found && service != ""
}

// cutLast cuts s around its last slash.
func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// timeoutUnits are the units of Grpc-Timeout.
var timeoutUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// Timeout returns how long the client of a call waits, false if it does not say.
func Timeout(header traffic.Fields) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Grpc-Timeout"))
	if len(value) < 2 || len(value) > 9 { // at most eight digits
		return 0, false
	}
	n, err := strconv.ParseUint(value[:len(value)-1], 10, 32)
	unit := timeoutUnits[value[len(value)-1]]
	if err != nil || unit == 0 {
		return 0, false
	}
	return min(time.Duration(n), math.MaxInt64/unit) * unit, true
}

// Encoding returns the message encoding ("gzip") of a message's sender, "" if
// messages are not compressed: see Grpc-Encoding.
func Encoding(header traffic.Fields) string {
	name := strings.ToLower(strings.TrimSpace(header.Get("Grpc-Encoding")))
	if name == "identity" {
		return ""
	}
	return name
}
