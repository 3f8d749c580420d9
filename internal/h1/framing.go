package h1

import (
	"math"

	"github.com/necto-dev/necto/traffic"
)

// Kind is how the end of a body is found (RFC 9112 section 6.3).
type Kind uint8

// The ways a body can end.
const (
	NoBody     Kind = iota // there is none
	ByLength               // after Content-Length bytes
	Chunked                // after the last chunk
	UntilClose             // with the connection; responses only
)

// Framing is how a message's body is delimited.
type Framing struct {
	Kind   Kind
	Length int64 // for ByLength
}

// BodyLength returns the length as traffic.Request and traffic.Response have
// it: 0 for no body, -1 for one that ends by itself.
func (f Framing) BodyLength() int64 {
	switch f.Kind {
	case ByLength:
		return f.Length
	case Chunked, UntilClose:
		return -1
	default:
		return 0
	}
}

// RequestFraming decides where the body of a request ends. It is strict: what
// two parsers might read differently is an *Error (RFC 9112 sections 6.1 to
// 6.3). So is a CONNECT with a body, which for some is the start of the tunnel
// (RFC 9110 section 9.3.6).
func RequestFraming(req *traffic.Request) (Framing, error) {
	framing, err := fieldFraming(req.Proto, req.Header)
	if err == nil && req.Method == "CONNECT" && framing.BodyLength() != 0 {
		return Framing{}, badf(400, "CONNECT with a body")
	}
	return framing, err
}

// ResponseFraming decides where the body of a response to a request of the
// given method ends.
func ResponseFraming(resp *traffic.Response, method string) (Framing, error) {
	status := resp.Status
	if status < 200 || status == 204 {
		if resp.Header.Has("Transfer-Encoding") {
			return Framing{}, badf(400, "Transfer-Encoding in a %d response", status)
		}
		return Framing{}, nil
	}
	if method == "HEAD" || status == 304 || method == "CONNECT" && status < 300 {
		return Framing{}, nil
	}
	framing, err := fieldFraming(resp.Proto, resp.Header)
	if err == nil && framing.Kind == NoBody {
		framing.Kind = UntilClose
	}
	return framing, err
}

// fieldFraming reads Transfer-Encoding and Content-Length. Without either there
// is no body. "Content-Length: 0" is ByLength too, so that responses with it
// are not read until close.
func fieldFraming(proto string, header traffic.Fields) (Framing, error) {
	var framing Framing
	seen := 0
	for i := range header {
		f := &header[i]
		switch {
		case f.Is("Transfer-Encoding"):
			if err := checkTransferEncoding(proto, f.Value); err != nil {
				return Framing{}, err
			}
			framing.Kind = Chunked
		case f.Is("Content-Length"):
			n, err := parseLength(f.Value)
			if err != nil {
				return Framing{}, err
			}
			framing = Framing{Kind: ByLength, Length: n}
		default:
			continue
		}
		if seen++; seen > 1 {
			return Framing{}, badf(400, "more than one of Content-Length and Transfer-Encoding")
		}
	}
	return framing, nil
}

// checkTransferEncoding accepts chunked alone. The name is case-insensitive by
// RFC 9112 section 7, but beyond the two spellings that servers use, odd ones
// are only seen in attempts at request smuggling.
func checkTransferEncoding(proto, value string) error {
	if value != "chunked" && value != "Chunked" {
		return badf(400, "unsupported Transfer-Encoding %.80q", value)
	}
	if proto == "HTTP/1.0" {
		return badf(400, "Transfer-Encoding in HTTP/1.0")
	}
	return nil
}

// parseLength reads a Content-Length: digits only, no sign, no leading zero, no
// list, at most 2^63-1.
func parseLength(s string) (int64, error) {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return 0, badf(400, "invalid Content-Length %.40q", s)
	}
	var n int64
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return 0, badf(400, "invalid Content-Length %.40q", s)
		}
		digit := int64(s[i] - '0')
		if n > (math.MaxInt64-digit)/10 {
			return 0, badf(400, "Content-Length %.40q is too large", s)
		}
		n = n*10 + digit
	}
	return n, nil
}
