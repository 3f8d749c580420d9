package replay

import (
	"errors"
	"io"

	"github.com/necto-dev/necto/internal/coding"
	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// filter leaves the exchange of a line out if Options.Filter does not select it.
func (l *loader) filter(r *row, f *record.File, line record.Line) error {
	selected := false
	if quick := l.opts.Filter.Prefilter(); quick == nil || quick.MayMatch(line.Raw) {
		entry, err := record.ParseEntry(line.Raw)
		if err != nil {
			return err
		}
		selected = l.opts.Filter.Match(subjectOf(f, entry, l.opts.Protos))
	}
	if !selected {
		r.state = left
		delete(l.hearings, line.ID)
	}
	return nil
}

// subjectOf returns what a filter looks at.
func subjectOf(f *record.File, entry *record.Entry, protos *protoset.Set) *filter.Subject {
	x := entry.Exchange(f)
	return &filter.Subject{
		Exchange: x, Pending: entry.Type == record.TypePending, Session: f.Meta().Session,
		Content: protos.Content(x, func(dir traffic.Direction) []byte {
			body := entry.Request.Body
			if dir == traffic.ServerToClient {
				if entry.Response == nil {
					return nil
				}
				body = entry.Response.Body
			}
			content, err := readBody(f, body)
			if err != nil {
				return nil // what is not there cannot match
			}
			return content
		}),
	}
}

// readBody reads a body, at most as much as is compared.
func readBody(f *record.File, b *record.EntryBody) ([]byte, error) {
	r, err := f.OpenBody(b)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(r, coding.MaxDecoded))
	return content, errors.Join(err, r.Close())
}
