package tail

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// Format is a template of package text/template that is applied to a View of each
// line. It may be used by many goroutines.
type Format struct{ template *template.Template }

// ParseFormat reads a template. One that asks for what a View does not have is
// refused.
func ParseFormat(text string) (*Format, error) {
	t, err := template.New("format").Parse(text)
	if err != nil {
		return nil, err
	}
	sample := View{Rules: []string{""}, Tags: []string{""}}
	if err := t.Execute(io.Discard, &sample); err != nil {
		return nil, err
	}
	return &Format{template: t}, nil
}

// View is what a template sees of a line. What a line does not say is the zero
// value. For a terminal all text is escaped.
type View struct {
	// Type is that of the line: http, http.pending, ws.open, ws.frame, ws.close,
	// tls or tunnel. Source is the name of the recording, "" if there is only one.
	Type, Source string
	// Time is when it began, in local time. For a frame it is when that had been
	// read, and for the end of a connection when that was.
	Time time.Time
	// ID is the number of the exchange, Conn that of the client's connection.
	ID, Conn uint64

	// These are of the request; frames and the end of a connection have those of
	// the handshake. URL has the scheme ws or wss then. Path and Query are as
	// sent, Query without the question mark.
	Method, URL, Scheme, Host, Path, Query, Proto string
	// Status is 0 and Reason "" if there was no answer. For the end of a
	// connection Reason is that of the close frame, and Code the close code.
	Status, Code int
	Reason       string
	// ContentType is the media type of the response, without parameters.
	ContentType string
	// RequestSize and Size are the content of request and response in bytes,
	// codings undone. Of a frame, Size is its content.
	RequestSize, Size int64
	// Duration is how long it took in all.
	Duration time.Duration
	// Client and Server are ip:port, Error is why it failed.
	Client, Server, Error string
	// Rules and Tags are what changed or answered it, and its labels.
	Rules, Tags []string

	// Frame is the number of a frame in its connection, from 1. Direction is
	// client-to-server or server-to-client, Opcode the name of its type.
	Frame             uint64
	Direction, Opcode string

	terminal      bool
	exchange      *traffic.Exchange
	request, body *record.EntryBody // body is of the response, or of a frame
	source        Source
}

// clean returns text as it may be printed.
func (v *View) clean(s string) string {
	if v.terminal {
		return Safe(s)
	}
	return s
}

// RequestHeader returns the value of the first field of that name, "" for none.
func (v *View) RequestHeader(name string) string {
	if v.exchange == nil || v.exchange.Request == nil {
		return ""
	}
	return v.clean(v.exchange.Request.Header.Get(name))
}

// ResponseHeader returns the value of the first field of that name, "" for none.
func (v *View) ResponseHeader(name string) string {
	if v.exchange == nil || v.exchange.Response == nil {
		return ""
	}
	return v.clean(v.exchange.Response.Header.Get(name))
}

// RequestBody returns the content of the request, "" for none.
func (v *View) RequestBody() (string, error) { return v.content(v.request) }

// Body returns the content of the response or of a frame, "" for none.
func (v *View) Body() (string, error) { return v.content(v.body) }

// content returns content, over as many lines as it has.
func (v *View) content(b *record.EntryBody) (string, error) {
	content, err := readContent(v.source, b)
	if err != nil || !v.terminal {
		return string(content), err
	}
	lines := strings.SplitAfter(string(content), "\n")
	for i, line := range lines {
		text, end := strings.CutSuffix(line, "\n")
		if lines[i] = Safe(text); end {
			lines[i] += "\n"
		}
	}
	return strings.Join(lines, ""), nil
}

// formatPrinter prints what a template makes of the lines of one source.
type formatPrinter struct {
	o      *Options
	out    *output
	source string
	text   bytes.Buffer // scratch
}

// print prints a line. One that a template makes nothing of is left out.
func (p *formatPrinter) print(it *item) error {
	v, err := p.view(it)
	if v == nil || err != nil {
		return err
	}
	p.text.Reset()
	if err := p.o.Format.template.Execute(&p.text, v); err != nil {
		return fmt.Errorf("line at byte %d: %w", it.Offset, err)
	}
	if p.text.Len() == 0 {
		return nil
	}
	return p.out.writeLine(p.text.Bytes())
}
