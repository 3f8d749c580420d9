package tail

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/record"
)

// reader goes through one source, selects lines and hands them to a sink. It is a
// Handler, and keeps only what it needs to know of connections and exchanges that
// have not ended.
type reader struct {
	o      *Options
	source Source
	out    *output
	sink   sink

	since     string // as lines spell it, "" for no limit
	prefilter *filter.Prefilter
	session   string
	conns     *filter.Connections
	open      int // connections that have not ended
	pending   map[uint64]*item
	last      *ring // nil once it was printed
	unknown   bool  // it was said that a handshake is missing
	parts     parts // of a source that has several recordings
}

func newReader(o *Options, source Source, out *output, sink sink) *reader {
	r := &reader{
		o: o, source: source, out: out, sink: sink,
		conns: filter.NewConnections(), pending: map[uint64]*item{},
	}
	if o.Filter != nil {
		r.prefilter = o.Filter.Prefilter()
	}
	if !o.Since.IsZero() {
		r.since = o.Since.UTC().Format(stampLayout)
	}
	if o.Last != nil {
		r.last = &ring{limit: *o.Last}
	}
	return r
}

// run goes through the source to its end.
func (r *reader) run(ctx context.Context) error {
	if err := r.source.Scan(ctx, r); err != nil {
		return err
	}
	return r.end()
}

// end prints what was held back.
func (r *reader) end() error {
	if err := r.printPending(); err != nil {
		return err
	}
	if err := r.printLast(); err != nil {
		return err
	}
	return r.parts.each((*reader).end)
}

// Line takes a line of the source. One that cannot be understood is left out with
// a warning.
func (r *reader) Line(l record.Line) error {
	switch l.Type {
	case record.TypeMeta:
		return r.began(l)
	case record.TypeHTTP, record.TypeWSOpen:
		delete(r.pending, l.ID)
	}
	// Handshakes and ends of connections concern more lines than their own.
	connection := l.Type == record.TypeWSOpen || l.Type == record.TypeWSClose
	if !connection && r.prefilter != nil && !r.prefilter.MayMatch(l.Raw) {
		return nil
	}
	it := &item{Line: l, source: r.source}
	r.join(it)
	if r.since != "" && atOf(l.Raw) < r.since {
		return nil
	}
	return r.leftOut(it, r.choose(it))
}

// choose hands a line on if it is selected.
func (r *reader) choose(it *item) error {
	selected, err := r.matches(it)
	switch {
	case err != nil || !selected:
		return err
	case it.Type == record.TypePending && !r.o.Follow:
		return r.hold(it)
	}
	return r.selected(it)
}

// leftOut says which line could not be understood; any other error is returned.
func (r *reader) leftOut(it *item, err error) error {
	if _, ok := errors.AsType[*lineError](err); !ok {
		return err
	}
	r.Warn(fmt.Sprintf("%s: the line at byte %d is left out: %v", r.source.Name(), it.Offset, err))
	return nil
}

// Idle prints what there was when the source was read first, and flushes.
func (r *reader) Idle() error {
	if r.o.Follow {
		if err := r.printLast(); err != nil {
			return err
		}
		if err := r.parts.each((*reader).printLast); err != nil {
			return err
		}
	}
	return r.out.flush()
}

// Warn says what is wrong with the source.
func (r *reader) Warn(text string) { r.o.warn(text) }

// began begins a run, which has connections of its own.
func (r *reader) began(l record.Line) error {
	r.conns, r.open = filter.NewConnections(), 0
	r.session = gjson.GetBytes(l.Raw, "session").String()
	if !r.o.JSON || r.o.Stats {
		return nil
	}
	return r.sink.print(&item{Line: l})
}

// join notes the handshake of a connection, and gives its frames and its end what
// that said.
func (r *reader) join(it *item) {
	open := r.open
	switch it.Type {
	case record.TypeWSOpen:
		r.opened(it)
		return
	case record.TypeWSFrame:
		it.handshake = r.conns.Get(it.ID)
	case record.TypeWSClose:
		if it.handshake = r.conns.Close(it.ID); it.handshake != nil {
			r.open--
		}
	default:
		return
	}
	if it.handshake == nil {
		open++
	}
	if open > 1 {
		it.label = numbered(it.ID) + gap
	}
}

// opened notes the handshake of a connection, unless nobody asks for it.
func (r *reader) opened(it *item) {
	if r.o.Filter == nil && r.o.JSON && !r.o.Stats {
		return
	}
	e, err := it.entry()
	if err != nil {
		return // who looks at the line says so
	}
	if r.conns.Get(it.ID) == nil {
		r.open++
	}
	r.conns.Open(it.ID, e.Exchange(nil))
}

// maxPending is how many exchanges that have not ended are held back.
const maxPending = 16384

// hold keeps an exchange that has not ended until it does, or until the end.
func (r *reader) hold(it *item) error {
	if len(r.pending) >= maxPending {
		if err := r.printPending(); err != nil {
			return err
		}
	}
	it.keep()
	r.pending[it.ID] = it
	return nil
}

// printPending prints the exchanges that have not ended in the order in which
// they began.
func (r *reader) printPending() error {
	ids := make([]uint64, 0, len(r.pending))
	for id := range r.pending {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := r.selected(r.pending[id]); err != nil {
			return err
		}
	}
	clear(r.pending)
	return nil
}

// selected prints a line, or keeps it if only the last ones are wanted.
func (r *reader) selected(it *item) error {
	if r.last == nil {
		return r.print(it)
	}
	r.last.add(it)
	return nil
}

func (r *reader) printLast() error {
	if r.last == nil {
		return nil
	}
	last := r.last
	r.last = nil
	return last.drain(r.print)
}

// print prints a line, or says why it cannot be.
func (r *reader) print(it *item) error { return r.leftOut(it, r.sink.print(it)) }
