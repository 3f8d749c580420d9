package tail

import (
	"strconv"
	"strings"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// exchange fills the row for an exchange.
func (p *printer) exchange(it *item) error {
	e, err := it.entry()
	if err != nil {
		return err
	}
	p.stamp(e.At)
	h := head{method: e.Request.Method, status: noStatus, size: unknown, duration: durationText(e.Duration)}
	if e.Response != nil {
		h.status, h.style = strconv.Itoa(e.Response.Status), p.styles.status(e.Response.Status)
		if e.Response.Body != nil {
			h.size = sizeText(e.Response.Body.Size)
		}
	}
	var notes []string
	switch {
	case e.Failure != nil:
		h.status, h.style = "ERR", p.styles.bad
		notes = append(notes, failureText(e.Failure))
	case e.Type == record.TypePending:
		h.status, h.style, h.duration = "...", p.styles.dim, unknown
		notes = append(notes, "not ended")
	}
	url := e.Request.URL
	if isCall(e) {
		url, notes = p.call(&h, e, notes)
	}
	p.request(h, url, append(notes, p.marksOf(e)...))
	p.details(it, e)
	return nil
}

// markWords are the keywords of the filter language that an exchange is marked
// with.
var markWords = [...]string{"mocked", "replayed", "modified"}

// newMarks returns a filter for each mark.
func newMarks() (marks [len(markWords)]*filter.Filter) {
	for i, word := range markWords {
		f, err := filter.Parse(word)
		if err != nil {
			panic(err) // they are keywords
		}
		marks[i] = f
	}
	return marks
}

// marksOf says what is special about an exchange.
func (p *printer) marksOf(e *record.Entry) []string {
	var notes []string
	if len(e.Rules) > 0 || len(e.Tags) > 0 { // without them it has none of the marks
		subject := &filter.Subject{Exchange: e.Exchange(nil)}
		for i, mark := range p.marks {
			if mark.Match(subject) {
				notes = append(notes, markWords[i])
			}
		}
	}
	for _, rule := range e.Rules {
		notes = append(notes, "rule "+rule)
	}
	for _, tag := range e.Tags {
		if tag != filter.TagReplayed {
			notes = append(notes, "tag "+tag)
		}
	}
	if r := e.Response; r != nil {
		if isStreamed(r) && !isCall(e) {
			notes = append(notes, "streaming")
		}
		if r.Body != nil && r.Body.Truncated {
			notes = append(notes, "cut")
		}
	}
	return notes
}

// isStreamed reports whether a body came in pieces, or is made to.
func isStreamed(r *record.EntryResponse) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") || r.Body != nil && len(r.Body.Chunks) > 0
}

func failureText(f *traffic.Failure) string {
	text := string(f.Kind)
	if f.Side != "" {
		text += ", " + string(f.Side)
	}
	if f.Text != "" {
		text += ": " + f.Text
	}
	return text
}
