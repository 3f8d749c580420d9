package h1

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// readHead waits for a whole head and returns its text, from the start line to
// the empty line. It does not consume it, so that a head which turns out to be
// malformed can still be looked at. io.EOF means that the connection ended
// before its first byte.
func (r *Reader) readHead() (string, error) {
	r.settle()
	var scan headScan
	for {
		end, err := scan.next(r.Buffered(), &r.limits)
		if err != nil {
			return "", err
		}
		if end > 0 {
			return string(r.Buffered()[:end]), nil
		}
		empty := r.r == r.w
		if err := r.Fill(); err != nil {
			if empty {
				return "", err
			}
			return "", truncated(err)
		}
	}
}

// headScan looks for the empty line that ends a head. It looks at each byte
// once, however small the pieces are in which the head arrives.
type headScan struct {
	line int // where the line begins whose end has not come
	seen int // how much has been searched
}

// next goes on with p, the head as far as it came. It returns the length of the
// head, or 0 if its end has not come.
func (s *headScan) next(p []byte, limits *Limits) (int, error) {
	for {
		end := len(p)
		i := bytes.IndexByte(p[s.seen:], '\n')
		if i >= 0 {
			end = s.seen + i + 1
		}
		s.seen = end
		if err := s.check(limits); err != nil {
			return 0, err
		}
		if i < 0 {
			return 0, nil
		}
		if line := p[s.line:end]; len(line) == 1 || len(line) == 2 && line[0] == '\r' {
			return end, nil
		}
		s.line = end
	}
}

// check holds the line that was searched last, as far as it came, against the
// limits.
func (s *headScan) check(limits *Limits) error {
	length := s.seen - s.line
	switch {
	case s.line == 0 && length > limits.StartLine:
		return badf(414, "start line longer than %d bytes", limits.StartLine)
	case s.line > 0 && length > limits.Field:
		return badf(431, "field line longer than %d bytes", limits.Field)
	case s.seen > limits.Head:
		return badf(431, "head longer than %d bytes", limits.Head)
	}
	return nil
}

// HasHead reports whether p begins with a whole head, so that reading it will
// not wait. Empty lines before a request are not taken for its end. It may miss
// a head whose line ends are mixed.
func HasHead(p []byte) bool {
	p = bytes.TrimLeft(p, "\r\n")
	return bytes.Contains(p, []byte("\r\n\r\n")) || bytes.Contains(p, []byte("\n\n"))
}

// cutLine splits text behind its first line, which it returns with and without
// its line end.
func cutLine(text string) (line, content, rest string) {
	i := strings.IndexByte(text, '\n')
	line, rest = text[:i+1], text[i+1:]
	content = strings.TrimSuffix(line[:i], "\r")
	return line, content, rest
}

// fieldRules says how the fields of a kind of section are read.
type fieldRules struct {
	// repair joins folded lines and removes white space before the colon, as a
	// proxy must in responses (RFC 9112 sections 5.1 and 5.2); without it both
	// are errors.
	repair bool
	max    int
}

// parseFields parses text, field lines up to and including the empty line.
func parseFields(text string, rules fieldRules) (traffic.Fields, error) {
	n := strings.Count(text, "\n") - 1
	if n > rules.max {
		return nil, badf(431, "more than %d fields", rules.max)
	}
	if n <= 0 {
		return nil, nil
	}
	fields := make(traffic.Fields, 0, n)
	for {
		line, content, rest := cutLine(text)
		if content == "" {
			return fields, nil
		}
		more := continuation(rest)
		f, err := parseField(line, content, more, rules)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
		text = rest[len(more):]
	}
}

// continuation returns the lines at the start of text that begin with white
// space: they belong to the field before them (obs-fold, RFC 9112 section 5.2).
func continuation(text string) string {
	n := 0
	for isBlank(text[n]) {
		n += strings.IndexByte(text[n:], '\n') + 1
	}
	return text[:n]
}

// parseField parses one field: its line, with and without the line end, and the
// lines that continue it.
func parseField(line, content, more string, rules fieldRules) (traffic.Field, error) {
	name, value, ok := strings.Cut(content, ":")
	if !ok {
		return traffic.Field{}, badf(400, "field line without colon: %.80q", content)
	}
	if more != "" && !rules.repair {
		return traffic.Field{}, badf(400, "folded field line %.80q", content)
	}
	if more != "" {
		line, value = "", unfold(value, more)
	}
	if rules.repair && name != "" && isBlank(name[len(name)-1]) {
		name, line = strings.TrimRight(name, " \t"), ""
	}
	if !isToken(name) {
		return traffic.Field{}, badf(400, "invalid field name %.80q", name)
	}
	value = trimSpace(value)
	if i := invalidValueByte(value); i >= 0 {
		return traffic.Field{}, badf(400, "field %.80s has the byte 0x%02x", name, value[i])
	}
	return traffic.WireField(name, value, line), nil
}

// unfold joins a value and the lines that continue it with single spaces, in
// place of the line ends and the white space around them.
func unfold(value, more string) string {
	var joined strings.Builder
	joined.WriteString(trimSpace(value))
	for more != "" {
		var content string
		_, content, more = cutLine(more)
		if content = trimSpace(content); content != "" {
			joined.WriteByte(' ')
			joined.WriteString(content)
		}
	}
	return joined.String()
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trimSpace removes optional white space (RFC 9110 section 5.6.3) on both ends.
func trimSpace(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// invalidValueByte returns the index of the first byte that a field value or a
// reason phrase must not have: controls other than tab. Bytes of 0x80 and above
// are allowed (obs-text).
func invalidValueByte(s string) int {
	i := 0
	for i+8 <= len(s) && isPlain(s[i:]) {
		i += 8
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return i
		}
	}
	return -1
}

// isPlain reports whether there is no control among the first eight bytes of s,
// looking at all of them at once: values are most of a head.
func isPlain(s string) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080
	word := binary.LittleEndian.Uint64([]byte(s[:8]))
	control := (word - ' '*each) &^ word // has the top bit of a byte below space
	word ^= 0x7f * each
	del := (word - each) &^ word
	return (control|del)&top == 0
}

// isToken reports whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenByte = func() (t [256]bool) {
	for c := range t {
		alpha := 'a' <= c|0x20 && c|0x20 <= 'z'
		t[c] = alpha || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return t
}()
