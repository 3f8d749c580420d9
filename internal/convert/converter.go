package convert

import (
	"context"
	"fmt"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/necto-dev/necto/record"
	"github.com/necto-dev/necto/traffic"
)

// line is a line on its way to an output.
type line struct {
	// Exactly one of these, or raw.
	entry *record.Entry
	frame *record.FrameEntry
	close *record.CloseEntry
	// same is a line that only gets other numbers: id, conn, and that of the line.
	same     *record.Line
	id, conn uint64
	raw      []byte
	// lineType is the type, host that of its exchange, "" for none.
	lineType, host string
}

// output is where lines go.
type output interface {
	// write writes a line, of which it keeps nothing; file is where it is from.
	write(file *record.File, l *line) error
	// commit ends the files and gives them their names, which it returns.
	commit(ctx context.Context) ([]string, error)
	// discard removes what was not committed.
	discard() error
}

// input is a source with what is known of it on the way through.
type input struct {
	source
	// number is its place among the inputs, from 0.
	number  int
	session string
	pending map[uint64]bool // exchanges that have not ended
	sockets map[uint64]*socket
}

// converter goes through the inputs.
type converter struct {
	ctx     context.Context
	options *Options
	out     output
	result  Result

	// Of the inputs before this one:
	baseID, baseConn uint64
	// The highest numbers of this one:
	lastID, lastConn uint64

	input *input
	names names // of Normalize
}

func (c *converter) run() error {
	if c.options.Normalize {
		return c.inOrder()
	}
	for number, path := range c.options.Inputs {
		in, err := c.open(number, path)
		if err != nil {
			return err
		}
		err = c.convert(in)
		in.close(c.options.warn)
		if err != nil {
			return fmt.Errorf("convert %s: %w", path, err)
		}
		c.baseID += c.lastID
		c.baseConn += c.lastConn
	}
	return nil
}

func (c *converter) open(number int, path string) (*input, error) {
	in, err := openSource(path, !c.options.Normalize)
	if err != nil {
		return nil, err
	}
	return &input{source: in, number: number, pending: map[uint64]bool{}, sockets: map[uint64]*socket{}}, nil
}

// convert converts an input in the order of its lines.
func (c *converter) convert(in *input) error {
	c.input, c.lastID, c.lastConn = in, 0, 0
	if in.streamed {
		return in.Scan(c.line)
	}
	err := in.Scan(func(l record.Line) error {
		in.notePending(l)
		return c.ctx.Err()
	})
	if err != nil {
		return err
	}
	return in.Scan(c.line)
}

// notePending notes whether the exchange of a line goes on.
func (in *input) notePending(l record.Line) {
	switch l.Type {
	case record.TypePending:
		in.pending[l.ID] = true
	case record.TypeHTTP, record.TypeWSOpen:
		delete(in.pending, l.ID)
	}
}

// line takes a line of the input.
func (c *converter) line(l record.Line) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	c.result.Read += int64(l.Length) + 1
	if c.options.Progress != nil {
		c.options.Progress(int64(l.Length) + 1)
	}
	err := c.take(l)
	if left, ok := asLeftOut(err); ok {
		c.options.warn(fmt.Sprintf("the line at byte %d is left out: %v", l.Offset, left.err))
		return nil
	}
	return err
}

func (c *converter) take(l record.Line) error {
	switch l.Type {
	case record.TypeMeta:
		return c.meta(l)
	case record.TypeEnd:
		return nil // a new one is written
	case record.TypePending:
		// In a HAR an exchange is there once, as it was last.
		if !c.input.streamed && !c.input.pending[l.ID] {
			return nil // it has ended later on
		}
		delete(c.input.pending, l.ID)
	}
	if c.staysAsItIs(l) {
		return c.same(l)
	}
	switch l.Type {
	case record.TypePending, record.TypeHTTP:
		return c.exchange(l)
	case record.TypeWSOpen:
		return c.socket(l)
	case record.TypeWSFrame:
		return c.frame(l)
	case record.TypeWSClose:
		return c.closed(l)
	}
	return c.other(l)
}

// meta begins a run. Of several runs that are normalized the first is enough.
func (c *converter) meta(l record.Line) error {
	c.input.session = gjson.GetBytes(l.Raw, "session").String()
	raw := append([]byte(nil), l.Raw...)
	if c.options.Redactor != nil {
		raw = set(raw, "redaction", "auto")
	}
	if c.options.Normalize {
		if c.names.begun {
			return nil
		}
		c.names.begun = true
		raw = normalMeta(raw)
	}
	return c.out.write(c.input.File, &line{raw: raw, lineType: l.Type})
}

// other takes a line that belongs to no exchange, or that this version does not
// know.
func (c *converter) other(l record.Line) error {
	s := subjectOfLine(l)
	if c.options.Filter != nil && (s == nil || !c.options.Filter.Match(s)) {
		return nil
	}
	raw := append([]byte(nil), l.Raw...)
	if conn := gjson.GetBytes(raw, "conn"); conn.Exists() {
		raw = set(raw, "conn", c.conn(conn.Uint()))
	}
	if l.ID != 0 {
		raw = set(raw, "id", c.id(l.ID))
	}
	if c.options.Normalize {
		raw = normalOther(raw)
	}
	return c.out.write(c.input.File, &line{raw: raw, lineType: l.Type, host: hostOfLine(l)})
}

// exchange takes an http or http.pending line.
func (c *converter) exchange(l record.Line) error {
	e, err := c.entry(l)
	if err != nil {
		return err
	}
	if !c.matches(e) {
		return nil
	}
	c.result.Exchanges++
	return c.writeEntry(e)
}

func (c *converter) entry(l record.Line) (*record.Entry, error) {
	e, err := record.ParseEntry(l.Raw)
	if err != nil {
		return nil, &leftOutError{err}
	}
	return e, nil
}

func (c *converter) writeEntry(e *record.Entry) error {
	host := hostOf(e)
	e.ID, e.Conn = c.id(e.ID), c.conn(e.Conn)
	redactor := c.options.Redactor
	secret := redactor != nil && redactor.Entry(e)
	if c.options.Normalize {
		normalEntry(e)
	}
	beside := sidecars(e)
	if err := c.out.write(c.input.File, &line{entry: e, lineType: e.Type, host: host}); err != nil {
		return err
	}
	// Sidecars are named for their content, which redaction may have changed.
	if secret || redactor != nil && sidecars(e) != beside {
		c.result.Secrets++
	}
	return nil
}

// id returns the number of an exchange in the output.
func (c *converter) id(id uint64) uint64 {
	c.lastID = max(c.lastID, id)
	if c.options.Normalize {
		return c.names.id(inputNumber{c.input.number, id})
	}
	return c.baseID + id
}

// conn is id for connections.
func (c *converter) conn(conn uint64) uint64 {
	c.lastConn = max(c.lastConn, conn)
	if c.options.Normalize {
		return c.names.conn(inputNumber{c.input.number, conn})
	}
	return c.baseConn + conn
}

// set sets a member of a line, in its place if it is there.
func set(raw []byte, name string, value any) []byte {
	changed, err := sjson.SetBytes(raw, name, value)
	if err != nil {
		return raw // never: the line is an object, and the name no path
	}
	return changed
}

func hostOf(e *record.Entry) string {
	return e.Exchange(nil).Request.URL.Hostname()
}

// hostOfLine returns the host that a tunnel or a TLS handshake was for.
func hostOfLine(l record.Line) string {
	found := gjson.GetManyBytes(l.Raw, "sni", "target")
	if sni := found[0].String(); sni != "" {
		return sni
	}
	return (traffic.URL{Authority: found[1].String()}).Hostname()
}
