package convert

import (
	"bytes"
	"errors"

	"github.com/necto-dev/necto/internal/jsondoc"
	"github.com/necto-dev/necto/record"
)

// isPlain reports whether lines only get other numbers.
func (o *Options) isPlain() bool {
	return o.Filter == nil && o.Redactor == nil && !o.Normalize && !o.SplitHost && !o.CheckOnly
}

// staysAsItIs reports whether nothing of a line changes but its numbers, so that
// nobody has to understand it: its content is in it, and stays there.
func (c *converter) staysAsItIs(l record.Line) bool {
	return c.options.isPlain() && l.CanRenumber() && isTraffic(l.Type) &&
		(c.options.Inline || len(l.Raw) <= inlineMax) && !bytes.Contains(l.Raw, []byte(`"file":`))
}

// isTraffic reports whether lines of that type are of an exchange.
func isTraffic(lineType string) bool {
	switch lineType {
	case record.TypeHTTP, record.TypePending, record.TypeWSOpen, record.TypeWSFrame, record.TypeWSClose:
		return true
	}
	return false
}

// same takes a line that stays as it is.
func (c *converter) same(l record.Line) error {
	if !c.input.streamed && !jsondoc.Valid(l.Raw) { // lines of a HAR are made by us
		return &leftOutError{errors.New("not JSON")}
	}
	switch l.Type {
	case record.TypeHTTP, record.TypePending:
		c.result.Exchanges++
	case record.TypeWSOpen:
		c.result.Sockets++
	case record.TypeWSFrame:
		c.result.Frames++
	}
	return c.out.write(c.input.File, &line{same: &l, id: c.id(l.ID), conn: c.conn(l.Conn), lineType: l.Type})
}
