package h2

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// checkRequest says what is wrong with the head of a request (RFC 9113 section
// 8.3.1, RFC 8441 section 4): what could be read in two ways, above all when it
// goes on over HTTP/1.
func checkRequest(h Head) error {
	p, err := parsePseudo(h.Pseudo)
	if err != nil {
		return err
	}
	if !isToken(p.method) {
		return fmt.Errorf("invalid :method %.80q", p.method)
	}
	if p.authority != "" {
		if err := traffic.CheckAuthority(p.authority); err != nil {
			return fmt.Errorf("invalid :authority %.80q: %w", p.authority, err)
		}
	}
	if err := p.checkTarget(); err != nil {
		return err
	}
	if err := checkFields(h.Fields); err != nil {
		return err
	}
	return checkHost(h.Fields, p.authority)
}

// pseudo has the pseudo-fields of a request, "" for those that are not there.
type pseudo struct{ method, scheme, authority, path, protocol string }

// parsePseudo takes the pseudo-fields of a request apart.
func parsePseudo(fields traffic.Fields) (pseudo, error) {
	var p pseudo
	for i := range fields {
		f := &fields[i]
		into := p.field(f.Name)
		if into == nil {
			return p, fmt.Errorf("a request with the field %.80q", f.Name)
		}
		if *into != "" {
			return p, fmt.Errorf("more than one %s", f.Name)
		}
		if f.Value == "" {
			return p, fmt.Errorf("an empty %s", f.Name)
		}
		*into = f.Value
	}
	return p, nil
}

func (p *pseudo) field(name string) *string {
	switch name {
	case ":method":
		return &p.method
	case ":scheme":
		return &p.scheme
	case ":authority":
		return &p.authority
	case ":path":
		return &p.path
	case ":protocol":
		return &p.protocol
	}
	return nil
}

// checkTarget checks which pseudo-fields there are, and :scheme, :path and
// :protocol.
func (p *pseudo) checkTarget() error {
	if p.method == "CONNECT" && p.protocol == "" {
		if p.scheme != "" || p.path != "" || p.authority == "" {
			return errors.New("a CONNECT has :authority and no :scheme and :path")
		}
		return nil
	}
	if p.protocol != "" && (p.method != "CONNECT" || p.authority == "" || !isToken(p.protocol)) {
		return errors.New("a :protocol needs CONNECT and :authority")
	}
	if !isScheme(p.scheme) {
		return fmt.Errorf("invalid :scheme %.80q", p.scheme)
	}
	if p.path == "*" && p.method == "OPTIONS" {
		return nil
	}
	if p.path == "" || p.path[0] != '/' {
		return fmt.Errorf("the :path %.80q does not begin with a slash", p.path)
	}
	for i := 0; i < len(p.path); i++ {
		if c := p.path[i]; c <= ' ' || c == 0x7f {
			return fmt.Errorf("the :path has the byte 0x%02x", c)
		}
	}
	return nil
}

// checkHost refuses a Host that names something else than :authority, of which
// the next server may believe either (RFC 9113 section 8.3.1).
func checkHost(fields traffic.Fields, authority string) error {
	seen := ""
	for i := range fields {
		if fields[i].Name != "host" {
			continue
		}
		host := fields[i].Value
		if seen != "" || authority != "" && !strings.EqualFold(host, authority) {
			return fmt.Errorf("the field host %.80q beside :authority %.80q", host, authority)
		}
		if err := traffic.CheckAuthority(host); err != nil {
			return fmt.Errorf("invalid host %.80q: %w", host, err)
		}
		seen = host
	}
	return nil
}

// checkResponse says what is wrong with the head of a response (RFC 9113 section
// 8.3.2).
func checkResponse(h Head) error {
	if len(h.Pseudo) != 1 || h.Pseudo[0].Name != ":status" {
		return errors.New("a response without exactly one :status")
	}
	status := h.Status()
	if len(h.Pseudo[0].Value) != 3 || status < 100 {
		return fmt.Errorf("invalid :status %.80q", h.Pseudo[0].Value)
	}
	if status == 101 {
		return errors.New("a 101, which HTTP/2 does not have")
	}
	if status < 200 && h.End {
		return fmt.Errorf("a response of %d that ends the message", status)
	}
	return checkFields(h.Fields)
}

// checkFields says what is wrong with fields that are not pseudo-fields (RFC 9113
// section 8.2).
func checkFields(fields traffic.Fields) error {
	for i := range fields {
		f := &fields[i]
		if !isFieldName(f.Name) {
			return fmt.Errorf("invalid field name %.80q", f.Name)
		}
		if i := invalidByte(f.Value); i >= 0 {
			return fmt.Errorf("field %.80s has the byte 0x%02x", f.Name, f.Value[i])
		}
		if n := len(f.Value); n > 0 && (isSpace(f.Value[0]) || isSpace(f.Value[n-1])) {
			return fmt.Errorf("field %.80s has white space around its value", f.Name)
		}
		if err := checkConnectionField(f); err != nil {
			return err
		}
	}
	return nil
}

// checkConnectionField refuses fields that are about the connection, of which
// HTTP/2 has none (RFC 9113 section 8.2.2).
func checkConnectionField(f *traffic.Field) error {
	switch f.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return fmt.Errorf("the field %s, which HTTP/2 does not have", f.Name)
	case "te":
		if !strings.EqualFold(f.Value, "trailers") {
			return fmt.Errorf("the field te with %.80q", f.Value)
		}
	}
	return nil
}

// contentLength returns what content-length says, -1 if there is none.
func contentLength(fields traffic.Fields) (int64, error) {
	length := int64(-1)
	for i := range fields {
		if fields[i].Name != "content-length" {
			continue
		}
		n, err := strconv.ParseUint(fields[i].Value, 10, 63)
		if err != nil || length >= 0 {
			return -1, fmt.Errorf("invalid content-length %.80q", fields[i].Value)
		}
		length = int64(n)
	}
	return length, nil
}

// hasNoContent reports whether a final response has no content, whatever its
// content-length says (RFC 9110 section 6.4.1).
func hasNoContent(method string, status int) bool {
	return method == "HEAD" || status == 204 || status == 304
}

// isToken reports whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if byteKinds[s[i]]&tokenByte == 0 {
			return false
		}
	}
	return s != ""
}

// isFieldName reports whether s is a token without upper-case letters.
func isFieldName(s string) bool {
	for i := 0; i < len(s); i++ {
		if byteKinds[s[i]]&nameByte == 0 {
			return false
		}
	}
	return s != ""
}

// isScheme reports whether s is a scheme (RFC 3986 section 3.1).
func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || byteKinds[s[i]]&schemeByte == 0) {
			return false
		}
	}
	return s != ""
}

// invalidByte returns the place of the first control in s except tabs, -1 for
// none: what internal/h1 refuses in values, so that all that came over HTTP/2 can
// go on over HTTP/1.
func invalidByte(s string) int {
	for i := 0; i < len(s); i++ {
		if byteKinds[s[i]]&valueByte == 0 {
			return i
		}
	}
	return -1
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// What a byte may be part of.
const (
	tokenByte = 1 << iota
	nameByte
	schemeByte
	valueByte
)

var byteKinds = func() (t [256]byte) {
	for i := range t {
		c := byte(i)
		lower, upper := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z'
		digit := '0' <= c && c <= '9'
		if lower || upper || digit || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0 {
			t[i] |= tokenByte
			if !upper {
				t[i] |= nameByte
			}
		}
		if digit || strings.IndexByte("+-.", c) >= 0 {
			t[i] |= schemeByte
		}
		if c >= ' ' && c != 0x7f || c == '\t' {
			t[i] |= valueByte
		}
	}
	return t
}()
