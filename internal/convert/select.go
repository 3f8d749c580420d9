package convert

import (
	"errors"
	"io"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// maxFiltered is how much of a body a filter looks into, in bytes.
const maxFiltered = 8 << 20

// leftOutError says why a line is left out.
type leftOutError struct{ err error }

func (e *leftOutError) Error() string { return e.err.Error() }
func (e *leftOutError) Unwrap() error { return e.err }

func asLeftOut(err error) (*leftOutError, bool) { return errors.AsType[*leftOutError](err) }

// matches reports whether the filter, if there is one, lets an exchange through.
func (c *converter) matches(e *record.Entry) bool {
	if c.options.Filter == nil {
		return true
	}
	x := e.Exchange(c.input.File)
	return c.options.Filter.Match(&filter.Subject{
		Exchange: x, Pending: e.Type == record.TypePending, Session: c.input.session,
		Content: c.options.Protos.Content(x, func(dir traffic.Direction) []byte { return c.content(e, dir) }),
	})
}

// content returns the content of one direction, nil for none and for what cannot
// be read, of which whoever copies it says more.
func (c *converter) content(e *record.Entry, dir traffic.Direction) []byte {
	b := e.Request.Body
	if dir == traffic.ServerToClient {
		if e.Response == nil {
			return nil
		}
		b = e.Response.Body
	}
	r, err := c.input.OpenBody(b)
	if err != nil {
		return nil
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, maxFiltered))
	if err != nil {
		return nil
	}
	return content
}

// socket is a WebSocket connection of the input.
type socket struct {
	handshake *record.Entry
	exchange  *traffic.Exchange
	host      string
	// written says that the handshake is in the output.
	written bool
}

// socket takes a ws.open line.
func (c *converter) socket(l record.Line) error {
	e, err := c.entry(l)
	if err != nil {
		return err
	}
	s := &socket{handshake: e, exchange: e.Exchange(c.input.File), host: hostOf(e)}
	c.input.sockets[l.ID] = s
	if c.matches(e) {
		return c.writeHandshake(s)
	}
	return nil
}

func (c *converter) writeHandshake(s *socket) error {
	if s.written {
		return nil
	}
	s.written = true
	c.result.Sockets++
	err := c.writeEntry(s.handshake)
	s.handshake = nil
	return err
}

// frame takes a ws.frame line.
func (c *converter) frame(l record.Line) error {
	f, err := record.ParseFrame(l.Raw)
	if err != nil {
		return &leftOutError{err}
	}
	s := c.input.sockets[l.ID]
	if s == nil {
		s = &socket{written: true} // the handshake is missing
		c.input.sockets[l.ID] = s
	}
	whole, err := c.input.ReadFrame(f, s.exchange)
	if err != nil {
		return err
	}
	if c.options.Filter != nil &&
		!c.options.Filter.Match(&filter.Subject{Exchange: s.exchange, Frame: whole, Session: c.input.session}) {
		return nil
	}
	if err := c.writeHandshake(s); err != nil {
		return err
	}
	f.Body.Inline, f.Body.File = whole.Payload, ""
	if f.Original != nil {
		f.Original.Inline, f.Original.File = whole.Original, ""
	}
	c.result.Frames++
	return c.writeFrame(f, s.host)
}

func (c *converter) writeFrame(f *record.FrameEntry, host string) error {
	if r := c.options.Redactor; r != nil && r.Frame(f) {
		c.result.Secrets++
	}
	f.ID = c.id(f.ID)
	if c.options.Normalize {
		f.At, f.Offset = normalTime, 0
	}
	return c.out.write(c.input.File, &line{frame: f, lineType: record.TypeWSFrame, host: host})
}

// closed takes a ws.close line.
func (c *converter) closed(l record.Line) error {
	e, err := record.ParseWSClose(l.Raw)
	if err != nil {
		return &leftOutError{err}
	}
	s := c.input.sockets[l.ID]
	delete(c.input.sockets, l.ID)
	if c.options.Redactor != nil {
		c.options.Redactor.Close(e.ID)
	}
	switch {
	case s == nil:
		s = &socket{}
	case !s.written:
		ends := filter.Subject{Exchange: s.exchange, Close: &e.WSClose, Session: c.input.session}
		if c.options.Filter == nil || !c.options.Filter.Match(&ends) {
			return nil
		}
		if err := c.writeHandshake(s); err != nil {
			return err
		}
	}
	e.ID = c.id(e.ID)
	if c.options.Normalize {
		e.At, e.Offset, e.Duration = normalTime, 0, 0
	}
	return c.out.write(c.input.File, &line{close: e, lineType: l.Type, host: s.host})
}

// subjectOfLine returns what a filter looks at of a line without an exchange, nil
// for one it knows nothing of.
func subjectOfLine(l record.Line) *filter.Subject {
	switch l.Type {
	case record.TypeTLS:
		if failed, err := record.ParseTLSFailed(l.Raw); err == nil {
			return &filter.Subject{TLSFailed: &failed}
		}
	case record.TypeTunnel:
		if tunnel, err := record.ParseTunnel(l.Raw); err == nil {
			return &filter.Subject{Tunnel: tunnel}
		}
	}
	return nil
}
