package h1

import (
	"bytes"
	"strings"

	"github.com/necto-dev/necto/traffic"
)

// readHead waits for a whole head and returns its text, from the start line to
// the empty line. io.EOF means that the connection ended before its first byte.
func (r *Reader) readHead() (string, error) {
	r.settle()
	scanned := 0
	for {
		end, lineStart, err := r.findHeadEnd(scanned)
		if err != nil {
			return "", err
		}
		if end > 0 {
			head := string(r.buf[r.r : r.r+end])
			r.Discard(end)
			return head, nil
		}
		scanned = lineStart
		empty := r.r == r.w
		if err := r.Fill(); err != nil {
			if empty {
				return "", err
			}
			return "", truncated(err)
		}
	}
}

// findHeadEnd looks for the empty line that ends the head, beginning at a line
// start. It returns the length of the head, or 0 and the start of the last line
// that is not complete.
func (r *Reader) findHeadEnd(from int) (end, lineStart int, err error) {
	p := r.Buffered()
	for lineStart = from; ; {
		i := bytes.IndexByte(p[lineStart:], '\n')
		length := i
		if i < 0 {
			length = len(p) - lineStart
		}
		if err := r.checkLength(lineStart, length); err != nil {
			return 0, 0, err
		}
		if i < 0 {
			return 0, lineStart, nil
		}
		if i == 0 || i == 1 && p[lineStart] == '\r' {
			return lineStart + i + 1, 0, nil
		}
		lineStart += i + 1
	}
}

// checkLength holds a line of the given length, which begins at start, against
// the limits.
func (r *Reader) checkLength(start, length int) error {
	switch {
	case start == 0 && length > r.limits.StartLine:
		return badf(414, "start line longer than %d bytes", r.limits.StartLine)
	case start > 0 && length > r.limits.Field:
		return badf(431, "field line longer than %d bytes", r.limits.Field)
	case start+length > r.limits.Head:
		return badf(431, "head longer than %d bytes", r.limits.Head)
	}
	return nil
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
		var line, content string
		line, content, text = cutLine(text)
		if content == "" {
			return fields, nil
		}
		if content[0] == ' ' || content[0] == '\t' {
			if err := unfold(fields, content, rules); err != nil {
				return nil, err
			}
			continue
		}
		f, err := parseField(line, content, rules)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
}

func parseField(line, content string, rules fieldRules) (traffic.Field, error) {
	name, value, ok := strings.Cut(content, ":")
	if !ok {
		return traffic.Field{}, badf(400, "field line without colon: %.80q", content)
	}
	if trimmed := strings.TrimRight(name, " \t"); rules.repair && trimmed != name {
		name, line = trimmed, ""
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

// unfold adds an obsolete continuation line to the last field.
func unfold(fields traffic.Fields, content string, rules fieldRules) error {
	if !rules.repair || len(fields) == 0 {
		return badf(400, "folded field line")
	}
	if i := invalidValueByte(content); i >= 0 {
		return badf(400, "folded field line has the byte 0x%02x", content[i])
	}
	last := &fields[len(fields)-1]
	*last = traffic.Field{Name: last.Name, Value: strings.TrimLeft(last.Value+" "+trimSpace(content), " ")}
	return nil
}

// trimSpace removes optional white space (RFC 9110 section 5.6.3) on both ends.
func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// invalidValueByte returns the index of the first byte that a field value or a
// reason phrase must not have: controls other than tab. Bytes of 0x80 and above
// are allowed (obs-text).
func invalidValueByte(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return i
		}
	}
	return -1
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
