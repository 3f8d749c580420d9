package export

import (
	"bufio"
	"regexp"
	"strings"
)

// rest writes a .http file.
type rest struct{}

// special is what REST clients take for something else than content: the next
// request, a file to send, a script or a file for the answer.
var special = regexp.MustCompile(`(?m)^(###|<@? |<@|< ?\{%|>>?!? )`)

func (rest) begin(*bufio.Writer) {}

func (rest) end(*bufio.Writer) {}

func (rest) request(w *bufio.Writer, r *request) error {
	if r.err != nil {
		return r.err
	}
	_, _ = w.WriteString("### " + r.title() + "\n" + r.method + " " + escapeTarget(r.url) + "\n")
	for _, f := range r.header {
		_, _ = w.WriteString(f.Name + ": " + f.Value + "\n")
	}
	switch {
	case r.body == nil:
	case r.isText && !special.MatchString(r.text):
		_, _ = w.WriteString("\n" + r.text + "\n")
	default:
		r.say("its content cannot be written in a .http file and is left out")
	}
	_, _ = w.WriteString("\n")
	return nil
}

var targetEscaper = strings.NewReplacer(" ", "%20", "\t", "%09", "\r", "%0D", "\n", "%0A")

// escapeTarget keeps a URL on its line: in a request line what follows a space is
// the version.
func escapeTarget(url string) string { return targetEscaper.Replace(url) }
