package tail

import (
	"strings"

	"github.com/fatih/color"
)

// gap is what columns have between them.
const gap = "  "

// row is a line in the making, which knows how wide it is.
type row struct {
	text  []byte
	width int // columns of text
}

func (r *row) reset() { r.text, r.width = r.text[:0], 0 }

// add appends text that is safe.
func (r *row) add(s string) {
	r.text = append(r.text, s...)
	r.width += columns(s)
}

// styled appends text that is safe, in a colour.
func (r *row) styled(c *color.Color, s string) {
	r.text = append(r.text, c.Sprint(s)...)
	r.width += columns(s)
}

// cell appends safe text filled up to so many columns, at its left if it is a
// number, and a gap.
func (r *row) cell(s string, size int, number bool) {
	fill := strings.Repeat(" ", max(0, size-columns(s)))
	if number {
		r.add(fill + s + gap)
	} else {
		r.add(s + fill + gap)
	}
}

// room returns how many columns of width are left for text, at least least, or
// false if there is no width to fit in. What follows the text, of so many
// columns, gets what the text does not need, but no more than half of the room
// is kept for it.
func (r *row) room(width, behind, least int) (int, bool) {
	left := width - r.width
	return max(least, left/2, left-behind), width > 0
}
