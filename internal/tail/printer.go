package tail

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/necto-dev/necto/record"
)

// Options says how a recording is printed. The zero value prints everything,
// without colours, in local time.
type Options struct {
	Selection
	// JSON prints the selected lines as they are, and those that begin a run, so
	// that what is printed is a recording, too.
	JSON bool
	// Hex adds a hex dump to binary frames.
	Hex bool
	// Pretty prints JSON in frames over several lines.
	Pretty bool
	// Color colours the output for a terminal.
	Color bool
	// Live prints exchanges that have not ended when their line comes; else they
	// are printed at the end, if they have no other line by then.
	Live bool
	// Bodies reads content that is not in the lines, nil if that is not at hand.
	Bodies Bodies
	// Location is the time zone of the stamps, nil for the local one.
	Location *time.Location
}

// Bodies reads content of a recording; *record.File does.
type Bodies interface {
	OpenBody(b *record.EntryBody) (io.ReadCloser, error)
}

// Printer prints the lines of a recording. It is used by one goroutine.
type Printer struct {
	out     io.Writer
	o       Options
	styles  styles
	line    []byte // scratch
	pending pendingLines
	conns   connections
}

// New returns a Printer that writes to w, once for each line.
func New(w io.Writer, o Options) *Printer {
	if o.Location == nil {
		o.Location = time.Local
	}
	return &Printer{
		out: w, o: o, styles: newStyles(o.Color),
		pending: pendingLines{byID: map[uint64]string{}},
		conns:   connections{byID: map[uint64]connection{}},
	}
}

// Line prints a line of the recording if it is selected. The error is that of
// the writer, or says which line could not be understood.
func (p *Printer) Line(l record.Line) error {
	switch l.Type {
	case record.TypeMeta:
		return p.meta(l)
	case record.TypeHTTP, record.TypePending:
		return p.exchange(l)
	case record.TypeWSOpen:
		return p.opened(l)
	case record.TypeWSFrame:
		return p.frame(l)
	case record.TypeWSClose:
		return p.closed(l)
	case record.TypeTLS:
		return p.other(l, p.appendTLS)
	case record.TypeTunnel:
		return p.other(l, p.appendTunnel)
	default:
		return p.other(l, nil)
	}
}

// Finish prints what had not ended when the recording did.
func (p *Printer) Finish() error {
	return p.pending.each(func(line string) error { return p.write([]byte(line)) })
}

// meta begins a run, which has connections of its own.
func (p *Printer) meta(l record.Line) error {
	clear(p.conns.byID)
	if p.o.JSON {
		return p.raw(l)
	}
	return nil
}

// other prints a line that is neither of an exchange nor of a conversation;
// without text it has none for people.
func (p *Printer) other(l record.Line, text func([]byte, record.Line) []byte) error {
	switch {
	case !p.o.others():
		return nil
	case p.o.JSON:
		return p.raw(l)
	case text == nil:
		return nil
	}
	return p.write(text(p.line[:0], l))
}

// raw prints a line as it is.
func (p *Printer) raw(l record.Line) error { return p.write(append(p.line[:0], l.Raw...)) }

// write ends a line and writes it.
func (p *Printer) write(line []byte) error {
	p.line = append(line, '\n')
	_, err := p.out.Write(p.line)
	return err
}

// stamp begins a line with a time.
func (p *Printer) stamp(dst []byte, at time.Time) []byte {
	return append(dst, p.styles.dim.Sprint(at.In(p.o.Location).Format("[15:04:05.000]"))+"  "...)
}

// unknown stands for what a line does not say.
const unknown = "-"

// row appends what the line of an exchange has behind its time. status has three
// columns without its colour.
func (p *Printer) row(dst []byte, method, status, size, duration, url string) []byte {
	dst = fmt.Appendf(dst, "%-7s  %s  %9s  %8s  ", safe(method), status, size, duration)
	return appendSafe(dst, url)
}

// notes appends what else there is to say, in parentheses.
func (p *Printer) notes(dst []byte, notes []string) []byte {
	for i, note := range notes {
		if i == 0 {
			dst = append(dst, "  ("...)
		} else {
			dst = append(dst, ", "...)
		}
		dst = appendSafe(dst, note)
	}
	if len(notes) > 0 {
		dst = append(dst, ')')
	}
	return dst
}

// sizeText returns a number of bytes for people.
func sizeText(n int64) string { return humanize.IBytes(uint64(max(0, n))) }

// durationText returns a duration for people, to a tenth of a millisecond at
// most.
func durationText(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond))
	case d < time.Minute:
		return fmt.Sprintf("%.2fs", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}
