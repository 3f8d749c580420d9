package tail

import (
	"fmt"
	"strconv"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// connections are the WebSocket connections that are open.
type connections struct {
	byID map[uint64]connection
}

// connection is what is known of a WebSocket connection.
type connection struct {
	scheme string // "" if its handshake is not in the recording
}

// of returns a connection, which is open.
func (c connections) of(id uint64) connection {
	conn := c.byID[id]
	c.byID[id] = conn
	return conn
}

// label tells connections apart where there are several.
func (c connections) label(id uint64) string {
	if len(c.byID) < 2 {
		return ""
	}
	return "#" + strconv.FormatUint(id, 10) + "  "
}

// opened prints the handshake of a connection.
func (p *Printer) opened(l record.Line) error {
	if !p.o.conversations() {
		return nil
	}
	e, err := record.ParseEntry(l.Raw)
	if err != nil {
		return err
	}
	delete(p.pending.byID, l.ID)
	scheme := schemeOf(e.Request.URL)
	p.conns.byID[l.ID] = connection{scheme: scheme}
	switch {
	case p.o.framesOnly() || !p.o.scheme(scheme):
		return nil
	case p.o.JSON:
		return p.raw(l)
	}
	return p.write(p.appendOpened(p.line[:0], e))
}

func (p *Printer) appendOpened(dst []byte, e *record.Entry) []byte {
	dst = p.stamp(dst, e.At)
	status := noStatus
	if e.Response != nil {
		status = p.status(e.Response.Status)
	}
	dst = p.row(dst, e.Request.Method, status, unknown, unknown, e.Request.URL)
	notes := []string{"#" + strconv.FormatUint(e.ID, 10)}
	if e.WS.Subprotocol != "" {
		notes = append(notes, "subprotocol "+e.WS.Subprotocol)
	}
	if e.WS.Deflate != [2]traffic.Deflate{} {
		notes = append(notes, "compressed")
	}
	if e.WS.Opaque {
		notes = append(notes, "unknown extension")
	}
	return p.notes(dst, notes)
}

// closed prints the end of a connection.
func (p *Printer) closed(l record.Line) error {
	if !p.o.conversations() {
		return nil
	}
	conn, label := p.conns.of(l.ID), p.conns.label(l.ID)
	delete(p.conns.byID, l.ID)
	switch {
	case p.o.framesOnly() || !p.o.scheme(conn.scheme):
		return nil
	case p.o.JSON:
		return p.raw(l)
	}
	c, err := record.ParseWSClose(l.Raw)
	if err != nil {
		return err
	}
	return p.write(p.appendClosed(p.line[:0], c, label))
}

func (p *Printer) appendClosed(dst []byte, c *record.CloseEntry, label string) []byte {
	dst = p.stamp(dst, c.At)
	dst = append(dst, label...)
	dst = append(dst, "---  closed"...)
	if c.By != "" {
		dst = appendSafe(append(dst, " by "...), closedBy(c.By))
	}
	dst = append(dst, ": "+p.closeStyle(c.Code).Sprint(closeText(c.Code))...)
	if c.Reason != "" {
		dst = appendSafe(append(dst, ": "...), c.Reason)
	}
	var notes []string
	if c.Cause != "" {
		notes = append(notes, c.Cause)
	}
	notes = append(notes,
		fmt.Sprintf("%d -->", c.Frames[traffic.ClientToServer]),
		fmt.Sprintf("%d <--", c.Frames[traffic.ServerToClient]),
		durationText(c.Duration))
	return p.notes(dst, notes)
}

// closedBy names the side that ended a connection.
func closedBy(side traffic.Side) string {
	if side == traffic.SideUpstream {
		return "server"
	}
	return string(side)
}
