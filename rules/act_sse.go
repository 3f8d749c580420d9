package rules

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// stream returns an answer that is a stream of events, which come when their time
// has. It ends with ctx.
func (m *Mock) stream(ctx context.Context, status int, header traffic.Fields, t *filler) (*traffic.Response, error) {
	events := make([]timedEvent, len(m.SSE))
	for i, e := range m.SSE {
		data, err := t.fillIf(m.Template, e.Data)
		if err != nil {
			return nil, err
		}
		events[i] = timedEvent{after: time.Duration(e.After), text: e.text(data)}
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
		Body: &eventBody{ctx: ctx, events: events}, Length: -1,
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

// timedEvent is an event as it is sent, and the time from the one before it.
type timedEvent struct {
	after time.Duration
	text  string
}

// eventBody is a body of events. It is read by one goroutine.
type eventBody struct {
	ctx    context.Context // of the exchange
	events []timedEvent    // those to come
	rest   string          // of the event that is being read
}

// Read waits for the next event.
func (b *eventBody) Read(p []byte) (int, error) {
	if b.rest == "" {
		if len(b.events) == 0 {
			return 0, io.EOF
		}
		next := b.events[0]
		if err := sleep(b.ctx, next.after); err != nil {
			return 0, err
		}
		b.events, b.rest = b.events[1:], next.text
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close ends the stream.
func (b *eventBody) Close() error {
	b.events, b.rest = nil, ""
	return nil
}
