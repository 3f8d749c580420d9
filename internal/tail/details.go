package tail

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// details appends the header fields and the content of an exchange, if they are
// asked for: lines with > are of the request, those with < of the response.
func (p *printer) details(it *item, e *record.Entry) {
	decoded := p.o.Protos != nil && isCall(e)
	if p.o.Headers || p.o.Body && !decoded {
		p.bothSides(it, e, p.o.Body && !decoded)
	}
	if decoded {
		p.messages(it, e)
	}
}

// bothSides appends request and response, with their content if bodies is true.
func (p *printer) bothSides(it *item, e *record.Entry, bodies bool) {
	request := message{p: p, sign: p.styles.client.Sprint(">"), source: it.source, bodies: bodies}
	q := &e.Request
	request.show(q.Method+" "+q.URL+" "+q.Proto, q.Header, q.Body, q.Trailer)
	r := e.Response
	if r == nil {
		return
	}
	response := message{p: p, sign: p.styles.server.Sprint("<"), source: it.source, bodies: bodies}
	for _, info := range r.Informational {
		response.showHead(statusLine(&info), info.Header)
	}
	response.show(statusLine(r), r.Header, r.Body, r.Trailer)
}

func statusLine(r *record.EntryResponse) string {
	return strings.TrimSpace(r.Proto + " " + strconv.Itoa(r.Status) + " " + r.Reason)
}

// message prints a request or a response below the line of its exchange.
type message struct {
	p      *printer
	sign   string
	source Source
	bodies bool
}

func (m message) show(start string, header traffic.Fields, body *record.EntryBody, trailer traffic.Fields) {
	m.showHead(start, header)
	if m.bodies && body != nil && body.Size > 0 {
		if m.p.o.Headers {
			m.line("")
		}
		m.content(body)
	}
	if m.p.o.Headers && len(trailer) > 0 {
		m.line("")
		m.fields(trailer)
	}
}

// showHead prints a start line and header fields.
func (m message) showHead(start string, header traffic.Fields) {
	if m.p.o.Headers {
		m.line(start)
		m.fields(header)
	}
}

func (m message) fields(fields traffic.Fields) {
	for _, f := range fields {
		m.line(f.Name + ": " + f.Value)
	}
}

// line prints one line.
func (m message) line(s string) {
	m.p.row.text = append(m.p.row.text, "\n"+prettyPrefix+m.sign...)
	if s != "" {
		m.p.row.text = appendSafe(append(m.p.row.text, ' '), s)
	}
}

// content prints a body: text as it is, of anything else what it is.
func (m message) content(b *record.EntryBody) {
	content, err := readContent(m.source, b)
	if err != nil {
		m.line("(" + err.Error() + ")")
		return
	}
	pretty, isPretty := []byte(nil), false
	if m.p.o.Pretty {
		pretty, isPretty = indented(content)
	}
	switch {
	case isPretty:
		m.text(pretty)
	case isText(content):
		m.text(content)
	default:
		m.binary(b, content)
	}
	if b.Truncated {
		m.line("(cut, " + sizeText(b.Size) + " in all)")
	} else if int64(len(content)) < b.Size {
		m.line("(" + sizeText(b.Size-int64(len(content))) + " more)")
	}
}

// text prints text, without the line end that files have at their end.
func (m message) text(content []byte) {
	for line := range strings.SplitSeq(strings.TrimSuffix(string(content), "\n"), "\n") {
		m.line(strings.TrimSuffix(line, "\r"))
	}
}

func (m message) binary(b *record.EntryBody, content []byte) {
	about := "BINARY " + sizeText(b.Size)
	if kind := detect(content); kind != "" {
		about += ", " + kind
	}
	m.line(about)
	if m.p.o.Hex {
		for line := range strings.Lines(hex.Dump(content)) {
			m.line(strings.TrimSuffix(line, "\n"))
		}
	}
}
