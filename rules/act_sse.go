package rules

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// stream returns an answer that is a stream of events, which come when their time
// has. It ends with ctx.
func (m *Mock) stream(ctx context.Context, status int, header traffic.Fields, t *filler) (*traffic.Response, error) {
	events := make([]timedPiece, len(m.SSE))
	for i, e := range m.SSE {
		data, err := t.fillIf(m.Template, e.Data)
		if err != nil {
			return nil, err
		}
		events[i] = timedPiece{after: time.Duration(e.After), text: e.text(data)}
	}
	if !header.Has("Content-Type") {
		header.Add("Content-Type", "text/event-stream")
	}
	if !header.Has("Cache-Control") {
		header.Add("Cache-Control", "no-store")
	}
	header = header.Without(lengthFields...)
	reason := m.Reason
	if reason == "" {
		reason = http.StatusText(status)
	}
	return &traffic.Response{
		Status: status, Reason: reason, Header: header, Source: traffic.SourceRule,
		Body: &timedBody{ctx: ctx, pieces: events}, Length: -1,
	}, nil
}

// lineEnds are those of the format, in the form of one.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// text returns an event as it is sent (HTML standard, section 9.2.5).
func (e *SSEvent) text(data string) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + oneLine(value) + "\n")
		}
	}
	field("event", e.Event)
	field("id", e.ID)
	for line := range strings.SplitSeq(lineEnds.Replace(data), "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteByte('\n')
	return b.String()
}
