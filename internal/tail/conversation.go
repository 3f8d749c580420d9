package tail

import (
	"fmt"
	"strconv"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// opened fills the row for the handshake of a connection.
func (p *printer) opened(it *item) error {
	e, err := it.entry()
	if err != nil {
		return err
	}
	p.stamp(e.At)
	h := head{method: e.Request.Method, status: noStatus, size: unknown, duration: unknown}
	if e.Response != nil {
		h.status, h.style = strconv.Itoa(e.Response.Status), p.styles.status(e.Response.Status)
	}
	notes := []string{numbered(e.ID)}
	if e.WS.Subprotocol != "" {
		notes = append(notes, "subprotocol "+e.WS.Subprotocol)
	}
	if e.WS.Deflate != [2]traffic.Deflate{} {
		notes = append(notes, "compressed")
	}
	if e.WS.Opaque {
		notes = append(notes, "unknown extension")
	}
	p.request(h, e.Request.URL, append(notes, p.marksOf(e)...))
	p.details(it, e)
	return nil
}

// closed fills the row for the end of a connection.
func (p *printer) closed(it *item) error {
	c, err := it.end()
	if err != nil {
		return err
	}
	p.stamp(c.At)
	p.row.add(it.label + "---  closed")
	if c.By != "" {
		p.row.add(" by " + Safe(closedBy(c.By)))
	}
	p.row.add(": ")
	after := notesText(closeNotes(c))
	code, reason := closeText(c.Code), ""
	if c.Reason != "" {
		reason = ": " + Safe(c.Reason)
	}
	if room, fits := p.row.room(p.layout.width, columns(after), 0); fits {
		reason = cutEnd(reason, max(0, room-columns(code)))
		code = cutEnd(code, room)
	}
	p.row.styled(p.closeStyle(c.Code), code)
	p.row.add(reason)
	p.end(after)
	return nil
}

func closeNotes(c *record.CloseEntry) []string {
	var notes []string
	if c.Cause != "" {
		notes = append(notes, c.Cause)
	}
	return append(notes,
		fmt.Sprintf("%d -->", c.Frames[traffic.ClientToServer]),
		fmt.Sprintf("%d <--", c.Frames[traffic.ServerToClient]),
		durationText(c.Duration))
}

// closedBy names the side that ended a connection.
func closedBy(side traffic.Side) string {
	if side == traffic.SideUpstream {
		return "server"
	}
	return string(side)
}
