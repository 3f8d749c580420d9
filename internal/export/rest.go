package export

import (
	"bufio"
	"regexp"
	"strings"
)

// rest writes a .http file.
type rest struct{}

// space is what white space is in JavaScript, in which REST clients are written.
const space = `\s\v\p{Z}\x{feff}`

// special is what REST clients take for something else than content, wherever a
// line begins: the next request, a file to send, a script or a file for the answer.
var special = regexp.MustCompile(`(^|[\r\n])[` + space + `]*(###|<[` + space + `@{>]|>[` + space + `>!{])`)

// hasVariable reports whether REST clients would put something else in the place of
// a part of text: {{name}} may be a secret of theirs.
func hasVariable(text string) bool {
	return strings.Contains(strings.ReplaceAll(text, mark, ""), "{{")
}

func (rest) begin(*bufio.Writer) {}

func (rest) end(*bufio.Writer) {}

func (rest) request(w *bufio.Writer, r *request) error {
	if r.err != nil {
		return r.err
	}
	_, _ = w.WriteString("### " + r.title() + "\n" + r.method + " " + escapeTarget(r.url) + "\n")
	for _, f := range r.header {
		if hasVariable(f.Value) {
			r.say("the field " + f.Name + " has {{, which means something in a .http file, and is left out")
			continue
		}
		_, _ = w.WriteString(f.Name + ": " + f.Value + "\n")
	}
	switch {
	case r.body == nil:
	case r.isText && !special.MatchString(r.text) && !hasVariable(r.text):
		_, _ = w.WriteString("\n" + r.text + "\n")
	default:
		r.say("its content cannot be written in a .http file and is left out")
	}
	_, _ = w.WriteString("\n")
	return nil
}

var (
	targetEscaper   = strings.NewReplacer(" ", "%20", "\t", "%09", "\r", "%0D", "\n", "%0A", "\u2028", "%E2%80%A8", "\u2029", "%E2%80%A9")
	variableEscaper = strings.NewReplacer(mark, mark, "{{", "%7B%7B")
)

// escapeTarget keeps a URL on its line, in which what follows a space is the
// version, and variables out of it.
func escapeTarget(url string) string { return variableEscaper.Replace(targetEscaper.Replace(url)) }
