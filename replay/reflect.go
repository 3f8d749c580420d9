package replay

import (
	"fmt"

	"github.com/necto-dev/necto/internal/protoset"
	"github.com/necto-dev/necto/record"
)

// reflect notes the descriptors that a server has told in a call of its reflection
// service. What cannot be read describes nothing.
func (l *loader) reflect(f *record.File, line record.Line) {
	entry, err := record.ParseEntry(line.Raw)
	if err != nil || entry.Response == nil || entry.Response.Body == nil {
		return
	}
	body, err := f.OpenBody(entry.Response.Body)
	if err != nil {
		l.opts.Log.Warn("recorded reflection cannot be read", "exchange", line.ID, "err", err)
		return
	}
	defer body.Close()
	l.reflected = append(l.reflected, protoset.Reflected(body, entry.Response.Header)...)
}

// describe gives the calls that were loaded keys by what reflection has told: how
// their messages are to be compared is known only now.
func (l *loader) describe() error {
	if len(l.reflected) == 0 {
		return nil
	}
	l.tolerance.protos = l.tolerance.protos.WithReflected(l.reflected)
	l.learning.protos = l.tolerance.protos
	for i := range l.rows {
		if r := &l.rows[i]; r.call {
			if err := l.rekey(r); err != nil {
				return fmt.Errorf("load %s: line at offset %d: %w", l.names[r.at.file()], r.at.offset(), err)
			}
		}
	}
	return nil
}

// rekey reads the request of a row again.
func (l *loader) rekey(r *row) error {
	f := l.files[r.at.file()]
	raw, err := f.ReadLine(r.at.offset(), int(r.length))
	if err != nil {
		return err
	}
	var req record.EntryRequest
	if req, l.scratch, err = parseRequest(l.scratch, membersOf(raw).request); err != nil {
		return err
	}
	u, err := parseURL(req.URL)
	if err != nil {
		return err
	}
	l.match(r, f, record.Line{ID: r.id, Offset: r.at.offset(), Length: int(r.length), Raw: raw}, req, u)
	return nil
}
