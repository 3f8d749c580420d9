package h1

import (
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// maxBlankLines is how many empty lines are skipped before a request line (RFC
// 9112 section 2.2 asks for at least one).
const maxBlankLines = 8

// ReadRequest reads the head of a request: Method, Target, Proto and Header are
// set, the rest is the caller's. io.EOF means that the connection ended between
// requests, ErrTruncated inside one, *Error that it is no acceptable request;
// what came of it is then still Buffered, for a report.
func (r *Reader) ReadRequest() (*traffic.Request, error) {
	if err := r.skipBlankLines(); err != nil {
		return nil, err
	}
	head, err := r.readHead()
	if err != nil {
		return nil, err
	}
	_, start, rest := cutLine(head)
	req := new(traffic.Request)
	if err := parseRequestLine(req, start); err != nil {
		return nil, err
	}
	req.Header, err = parseFields(rest, fieldRules{max: r.limits.Fields})
	if err != nil {
		return nil, err
	}
	r.Discard(len(head))
	return req, nil
}

func (r *Reader) skipBlankLines() error {
	r.settle() // the wait for the next request may be long
	for skipped := 0; ; {
		p := r.Buffered()
		switch {
		case len(p) == 0 || len(p) == 1 && p[0] == '\r':
			if err := r.Fill(); err != nil {
				return err
			}
		case p[0] == '\n':
			skipped++
			r.Discard(1)
		case p[0] == '\r' && p[1] == '\n':
			skipped++
			r.Discard(2)
		default:
			return nil
		}
		if skipped > maxBlankLines {
			return badf(400, "more than %d empty lines before a request", maxBlankLines)
		}
	}
}

func parseRequestLine(req *traffic.Request, line string) error {
	method, rest, ok := strings.Cut(line, " ")
	target, proto, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 || !isToken(method) || target == "" {
		return badf(400, "invalid request line %.80q", line)
	}
	if err := checkTarget(target); err != nil {
		return err
	}
	if err := checkVersion(proto); err != nil {
		return err
	}
	req.Method, req.Target, req.Proto = method, target, proto
	return nil
}

func checkVersion(proto string) error {
	switch {
	case proto == "HTTP/1.1" || proto == "HTTP/1.0":
		return nil
	case len(proto) == len("HTTP/x.y") && strings.HasPrefix(proto, "HTTP/"):
		return badf(505, "unsupported version %q", proto)
	default:
		return badf(400, "invalid version %.20q", proto)
	}
}

// CheckHost holds the Host field of an HTTP/1.1 request against RFC 9112
// section 3.2: one field, which is host[:port] or empty.
func CheckHost(req *traffic.Request) error {
	hosts := 0
	for _, f := range req.Header {
		if !f.Is("Host") {
			continue
		}
		if hosts++; hosts > 1 {
			return badf(400, "more than one Host field")
		}
		if f.Value == "" {
			continue
		}
		if err := traffic.CheckAuthority(f.Value); err != nil {
			return badf(400, "invalid Host: %v", err)
		}
	}
	if hosts == 0 && req.Proto == "HTTP/1.1" {
		return badf(400, "no Host field")
	}
	return nil
}
