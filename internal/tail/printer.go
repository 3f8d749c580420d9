package tail

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/record"
)

// sink takes the lines that were selected, one after the other.
type sink interface {
	print(it *item) error
}

// rawPrinter prints lines as they are.
type rawPrinter struct{ out *output }

func (p rawPrinter) print(it *item) error { return p.out.writeLine(it.Raw) }

// printer prints the lines of one source for people.
type printer struct {
	o      *Options
	out    *output
	styles styles
	// mark tells the sources apart, "" where there is one.
	mark   string
	layout layout
	marks  [len(markWords)]*filter.Filter
	row    row // scratch
}

func newPrinter(o *Options, out *output, mark string) *printer {
	return &printer{o: o, out: out, styles: newStyles(o.Color), mark: mark, marks: newMarks()}
}

// print prints a line. Those that say nothing to people are left out.
func (p *printer) print(it *item) error {
	p.layout = layoutOf(p.o.width())
	p.row.reset()
	p.row.styled(p.styles.dim, p.mark)
	known, err := p.appendItem(it)
	if err != nil || !known {
		return err
	}
	return p.out.writeLine(p.row.text)
}

// appendItem fills the row, or reports that there is nothing to say.
func (p *printer) appendItem(it *item) (bool, error) {
	switch it.Type {
	case record.TypeHTTP, record.TypePending:
		return true, p.exchange(it)
	case record.TypeWSOpen:
		return true, p.opened(it)
	case record.TypeWSFrame:
		return true, p.frame(it)
	case record.TypeWSClose:
		return true, p.closed(it)
	case record.TypeTLS:
		p.failedTLS(it)
	case record.TypeTunnel:
		p.tunnel(it)
	default:
		return false, nil
	}
	return true, nil
}

// stamp begins a line with a time.
func (p *printer) stamp(at time.Time) {
	p.row.styled(p.styles.dim, at.In(p.o.location()).Format(p.layout.stamp))
	p.row.add(gap)
}

// unknown stands for what a line does not say.
const unknown = "-"

// noStatus stands for a status code, in as many columns.
const noStatus = "  -"

// head has what the line of an exchange has between its time and its URL.
type head struct {
	method, status, size, duration string
	style                          *colour // of the status, nil for none
}

// request appends the line of an exchange behind its time: head, URL and notes.
func (p *printer) request(h head, url string, notes []string) {
	p.row.cell(Safe(h.method), p.layout.method, false)
	if h.style == nil {
		p.row.add(h.status)
	} else {
		p.row.styled(h.style, h.status)
	}
	p.row.add(gap)
	if p.layout.measures {
		p.row.cell(h.size, 9, true)
		p.row.cell(h.duration, 8, true)
	}
	after := notesText(notes)
	url = Safe(p.layout.shorten(url))
	if room, fits := p.row.room(p.layout.width, columns(after), minURL); fits {
		url = cutMiddle(url, room)
	}
	p.row.add(url)
	p.end(after)
}

// end appends notes to a line, as far as there is room for them.
func (p *printer) end(notes string) {
	if room, fits := p.row.room(p.layout.width, 0, 0); fits {
		notes = cutEnd(notes, room)
	}
	p.row.add(notes)
}

// notesText returns what else there is to say, in parentheses, "" for nothing.
func notesText(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	dst := []byte(gap + "(")
	for i, note := range notes {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendSafe(dst, note)
	}
	return string(append(dst, ')'))
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

// numbered returns the sign of a connection.
func numbered(id uint64) string { return "#" + strconv.FormatUint(id, 10) }
