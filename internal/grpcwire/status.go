package grpcwire

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// Status is how a call ended.
type Status struct {
	// Code is 0 for success.
	Code int
	// Message says more, percent-encoding undone; "" for nothing.
	Message string
}

// Codes that necto itself answers with.
const (
	CodeOK            = 0
	CodeNotFound      = 5
	CodeUnimplemented = 12
)

// codeNames are the names of the codes.
var codeNames = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// Name returns the name of the code, as NOT_FOUND, or its digits if it has none.
func (s Status) Name() string {
	if s.Code >= 0 && s.Code < len(codeNames) {
		return codeNames[s.Code]
	}
	return strconv.Itoa(s.Code)
}

// Fields returns the fields that state the status: as trailers, or in a header
// behind which nothing comes.
func (s Status) Fields() traffic.Fields {
	fields := traffic.Fields{{Name: "grpc-status", Value: strconv.Itoa(s.Code)}}
	if s.Message != "" {
		fields.Add("grpc-message", EncodeMessage(s.Message))
	}
	return fields
}

// CodeNames returns the names of the codes, in the order of those.
func CodeNames() []string { return slices.Clone(codeNames[:]) }

// ParseCode reads a name or digits, in any case.
func ParseCode(s string) (int, bool) {
	for code, name := range codeNames {
		if strings.EqualFold(s, name) {
			return code, true
		}
	}
	code, err := strconv.ParseUint(s, 10, 31)
	return int(code), err == nil
}

// StatusIn returns the status that fields state, false if they state none.
func StatusIn(fields traffic.Fields) (Status, bool) {
	i := fields.Index("Grpc-Status")
	if i < 0 {
		return Status{}, false
	}
	code, err := strconv.ParseUint(strings.TrimSpace(fields[i].Value), 10, 31)
	if err != nil {
		return Status{}, false
	}
	return Status{int(code), DecodeMessage(fields.Get("Grpc-Message"))}, true
}

// StatusOf returns how a call ended: what its trailers say, or its header if it
// has no more than that. false means that it says nothing, as where the exchange
// was cut off. The body of a response in gRPC-Web is read.
func StatusOf(x *traffic.Exchange) (Status, bool) {
	if x.Response == nil {
		return Status{}, false
	}
	if s, ok := StatusIn(x.Response.Trailer); ok {
		return s, true
	}
	if s, ok := StatusIn(x.Response.Header); ok {
		return s, true
	}
	format := FormatOf(x.Response.Header.Get("Content-Type"))
	if format != Web && format != WebText || x.ResponseBody == nil {
		return Status{}, false
	}
	return StatusIn(TrailerIn(x.ResponseBody.Open(), format))
}

// maxTrailer bounds the trailers in a body, in bytes.
const maxTrailer = 64 << 10

// TrailerIn returns the trailers in the body of a response in gRPC-Web, nil for
// none.
func TrailerIn(body io.Reader, format Format) traffic.Fields {
	r := NewReader(body, format, maxTrailer)
	for r.Next() {
		if r.Message().Trailer {
			return parseTrailer(r.Content())
		}
	}
	return nil
}

func parseTrailer(content []byte) traffic.Fields {
	var fields traffic.Fields
	for line := range bytes.SplitSeq(content, []byte("\n")) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok {
			fields.Add(string(bytes.TrimSpace(name)), string(bytes.TrimSpace(value)))
		}
	}
	return fields
}

// AppendTrailer appends trailers as gRPC-Web has them: as a message.
func AppendTrailer(dst []byte, fields traffic.Fields) []byte {
	var lines []byte
	for _, f := range fields {
		lines = append(append(lines, strings.ToLower(f.Name)...), ':')
		lines = append(append(lines, f.Value...), "\r\n"...)
	}
	dst = AppendPrefix(dst, Message{Size: int64(len(lines)), Trailer: true})
	return append(dst, lines...)
}

// DecodeMessage undoes the percent-encoding of Grpc-Message. What is no escape
// stays as it is.
func DecodeMessage(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// EncodeMessage percent-encodes a text for Grpc-Message: all but printable ASCII,
// and "%".
func EncodeMessage(s string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}
