package h1

import (
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// ReadResponse reads the head of a response, a 1xx one too: Status, Reason,
// Proto and Header are set, the rest is the caller's. io.EOF means that the
// connection ended before its first byte, ErrTruncated inside it, *Error that
// it is no acceptable response; what came of it is then still Buffered.
func (r *Reader) ReadResponse() (*traffic.Response, error) {
	head, err := r.readHead()
	if err != nil {
		return nil, err
	}
	line, content, rest := cutLine(head)
	resp := new(traffic.Response)
	if err := parseStatusLine(resp, content); err != nil {
		return nil, err
	}
	resp.SetWireLine(line)
	resp.Header, err = parseFields(rest, fieldRules{max: r.limits.Fields, repair: true})
	if err != nil {
		return nil, err
	}
	r.Discard(len(head))
	return resp, nil
}

// parseStatusLine reads "HTTP/1.1 200 reason". The space behind the code may be
// missing with the reason, as some servers write it.
func parseStatusLine(resp *traffic.Response, line string) error {
	proto, rest, _ := strings.Cut(line, " ")
	if err := checkVersion(proto); err != nil {
		return err
	}
	code, reason, _ := strings.Cut(rest, " ")
	if len(code) != 3 || code[0] < '1' || code[0] > '9' || !isDigit(code[1]) || !isDigit(code[2]) {
		return badf(400, "invalid status line %.80q", line)
	}
	if i := invalidValueByte(reason); i >= 0 {
		return badf(400, "the reason phrase has the byte 0x%02x", reason[i])
	}
	resp.Proto, resp.Reason = proto, reason
	resp.Status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
