package tail

import (
	"time"

	"github.com/necto-dev/necto/internal/filter"
	"github.com/necto-dev/necto/internal/protoset"
)

// Options says what is printed, and how. The zero value prints everything there
// is, in lines of any length, without colours, in local time.
type Options struct {
	// Filter selects lines, nil for all.
	Filter *filter.Filter
	// Since selects what began at that time or later; the zero time selects all.
	Since time.Time
	// Last prints no more than so many lines of what each source has when it is
	// read first, nil for all. What is added later is printed in any case.
	Last *int
	// Follow means that the sources wait for more. They are read side by side
	// then, else one after the other; and exchanges that have not ended are
	// printed when their line comes, else at the end, if they have not ended by
	// then.
	Follow bool

	// JSON prints the selected lines as they are, and those that begin a run, so
	// that what is printed of one source is a recording, too.
	JSON bool
	// Format prints what a template makes of the selected lines, nil for none.
	Format *Format
	// Stats prints a summary at the end in place of the lines; with JSON it is an
	// object.
	Stats bool

	// Headers and Body add header fields and content of exchanges.
	Headers, Body bool
	// Protos describe messages of gRPC calls, which are printed below them as JSON
	// then, and are what the filter sees as their content; nil describes nothing.
	Protos *protoset.Set
	// Hex adds a hex dump to binary content.
	Hex bool
	// Pretty prints JSON over several lines.
	Pretty bool
	// Color colours the output for a terminal.
	Color bool
	// Width returns the width of the terminal in columns, to which lines are cut.
	// It is asked before each, and may return 0 for lines of any length. Nil means
	// that the output is no terminal.
	Width func() int
	// Location is the time zone of the stamps, nil for the local one.
	Location *time.Location
	// Warn is told what is wrong with a source; nil discards it. With Follow it is
	// called concurrently.
	Warn func(text string)
}

func (o *Options) width() int {
	if o.Width == nil {
		return 0
	}
	return max(0, o.Width())
}

func (o *Options) location() *time.Location {
	if o.Location == nil {
		return time.Local
	}
	return o.Location
}

func (o *Options) warn(text string) {
	if o.Warn != nil {
		o.Warn(text)
	}
}
