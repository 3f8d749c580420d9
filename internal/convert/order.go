package convert

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/necto-dev/necto/record"
)

// inputNumber is the number of an exchange or a connection in an input.
type inputNumber struct {
	input  int
	number uint64
}

// names numbers exchanges and connections in the order in which they come. The zero
// value works.
type names struct {
	begun      bool
	ids, conns map[inputNumber]uint64
}

func (n *names) id(id inputNumber) uint64     { return number(&n.ids, id) }
func (n *names) conn(conn inputNumber) uint64 { return number(&n.conns, conn) }

func number(known *map[inputNumber]uint64, old inputNumber) uint64 {
	if *known == nil {
		*known = map[inputNumber]uint64{}
	}
	next, ok := (*known)[old]
	if !ok {
		next = uint64(len(*known)) + 1
		(*known)[old] = next
	}
	return next
}

// group is the lines of an exchange, or one that belongs to none.
type group struct {
	input *input
	at    string // sorts as the time does
	id    uint64
	lines []place
}

// place is where a line is.
type place struct {
	lineType string
	offset   int64
	length   int
}

// inOrder converts the exchanges of all inputs in the order in which they began,
// each frame behind its handshake: how connections interleave differs from run to
// run.
func (c *converter) inOrder() error {
	var all []*group
	for number, path := range c.options.Inputs {
		in, err := c.open(number, path)
		if err != nil {
			return err
		}
		defer in.close(c.options.warn)
		groups, err := c.groups(in)
		if err != nil {
			return fmt.Errorf("convert %s: %w", path, err)
		}
		all = append(all, groups...)
	}
	slices.SortStableFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.input.number, b.input.number), cmp.Compare(a.id, b.id))
	})
	for _, g := range all {
		if err := c.group(g); err != nil {
			return fmt.Errorf("convert %s: %w", c.options.Inputs[g.input.number], err)
		}
	}
	return nil
}

// groups finds the lines of each exchange of an input.
func (c *converter) groups(in *input) ([]*group, error) {
	var all []*group
	byID := map[uint64]*group{}
	err := in.Scan(func(l record.Line) error {
		in.notePending(l)
		g := byID[l.ID]
		if l.ID == 0 || g == nil {
			g = &group{input: in, at: gjson.GetBytes(l.Raw, "at").String(), id: l.ID}
			if l.Type == record.TypeMeta {
				g.at = ""
			}
			all = append(all, g)
			if l.ID != 0 {
				byID[l.ID] = g
			}
		}
		g.lines = append(g.lines, place{l.Type, l.Offset, l.Length})
		return c.ctx.Err()
	})
	return all, err
}

// group converts the lines of an exchange.
func (c *converter) group(g *group) error {
	c.input = g.input
	for _, p := range g.lines {
		raw, err := c.input.ReadLine(p.offset, p.length)
		if err != nil {
			return err
		}
		if err := c.line(record.Line{Type: p.lineType, ID: g.id, Offset: p.offset, Length: p.length, Raw: raw}); err != nil {
			return err
		}
	}
	return nil
}
