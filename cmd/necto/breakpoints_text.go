package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/traffic"
)

// maxHitContent is the most content in bytes that is shown to be edited.
const maxHitContent = 8 << 20

// framingFields are left out of what is edited: they follow from the content.
var framingFields = []string{"Content-Length", "Transfer-Encoding"}

// hitText is what a breakpoint holds as text that people edit: as HTTP/1.1 writes
// it, with comment lines in front. Content coding is undone, and what is not text
// is in base64. Of a message of a WebSocket connection there is only the content.
type hitText struct {
	hit *traffic.Hit
	// start is the request or status line, "" for a message.
	start  string
	header traffic.Fields // without framingFields
	// content is what can be edited, base64 says how it is written.
	content []byte
	base64  bool
	// fixed says why the content cannot be edited, "" if it can be.
	fixed string
}

// newHitText returns the text of a hit.
func newHitText(hit *traffic.Hit) *hitText {
	t := &hitText{hit: hit, fixed: hit.Fixed}
	var body *traffic.Body
	switch hit.Phase {
	case traffic.PhaseFrame:
		t.content = hit.Frame.Payload
		t.base64 = hit.Frame.Opcode != traffic.OpText && !isPlain(t.content)
		return t
	case traffic.PhaseResponse:
		t.start = strings.TrimSpace(fmt.Sprintf("HTTP/1.1 %d %s", hit.Response.Status, hit.Response.Reason))
		t.header, body = hit.Response.Header, hit.ResponseBody
	default:
		t.start = hit.Request.Method + " " + hit.Request.URL.String() + " HTTP/1.1"
		t.header, body = hit.Request.Header, hit.RequestBody
	}
	if t.fixed == "" {
		var err error
		if t.content, err = decodedContent(body, t.header); err != nil {
			t.fixed = err.Error()
		}
	}
	t.header = t.header.Without(framingFields...)
	t.base64 = !isPlain(t.content)
	return t
}

// newMockText returns a text to begin an answer to a hit with.
func newMockText(hit *traffic.Hit) *hitText {
	return &hitText{
		hit: hit, start: "HTTP/1.1 200 OK",
		header: traffic.Fields{{Name: "Content-Type", Value: "application/json"}}, content: []byte("{}\n"),
	}
}

// decodedContent returns all of a body, which may be nil, with its content coding
// undone.
func decodedContent(b *traffic.Body, header traffic.Fields) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	if b.Truncated() {
		return nil, errors.New("the body is not all here")
	}
	codings := coding.Parse(header.Values("Content-Encoding"))
	if _, _, done := b.Decoded(); done {
		codings = nil
	}
	if len(codings) == 0 || b.Size() == 0 {
		return io.ReadAll(b.Open())
	}
	return coding.Decoded(codings, b.Open(), maxHitContent)
}

// isPlain reports whether content can be edited as text.
func isPlain(content []byte) bool {
	return utf8.Valid(content) && !bytes.ContainsFunc(content, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
	})
}

// base64Line is how many characters of base64 are on a line.
const base64Line = 76

// render returns the text, with comments in front, a line each.
func (t *hitText) render(comments ...string) []byte {
	var b bytes.Buffer
	for _, c := range comments {
		fmt.Fprintf(&b, "# %s\n", oneLine(c))
	}
	switch {
	case t.fixed != "":
		fmt.Fprintf(&b, "# The body cannot be edited: %s\n", oneLine(t.fixed))
	case t.base64:
		b.WriteString("# The content is in base64.\n")
	}
	if t.start != "" {
		b.WriteString(t.start + "\n")
	}
	for _, f := range t.header {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	if t.fixed != "" {
		return b.Bytes()
	}
	b.WriteByte('\n')
	if !t.base64 {
		b.Write(t.content)
		return b.Bytes()
	}
	text := base64.StdEncoding.EncodeToString(t.content)
	for len(text) > 0 {
		n := min(base64Line, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.Bytes()
}

// textError is a mistake in an edited text.
type textError struct {
	line int // from 1
	text string
}

func (e *textError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

// parsedText is an edited text.
type parsedText struct {
	start     string
	startLine int
	header    traffic.Fields
	content   []byte
}

// parse reads a text that was rendered and then edited.
func (t *hitText) parse(text []byte) (*parsedText, error) {
	var p parsedText
	lines := lineReader{rest: text}
	line, ok := lines.next()
	for ok && strings.HasPrefix(line, "#") {
		line, ok = lines.next()
	}
	if t.start != "" {
		for ok && line == "" {
			line, ok = lines.next()
		}
		if !ok {
			return nil, &textError{max(1, lines.number), "there is no message"}
		}
		p.start, p.startLine = line, lines.number
		line, ok = lines.next()
	}
	for ; ok && line != ""; line, ok = lines.next() {
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || t.start == "" {
			return nil, &textError{lines.number, fmt.Sprintf("%.60q is no header field; an empty line is in front of the content", line)}
		}
		p.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	var err error
	if p.content, err = t.parseContent(lines.rest); err != nil {
		return nil, &textError{lines.number + 1, err.Error()}
	}
	return &p, nil
}

// parseContent reads the content. Editors end the last line, which is no edit.
func (t *hitText) parseContent(rest []byte) ([]byte, error) {
	if t.fixed != "" {
		if len(bytes.TrimSpace(rest)) > 0 {
			return nil, errors.New("the body cannot be edited: " + t.fixed)
		}
		return nil, nil
	}
	if t.base64 {
		content, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(rest), nil)))
		if err != nil {
			return nil, fmt.Errorf("the content is not base64: %w", err)
		}
		return content, nil
	}
	if !bytes.HasSuffix(t.content, []byte("\n")) {
		rest = bytes.TrimSuffix(bytes.TrimSuffix(rest, []byte("\n")), []byte("\r"))
	}
	return bytes.Clone(rest), nil
}

// resume returns what a text says that was edited: how the hit goes on.
func (t *hitText) resume(text []byte) (traffic.Resume, error) {
	r := traffic.Resume{Action: traffic.ResumeContinue}
	p, err := t.parse(text)
	if err != nil {
		return r, err
	}
	if t.start == "" {
		if !bytes.Equal(p.content, t.content) {
			r.Payload = append([]byte{}, p.content...)
		}
		return r, nil
	}
	e := new(traffic.Edit)
	if p.start != t.start {
		if err := t.editStart(e, p); err != nil {
			return r, err
		}
	}
	e.Set, e.Remove = changedFields(t.header, p.header)
	if t.fixed == "" && !bytes.Equal(p.content, t.content) {
		e.Body, e.HasBody = p.content, true
	}
	if t.hit.Phase == traffic.PhaseResponse {
		r.Response = e
	} else {
		r.Request = e
	}
	return r, nil
}

// editStart reads a request or status line that has changed.
func (t *hitText) editStart(e *traffic.Edit, p *parsedText) error {
	if t.hit.Phase == traffic.PhaseResponse {
		return parseStatusLine(e, p)
	}
	words := strings.Fields(p.start)
	if len(words) == 3 && strings.HasPrefix(words[2], "HTTP/") {
		words = words[:2]
	}
	if len(words) != 2 {
		return &textError{p.startLine, fmt.Sprintf("%.60q is not METHOD URL", p.start)}
	}
	if _, err := traffic.ParseURL(words[1]); err != nil {
		return &textError{p.startLine, err.Error()}
	}
	if words[0] != t.hit.Request.Method {
		e.Method = words[0]
	}
	if words[1] != t.hit.Request.URL.String() {
		e.URL = words[1]
	}
	return nil
}

func parseStatusLine(e *traffic.Edit, p *parsedText) error {
	_, rest, _ := strings.Cut(p.start, " ")
	code, reason, _ := strings.Cut(rest, " ")
	if _, err := fmt.Sscanf(code, "%d", &e.Status); err != nil || len(code) != 3 || !strings.HasPrefix(p.start, "HTTP/") {
		return &textError{p.startLine, fmt.Sprintf("%.60q is not HTTP/1.1 STATUS REASON", p.start)}
	}
	if reason != http.StatusText(e.Status) {
		e.Reason = reason
	}
	return nil
}

// changedFields returns what makes fields of after out of those of before.
func changedFields(before, after traffic.Fields) (set traffic.Fields, remove []string) {
	seen := map[string]bool{}
	for _, fields := range []traffic.Fields{after, before} {
		for _, f := range fields {
			name := strings.ToLower(f.Name)
			if seen[name] {
				continue
			}
			seen[name] = true
			values := after.Values(f.Name)
			switch {
			case values == nil:
				remove = append(remove, f.Name)
			case !equalTexts(values, before.Values(f.Name)):
				for _, v := range values {
					set.Add(f.Name, v)
				}
			}
		}
	}
	return set, remove
}

func equalTexts(a, b []string) bool {
	return len(a) == len(b) && strings.Join(a, "\n") == strings.Join(b, "\n")
}

// mock returns the answer that a text says.
func (t *hitText) mock(text []byte) (traffic.Resume, error) {
	r := traffic.Resume{Action: traffic.ResumeMock}
	p, err := t.parse(text)
	if err != nil {
		return r, err
	}
	r.Mock = &traffic.Edit{Set: p.header, Body: p.content, HasBody: true}
	return r, parseStatusLine(r.Mock, p)
}

// lineReader takes lines off a text, without their ends.
type lineReader struct {
	rest   []byte
	number int // of the line read last, from 1
}

func (l *lineReader) next() (line string, ok bool) {
	if len(l.rest) == 0 {
		return "", false
	}
	first, rest, _ := bytes.Cut(l.rest, []byte("\n"))
	l.rest = rest
	l.number++
	return strings.TrimSuffix(string(first), "\r"), true
}
