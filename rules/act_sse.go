package rules

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/necto-dev/necto/traffic"
)

// stream returns an answer that is a stream of events, which come when their time
// has.
func (m *Mock) stream(status int, header traffic.Fields, fill func(string) (string, error)) (*traffic.Response, error) {
	events := make([]string, len(m.SSE))
	for i, e := range m.SSE {
		data, err := fill(e.Data)
		if err != nil {
			return nil, err
		}
		events[i] = e.text(data)
	}
	if !header.Has("Content-Type") {
		header.Add("Content-Type", "text/event-stream")
	}
	if !header.Has("Cache-Control") {
		header.Add("Cache-Control", "no-store")
	}
	reason := m.Reason
	if reason == "" {
		reason = http.StatusText(status)
	}
	return &traffic.Response{
		Status: status, Reason: reason, Header: header, Source: traffic.SourceRule, Length: -1,
		Body: &eventBody{events: events, gaps: m.SSE, closed: make(chan struct{})},
	}, nil
}

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
	for line := range strings.SplitSeq(strings.ReplaceAll(data, "\r\n", "\n"), "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteByte('\n')
	return b.String()
}

// eventBody is a body of events. One goroutine reads it; Close ends a Read.
type eventBody struct {
	events []string
	gaps   []SSEvent
	next   int
	rest   string // of the event that is being read
	closed chan struct{}
}

// Read waits for the next event.
func (b *eventBody) Read(p []byte) (int, error) {
	if b.rest == "" {
		if b.next == len(b.events) {
			return 0, io.EOF
		}
		if !b.wait(time.Duration(b.gaps[b.next].After)) {
			return 0, io.ErrClosedPipe
		}
		b.rest = b.events[b.next]
		b.next++
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// wait reports whether the body was still wanted after a time.
func (b *eventBody) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-b.closed:
		return false
	}
}

// Close ends the stream.
func (b *eventBody) Close() error {
	select {
	case <-b.closed:
	default:
		close(b.closed)
	}
	return nil
}
