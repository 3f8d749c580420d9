package tail

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// exchange prints a line of an exchange. One that has not ended has its line
// replaced when it does.
func (p *Printer) exchange(l record.Line) error {
	if !p.o.exchanges() {
		return nil
	}
	delete(p.pending.byID, l.ID)
	e, err := record.ParseEntry(l.Raw)
	if err != nil {
		return err
	}
	if !p.o.scheme(schemeOf(e.Request.URL)) {
		return nil
	}
	line := p.line[:0]
	if p.o.JSON {
		line = append(line, l.Raw...)
	} else {
		line = p.appendExchange(line, e)
	}
	if l.Type == record.TypePending && !p.o.Live {
		p.pending.byID[l.ID] = string(line)
		return nil
	}
	return p.write(line)
}

func (p *Printer) appendExchange(dst []byte, e *record.Entry) []byte {
	dst = p.stamp(dst, e.At)
	status, size, duration := noStatus, unknown, durationText(e.Duration)
	if e.Response != nil {
		status = p.status(e.Response.Status)
		if e.Response.Body != nil {
			size = sizeText(e.Response.Body.Size)
		}
	}
	var notes []string
	switch {
	case e.Failure != nil:
		status = p.styles.bad.Sprint("ERR")
		notes = append(notes, failureText(e.Failure))
	case e.Type == record.TypePending:
		status, duration = p.styles.dim.Sprint("..."), unknown
		notes = append(notes, "not ended")
	}
	dst = p.row(dst, e.Request.Method, status, size, duration, e.Request.URL)
	return p.notes(dst, notes)
}

// status returns a status code with its colour.
func (p *Printer) status(code int) string {
	return p.styles.status(code).Sprint(strconv.Itoa(code))
}

// noStatus stands for a status code, in as many columns.
const noStatus = "  -"

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

// schemeOf returns the scheme of a URL.
func schemeOf(url string) string {
	u, err := traffic.ParseURL(url)
	if err != nil {
		return ""
	}
	return u.Scheme
}

// pendingLines are exchanges that have not ended, as they would be printed.
type pendingLines struct {
	byID map[uint64]string
}

// each calls fn for each in the order in which they began.
func (p pendingLines) each(fn func(string) error) error {
	ids := make([]uint64, 0, len(p.byID))
	for id := range p.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := fn(p.byID[id]); err != nil {
			return err
		}
	}
	return nil
}

func (p *Printer) appendTLS(dst []byte, l record.Line) []byte {
	line := gjson.ParseBytes(l.Raw)
	dst = p.stamp(dst, timeOf(line))
	dst = p.row(dst, "TLS", p.styles.bad.Sprint("ERR"), unknown, unknown, line.Get("sni").String())
	return p.notes(dst, []string{line.Get("failure").String(), "client " + line.Get("client").String()})
}

func (p *Printer) appendTunnel(dst []byte, l record.Line) []byte {
	line := gjson.ParseBytes(l.Raw)
	up, down := line.Get("bytesUp").Int(), line.Get("bytesDown").Int()
	took := time.Duration(line.Get("ms").Num * float64(time.Millisecond))
	dst = p.stamp(dst, timeOf(line))
	dst = p.row(dst, "TUNNEL", noStatus, sizeText(up+down), durationText(took), line.Get("target").String())
	return p.notes(dst, []string{fmt.Sprintf("%s up, %s down", sizeText(up), sizeText(down))})
}

// timeOf returns when a line was, the zero time if it does not say.
func timeOf(line gjson.Result) time.Time {
	at, err := time.Parse(time.RFC3339Nano, line.Get("at").String())
	if err != nil {
		return time.Time{}
	}
	return at
}
